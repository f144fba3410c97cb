// Undo and redo: the whole tree before each edit, as text. Typing in one place is one edit.

const PAUSE = 1500; // milliseconds after which typing goes on as a new edit
const REMEMBERED = 300;

function startHistory(store) {
  Object.assign(store, { past: [], future: [], now: JSON.stringify(store.tree), kind: null, at: 0 });
}

// After a change. Edits of the same kind ("type:<id>") in quick succession become one.
function record(store, kind = null) {
  const now = JSON.stringify(store.tree);
  if (now === store.now) return;
  const goesOn = kind && kind === store.kind && Date.now() - store.at < PAUSE;
  if (!goesOn) store.past.push(store.now);
  if (store.past.length > REMEMBERED) store.past.shift();
  Object.assign(store, { now, kind, at: Date.now(), future: [] });
}

// One step back (or forward). Returns the id of what differs, or null when there is no such step.
function step(store, { from, to }) {
  if (!store[from].length) return null;
  store[to].push(store.now);
  const before = new Map(nodes(store.tree).map((node) => [node.id, shallow(node)]));
  store.now = store[from].pop();
  store.tree = JSON.parse(store.now);
  store.kind = null;
  const changed = nodes(store.tree).filter((node) => before.get(node.id) !== shallow(node));
  return (changed.find((node) => !node.of) ?? changed.at(-1) ?? store.tree).id;
}

const undo = (store) => step(store, { from: "past", to: "future" });
const redo = (store) => step(store, { from: "future", to: "past" });

const shallow = (node) =>
  JSON.stringify(node.of ? [node.match, node.of.map((child) => child.id)] : [node.field, node.op, node.value]);
