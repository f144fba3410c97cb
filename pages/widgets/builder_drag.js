// Dragging a row by its handle, with mouse, pen or finger: a line shows where it would land, the
// page scrolls near its edges, Escape puts everything back.

const STARTS_AFTER = 4; // pixels
const EDGE = 70; // pixels from the edge of the window where scrolling starts
const RIM = 12; // pixels at the top and bottom of a group that mean before and after it

function startDrag(screen, view, down) {
  if (down.button !== 0) return;
  down.preventDefault();
  const drag = { screen, view, x: down.clientX, y: down.clientY, from: [down.clientX, down.clientY], on: false };
  const moved = (event) => {
    Object.assign(drag, { x: event.clientX, y: event.clientY });
    if (!drag.on && Math.hypot(drag.x - drag.from[0], drag.y - drag.from[1]) > STARTS_AFTER) lift(drag);
    if (drag.on) hover(drag);
  };
  const end = (drop) => {
    view.handle.onpointermove = view.handle.onpointerup = view.handle.onpointercancel = null;
    removeEventListener("keydown", pressed, true);
    if (drag.on) settle(drag, drop);
  };
  const pressed = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end(false);
    say(screen, screen.texts.said_cancelled);
  };
  view.handle.setPointerCapture(down.pointerId);
  view.handle.onpointermove = moved;
  view.handle.onpointerup = () => end(true);
  view.handle.onpointercancel = () => end(false);
  addEventListener("keydown", pressed, true);
}

function lift(drag) {
  const { screen, view } = drag;
  const box = view.row.getBoundingClientRect();
  drag.on = true;
  drag.ghost = view.row.cloneNode(true);
  drag.ghost.className += " ghost";
  drag.ghost.inert = true;
  Object.assign(drag.ghost.style, { width: `${box.width}px`, left: `${box.left}px`, top: `${box.top}px` });
  for (const [place, select] of view.row.querySelectorAll("select").entries()) drag.ghost.querySelectorAll("select")[place].value = select.value;
  drag.line = el("div", { class: "line" });
  drag.lifted = [box.left, box.top];
  screen.root.append(drag.ghost, drag.line);
  screen.root.classList.add("dragging");
  view.row.classList.add("lifted");
  tip(screen, null);
  scroll(drag);
}

function hover(drag) {
  const [by, down] = [drag.x - drag.from[0], drag.y - drag.from[1]];
  drag.ghost.style.transform = `translate(${by * 0.2}px, ${down}px)`;
  drag.slot = slotAt(drag);
  drag.line.hidden = !drag.slot;
  if (!drag.slot) return;
  const { left, width, y } = drag.slot;
  Object.assign(drag.line.style, { left: `${left}px`, width: `${width}px`, top: `${y - 1.5}px` });
}

// {group, place, left, width, y}: where the row would land, or null where it cannot.
function slotAt({ screen, view, y, ghost }) {
  const tree = screen.store.tree;
  const dragged = view.node;
  const inside = (group) => {
    for (const child of group.of) {
      if (!child.of || child === dragged) continue;
      const box = screen.views.get(child.id).element.getBoundingClientRect();
      if (y > box.top + RIM && y < box.bottom - RIM && fits(tree, child, dragged)) return inside(child);
    }
    return group;
  };
  const group = inside(tree);
  if (ghost && !fits(tree, group, dragged)) return null;
  const boxes = group.of.map((child) => screen.views.get(child.id).row.getBoundingClientRect());
  const found = boxes.findIndex((box) => y < box.top + box.height / 2);
  const place = found < 0 ? boxes.length : found;
  const own = screen.views.get(group.id);
  const frame = (group.of.length ? own.rows : own.empty).getBoundingClientRect();
  const [above, below] = [boxes[place - 1], boxes[place]];
  const at = above && below ? (above.bottom + below.top) / 2 : above ? above.bottom + 3 : below ? below.top - 3 : frame.top + frame.height / 2;
  return { group, place, left: frame.left, width: frame.width, y: at };
}

function scroll(drag) {
  if (!drag.on) return;
  const over = EDGE - drag.y;
  const under = drag.y - (innerHeight - EDGE);
  const by = over > 0 ? -over / 5 : under > 0 ? under / 5 : 0;
  if (by) {
    scroller(drag.screen.root)?.scrollBy(0, Math.max(-18, Math.min(18, by)));
    hover(drag);
  }
  requestAnimationFrame(() => scroll(drag));
}

function scroller(element) {
  let now = element.getRootNode().host ?? element;
  while (now && now !== document.body) {
    if (now.scrollHeight > now.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(now).overflowY)) return now;
    now = now.parentElement;
  }
  return document.scrollingElement;
}

function settle(drag, drop) {
  const { screen, view, slot } = drag;
  drag.on = false;
  drag.ghost.remove();
  drag.line.remove();
  screen.root.classList.remove("dragging");
  view.row.classList.remove("lifted");
  if (!drop || !slot || !move(screen.store.tree, view.node.id, slot.group, slot.place)) return;
  const { parent, place } = locate(screen.store.tree, view.node.id);
  changed(screen, { said: fill(screen.texts.said_moved, { place: place + 1, of: parent.of.length }) });
}
