// Draws nothing. It has the part of the page that it stands in run again when the builder has
// painted the counts of another tree than that part shows: after the counts, once people pause.
//
// In:  {key, stamp}: the builder's, and the tree that this part shows.
// Out: trigger "follow", once for each tree.

const PAUSE = 150;
const painted = (globalThis.pregonPainted ??= new Map()); // key of a builder → stamp
const followers = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  const follower = followers.get(parentElement) ?? begin(parentElement);
  Object.assign(follower, { data, send: (stamp) => setTriggerValue("follow", stamp) });
  follower.look();
  return () => {
    clearTimeout(follower.timer);
    removeEventListener("pregon:painted", follower.look);
    followers.delete(parentElement);
  };
}

function begin(parentElement) {
  const follower = { timer: 0, asked: null };
  follower.look = () => {
    clearTimeout(follower.timer);
    follower.timer = setTimeout(() => {
      const stamp = painted.get(follower.data.key) ?? follower.data.stamp;
      if (stamp === follower.data.stamp || stamp === follower.asked) return;
      follower.asked = stamp; // not twice, should the two never agree
      follower.send(stamp);
    }, PAUSE);
  };
  addEventListener("pregon:painted", follower.look);
  followers.set(parentElement, follower);
  return follower;
}
