// What a person does to the tree: each edit is recorded, drawn, kept and sent.

function changed(screen, { focus = null, said = "" } = {}) {
  record(screen.store);
  sync(screen, focus);
  kept(screen, 0);
  if (said) say(screen, said);
}

function typed(screen, id, wait) {
  record(screen.store, `type:${id}`);
  kept(screen, wait);
  paint(screen);
}

function kept(screen, wait) {
  paintHistory(screen);
  keepDraft(screen);
  emit(screen, wait);
}

const kindOf = (screen, node) => screen.fields.get(node.field)?.operators[node.op]?.value ?? null;

function isFinished(screen, node) {
  const kind = kindOf(screen, node);
  // What the catalogue does not know any more goes to the engine, which says so at its place.
  return kind ? editors[kind].finished(node.value) : Boolean(node.field && node.op);
}

// Adding

function add(screen, group, node, place, focus) {
  const room = screen.data.most - conditionsIn(screen.store.tree);
  if (conditionsIn(node) > room) return say(screen, fill(screen.texts.full, { limit: screen.number(screen.data.most) }));
  if (!fits(screen.store.tree, group, node)) return say(screen, screen.texts.too_deep);
  group.of.splice(place, 0, node);
  changed(screen, { focus });
  return true;
}

function addCondition(screen, group, place = group.of.length) {
  const made = newCondition();
  if (add(screen, group, made, place, { id: made.id, part: "field" })) openFields(screen, made.id);
}

function addGroup(screen, group, place = group.of.length) {
  const inside = newCondition();
  const made = newGroup(group.match === "all" ? "any" : "all", inside);
  if (add(screen, group, made, place, { id: inside.id, part: "field" })) openFields(screen, inside.id);
}

// The group that something new goes to from here, and where in it.
function after(screen, id) {
  const { node, parent, place } = locate(screen.store.tree, id);
  return parent ? [parent, place + 1] : [node, node.of.length];
}

function duplicate(screen, id) {
  const { node, parent, place } = locate(screen.store.tree, id);
  if (!parent) return;
  const made = adopt(bare(node));
  if (add(screen, parent, made, place + 1, { id: made.id, part: made.of ? "match" : "field" })) say(screen, screen.texts.said_duplicated);
}

// Removing

function removeNode(screen, id) {
  const { parent, place } = locate(screen.store.tree, id);
  if (!parent) return clear(screen);
  parent.of.splice(place, 1);
  const next = parent.of[Math.min(place, parent.of.length - 1)] ?? parent;
  const part = next === parent ? "add" : next.of ? "match" : "field";
  changed(screen, { focus: { id: next.id, part }, said: screen.texts.said_removed });
}

function clear(screen) {
  if (!screen.store.tree.of.length) return;
  screen.store.tree.of = [];
  changed(screen, { focus: { id: screen.store.tree.id, part: "add" }, said: screen.texts.said_removed });
}

// Moving

function moveWithin(screen, id, by) {
  const { texts, store } = screen;
  const { parent, place } = locate(store.tree, id);
  const to = place + by;
  if (!parent || to < 0 || to >= parent.of.length) return say(screen, by < 0 ? texts.said_first : texts.said_last);
  parent.of.splice(to, 0, ...parent.of.splice(place, 1));
  changed(screen, { said: fill(texts.said_moved, { place: to + 1, of: parent.of.length }) });
}

function moveOut(screen, id) {
  const { parent } = locate(screen.store.tree, id);
  const around = parent && locate(screen.store.tree, parent.id);
  if (!around?.parent) return say(screen, screen.texts.said_outermost);
  move(screen.store.tree, id, around.parent, around.place + 1);
  changed(screen, { said: screen.texts.said_out });
}

// Into the group above it at its end, else the one below at its start, else a new one of its own.
function moveInto(screen, id) {
  const { store, texts } = screen;
  const { node, parent, place } = locate(store.tree, id);
  if (!parent) return;
  const [above, below] = [parent.of[place - 1], parent.of[place + 1]];
  const group = above?.of ? above : below?.of ? below : null;
  if (!group) return wrapNode(screen, id);
  if (!move(store.tree, id, group, group === above ? group.of.length : 0)) return say(screen, texts.too_deep);
  changed(screen, { said: fill(texts.said_into, { group: texts[group.match] }), focus: { id: node.id, part: focused(screen)?.part ?? "field" } });
}

function wrapNode(screen, id) {
  const { texts, store } = screen;
  if (!locate(store.tree, id).parent) return;
  const made = wrap(store.tree, id);
  if (!made) return say(screen, texts.too_deep);
  changed(screen, { focus: { id: made.id, part: "match" }, said: fill(texts.said_into, { group: texts[made.match] }) });
}

function ungroupNode(screen, id) {
  const { node, parent } = locate(screen.store.tree, id);
  const group = node.of ? node : parent;
  if (!group || group === screen.store.tree) return;
  const around = locate(screen.store.tree, group.id).parent;
  const first = ungroup(screen.store.tree, group.id);
  changed(screen, { focus: { id: (first ?? around).id, part: first && !first.of ? "field" : "match" }, said: screen.texts.said_ungrouped });
}

// Back and forth

function travel(screen, how) {
  screen.typing.clear();
  const id = how(screen.store);
  if (id === null) return;
  const part = screen.views.get(id) && focused(screen)?.id === id ? focused(screen).part : null;
  sync(screen, { id, part: part ?? (locate(screen.store.tree, id).node.of ? "match" : "field") });
  kept(screen, 0);
  say(screen, how === undo ? screen.texts.said_undone : screen.texts.said_redone);
}

// What a condition asks

const FIRST_ASKED = { choice: "is_any_of", number: "gte", date: "in_last_days", datetime: "in_last_days", yes_no: "is_true", history: "in_last_days" };

function setField(screen, id, key, option) {
  const { node } = locate(screen.store.tree, id);
  const [before, field] = [screen.fields.get(node.field), screen.fields.get(key)];
  const alike = before && field.type === before.type && !field.options && field.operators[node.op];
  if (!alike || option !== undefined) {
    const first = field.operators[FIRST_ASKED[field.type]] ? FIRST_ASKED[field.type] : Object.keys(field.operators)[0];
    node.op = option === undefined ? first : Object.keys(field.operators).find((op) => ["choices", "choice"].includes(field.operators[op].value) && !field.operators[op].options && (field.type !== "choice" || op === first));
    const kind = field.operators[node.op].value;
    node.value = option === undefined ? null : kind === "choices" ? [option] : option;
  }
  node.field = key;
  remember(key);
  changed(screen, { focus: { id, part: isFinished(screen, node) ? "op" : "value" } });
  const search = option === undefined && screen.views.get(id).element.querySelector(".value.pick.unset[data-part=value]");
  if (search) search.click();
}

function setOperator(screen, id, op) {
  const { node } = locate(screen.store.tree, id);
  const before = kindOf(screen, node);
  node.op = op;
  node.value = carried(node.value, before, kindOf(screen, node));
  changed(screen, { focus: { id, part: "op" } });
}
