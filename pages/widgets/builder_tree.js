// The tree being edited. A node is {id, field, op, value} or {id, match, of}; ids live in the
// browser only and stay with a node while it moves, is undone or counted.

const DEEPEST = 8; // groups in groups that are still readable; the engine takes more

function newId() {
  desk.ids += 1;
  return `n${desk.ids}`;
}

// A document as the engine writes it → nodes with new ids.
function adopt(document) {
  if (Array.isArray(document.of)) return { id: newId(), match: document.match, of: document.of.map(adopt) };
  return { id: newId(), field: document.field, op: document.op, value: document.value ?? null };
}

// The opposite. A value that is not there is left out, as the engine does.
function bare(node) {
  if (node.of) return { match: node.match, of: node.of.map(bare) };
  const made = { field: node.field, op: node.op };
  return node.value === null || node.value === undefined ? made : { ...made, value: node.value };
}

const written = (node) => JSON.stringify(bare(node));

// Whether something pasted or stored is a node at all.
function adoptable(document) {
  if (document === null || typeof document !== "object") return false;
  if (Array.isArray(document.of)) return ["all", "any", "none"].includes(document.match) && document.of.every(adoptable);
  return typeof document.field === "string" && typeof document.op === "string";
}

const newCondition = () => ({ id: newId(), field: "", op: "", value: null });
const newGroup = (match, ...of) => ({ id: newId(), match, of });

function nodes(node) {
  return [node, ...(node.of ?? []).flatMap(nodes)];
}

const conditionsIn = (node) => nodes(node).filter((one) => !one.of).length;
const height = (node) => (node.of ? 1 + Math.max(0, ...node.of.map(height)) : 0);

// Where a node stands: {node, parent, place, depth}; the root has no parent and depth 0.
function locate(tree, id, parent = null, place = 0, depth = 0) {
  if (tree.id === id) return { node: tree, parent, place, depth };
  for (const [position, child] of (tree.of ?? []).entries()) {
    const found = locate(child, id, tree, position, depth + 1);
    if (found) return found;
  }
  return null;
}

const fits = (tree, group, node) => locate(tree, group.id).depth + height(node) < DEEPEST;

// Put a node somewhere else: before the member that stands at `place` of the group now.
// False when that is inside itself, too deep, or where it stands already.
function move(tree, id, group, place) {
  const from = locate(tree, id);
  if (!from?.parent || locate(from.node, group.id) || !fits(tree, group, from.node)) return false;
  const to = from.parent === group && from.place < place ? place - 1 : place;
  if (from.parent === group && to === from.place) return false;
  from.parent.of.splice(from.place, 1);
  group.of.splice(to, 0, from.node);
  return true;
}

// A group's members in its place. The match of the group around them holds from then on.
function ungroup(tree, id) {
  const { node, parent, place } = locate(tree, id);
  parent.of.splice(place, 1, ...node.of);
  return node.of[0] ?? null;
}

function wrap(tree, id) {
  const { node, parent, place } = locate(tree, id);
  if (!fits(tree, parent, newGroup("all", node))) return null;
  const made = newGroup(parent.match === "all" ? "any" : "all", node);
  parent.of.splice(place, 1, made);
  return made;
}

// The tree as the engine reads it, finished conditions only, and where each node stands in it:
// id → path, as in the counts that come back. isFinished(condition) decides.
function finished(tree, isFinished) {
  const paths = new Map();
  const prune = (node, path) => {
    if (!node.of) {
      if (!isFinished(node)) return null;
      paths.set(node.id, path);
      return bare(node);
    }
    const kept = [];
    for (const child of node.of) {
      const made = prune(child, path === "" ? String(kept.length) : `${path}.${kept.length}`);
      if (made) kept.push(made);
    }
    if (!kept.length && node !== tree) return null;
    paths.set(node.id, path);
    return { match: node.match, of: kept };
  };
  return { tree: prune(tree, ""), paths };
}
