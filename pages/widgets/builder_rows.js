// What stands on the page: a view a node, kept while the node lives and moved, not made again.

// Bring the page to the tree. `focus`: {id, part} to go to, else it stays where it is.
function sync(screen, focus = null) {
  const held = focus ?? focused(screen);
  const before = places(screen);
  const root = groupView(screen, screen.store.tree, null);
  if (screen.stage.firstElementChild !== root.element) screen.stage.replaceChildren(root.element);
  const alive = new Set(nodes(screen.store.tree).map((node) => node.id));
  for (const id of screen.views.keys()) if (!alive.has(id)) screen.views.delete(id);
  paint(screen);
  glide(screen, before);
  refocus(screen, held);
}

const active = (screen) => screen.root.getRootNode().activeElement;

function focused(screen) {
  const now = active(screen);
  if (!screen.stage.contains(now)) return null;
  const id = now.closest("[data-node]")?.dataset.node;
  const caret = now.matches("input[type=text]") ? [now.selectionStart, now.selectionEnd] : null;
  return { id, part: now.dataset.part ?? "value", caret, element: now };
}

function refocus(screen, held) {
  if (!held || (held.element && active(screen) === held.element)) return;
  const view = screen.views.get(held.id) ?? screen.views.get(screen.store.tree.id);
  const element = held.element?.isConnected ? held.element : view.element.querySelector(`[data-part="${held.part}"]`);
  const found = element ?? view.element.querySelector("[data-part=field],[data-part=match]");
  found?.focus({ preventScroll: Boolean(held.element) });
  if (held.caret && found?.matches("input[type=text]")) found.setSelectionRange(...held.caret);
}

// Rows that stand elsewhere than before slide there.
function places(screen) {
  return new Map([...screen.views].map(([id, view]) => [id, view.row?.isConnected ? view.row.getBoundingClientRect().top : null]));
}

function glide(screen, before) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const scrolled = screen.stage.getBoundingClientRect().top - (screen.top ?? screen.stage.getBoundingClientRect().top);
  screen.top = screen.stage.getBoundingClientRect().top;
  const moved = new Map();
  for (const [id, view] of screen.views) {
    const was = before.get(id);
    if (was === undefined || was === null || !view.row) continue;
    const by = was + scrolled - view.row.getBoundingClientRect().top;
    const around = moved.get(view.parent?.id) ?? 0;
    moved.set(id, by);
    if (Math.abs(by - around) > 1 && Math.abs(by) < 2000) {
      view.row.animate([{ transform: `translateY(${by - around}px)` }, { transform: "none" }], { duration: 170, easing: "cubic-bezier(.2,.7,.3,1)" });
    }
  }
}

// A group

function groupView(screen, node, parent) {
  const { texts } = screen;
  const view = screen.views.get(node.id) ?? newGroupView(screen, node, parent);
  Object.assign(view, { node, parent });
  view.match.value = node.match;
  view.element.className = `group ${node.match} ${parent ? "" : "outermost"}`;
  view.element.classList.toggle("hollow", !node.of.length);
  const rows = node.of.map((child, place) => {
    const made = child.of ? groupView(screen, child, node) : conditionView(screen, child, node);
    const word = place ? texts[{ all: "and", any: "or", none: "nor" }[node.match]] : node.match === "none" ? texts.not : "";
    if (made.join.textContent !== word) made.join.textContent = word;
    return made.row;
  });
  arrange(view.rows, rows);
  view.empty.hidden = node.of.length > 0;
  view.rows.hidden = !node.of.length;
  if (!parent) drawStarters(screen, view);
  return view;
}

function arrange(list, rows) {
  for (const child of [...list.children]) if (!rows.includes(child)) child.remove();
  rows.forEach((row, place) => { if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null); });
}

function newGroupView(screen, node, parent) {
  const { texts } = screen;
  const id = node.id;
  const view = { node, parent };
  screen.views.set(id, view);
  view.match = el("select", { class: "match", "aria-label": texts.match_label, "data-part": "match" },
    ["all", "any", "none"].map((key) => el("option", { value: key }, texts[key])));
  view.match.onchange = () => { view.node.match = view.match.value; changed(screen, { focus: { id, part: "match" } }); };
  view.rows = el("div", { class: "rows", role: "list" });
  view.empty = el("div", { class: "empty" }, el("p", {}, parent ? texts.empty_group : texts.empty_root));
  view.problem = el("p", { class: "problem", role: "alert" });
  view.element = el("div", { role: "group", "data-node": id },
    el("div", { class: "head" }, el("span", { class: "word" }, parent ? texts.match_label : texts.match_root), view.match,
      parent ? null : historyButtons(screen), ending(screen, view, Boolean(parent))),
    view.problem, view.empty, view.rows,
    el("div", { class: "foot" },
      addButton(texts.add_condition, "add", () => addCondition(screen, view.node)),
      addButton(texts.add_group, "add_group", () => addGroup(screen, view.node))));
  if (parent) inRow(screen, view);
  return view;
}

const addButton = (label, part, act) =>
  el("button", { type: "button", class: "add", "aria-label": `+ ${label}`, "data-part": part, onclick: act }, icon("plus"), label);

// Its row in the group around it: a handle, the word that joins it, and itself.
function inRow(screen, view) {
  const { texts } = screen;
  view.handle = el("button", { type: "button", class: "handle", tabIndex: -1, "aria-label": texts.drag, title: texts.drag, "data-part": "handle" }, icon("grip"));
  view.handle.onpointerdown = (event) => startDrag(screen, view, event);
  view.join = el("span", { class: "join" });
  view.row = el("div", { class: view.rows ? "row nested" : "row", role: "listitem", "data-node": view.node.id },
    el("span", { class: "gutter" }, view.handle, view.join), view.element);
}

// The right end of a row: what would change without it, how many, and what can be done with it.
function ending(screen, view, inner) {
  const { texts } = screen;
  view.number = el("span", { class: "number" });
  view.percent = inner ? null : el("span", { class: "percent" });
  view.count = el("span", { class: inner ? "count" : "count whole" }, view.number, view.percent, el("span", { class: "bar" }));
  view.count.onpointerenter = () => tip(screen, view);
  view.count.onpointerleave = () => tip(screen, null);
  view.gain = inner ? el("span", { class: "gain" }) : null;
  const name = view.rows ? [texts.group_actions, texts.remove_group] : [texts.condition_actions, texts.remove_condition];
  const more = el("button", {
    type: "button", class: "plain", "aria-label": name[0], title: name[0], "aria-haspopup": "menu", "data-part": "more",
    onclick: () => openActions(screen, view.node.id, more),
  }, icon("more"));
  const last = inner
    ? el("button", { type: "button", class: "plain harsh", "aria-label": name[1], title: name[1], "data-part": "remove", onclick: () => removeNode(screen, view.node.id) }, icon("close"))
    : el("button", { type: "button", class: "plain", "aria-label": texts.shortcuts, title: `${texts.shortcuts} (?)`, "aria-haspopup": "dialog", "data-part": "help", onclick: () => openSheet(screen) }, icon("help"));
  return el("span", { class: "end" }, view.gain, view.count, more, last);
}

// A condition

function conditionView(screen, node, parent) {
  const view = screen.views.get(node.id) ?? newConditionView(screen, node, parent);
  Object.assign(view, { node, parent });
  if (view.shown !== shallow(node)) drawCondition(screen, view);
  return view;
}

function newConditionView(screen, node, parent) {
  const view = { node, parent, shown: null };
  screen.views.set(node.id, view);
  view.controls = el("div", { class: "controls" });
  view.problem = el("p", { class: "problem", role: "alert" });
  view.element = el("div", { class: "condition", role: "group", "data-node": node.id }, view.controls, ending(screen, view, true), view.problem);
  inRow(screen, view);
  return view;
}

function drawCondition(screen, view) {
  const { texts } = screen;
  const field = screen.fields.get(view.node.field);
  const named = field ? field.label : view.node.field ? texts.gone : texts.choose_field;
  const pick = el("button", {
    type: "button", class: `field ${field ? "" : view.node.field ? "gone" : "unset"}`, "aria-haspopup": "listbox", "data-part": "field",
    "aria-label": `${texts.field}: ${named}`, onclick: () => openFields(screen, view.node.id),
  }, icon(field ? field.icon : "plus"), el("span", { class: "grow" }, named));
  view.box = field ? valueBox(screen, view, field) : null;
  view.controls.replaceChildren(pick, ...(field ? [operatorBox(screen, view, field)] : []), ...(view.box ? [view.box] : []), ...quickButton(screen, view, field));
  view.element.querySelector("[data-part=remove]").setAttribute("aria-label", `${texts.remove_condition}: ${named}`);
  view.shown = shallow(view.node);
}

function operatorBox(screen, view, field) {
  const known = field.operators[view.node.op];
  const made = el("select", { class: "operator", "aria-label": `${field.label}: ${screen.texts.operator}`, "data-part": "op" },
    known ? null : el("option", { value: view.node.op, selected: true }, screen.texts.choose),
    Object.entries(field.operators).map(([key, about]) => el("option", { value: key, selected: key === view.node.op }, about.label)));
  made.onchange = () => setOperator(screen, view.node.id, made.value);
  return made;
}

function quickButton(screen, view, field) {
  if (!field || !hasPresets(field)) return [];
  const { texts } = screen;
  const button = el("button", { type: "button", class: "plain quick", "aria-label": `${field.label}: ${texts.quick}`, title: texts.quick, "aria-haspopup": "menu", "data-part": "quick" }, icon("quick"));
  button.onclick = () => openPresets(screen, button, field, (op, value) => {
    Object.assign(view.node, { op, value });
    changed(screen, { focus: { id: view.node.id, part: "value" } });
  }, () => button.focus());
  return [button];
}

function valueBox(screen, view, field) {
  const about = field.operators[view.node.op];
  if (!about) return null;
  return editors[about.value].draw(view.node, editing(screen, view, field, about));
}

// What a value editor is given to work with.
function editing(screen, view, field, about) {
  const { texts } = screen;
  const label = `${field.label}: ${about.label}`;
  const options = () => choices(screen, field, about);
  return {
    texts, label, options, locale: screen.data.locale, plural: screen.plural, typing: screen.typing,
    put: (value, wait) => {
      view.node.value = value;
      view.shown = shallow(view.node);
      typed(screen, view.node.id, wait);
    },
    redraw: () => { view.shown = null; sync(screen, { id: view.node.id, part: "value" }); },
    paste: (given, chosen) => given.filter((text) => {
      const found = options().find((option) => [option.value, option.label, option.label.replace(/ \([^)]*\)$/, "")].some((name) => folded(name) === folded(text)));
      if (found) chosen.add(found.value);
      return !found;
    }),
    pick: ({ anchor, ...how }) => {
      const part = () => view.element.querySelector("[data-part=value]");
      const near = typeof anchor === "function" ? anchor : () => (anchor.isConnected ? anchor : part());
      screen.picker = openPicker({ root: screen.root, anchor: near, texts, label, items: () => sorted(options()), closed: () => part()?.focus({ preventScroll: true }), ...how });
    },
  };
}

// The choices of a field with how many people have each.
function choices(screen, field, about) {
  const tally = about.options ? null : screen.tallies.get(field.key);
  return (about.options ?? field.options ?? []).map(([value, label]) => {
    const people = tally?.get(value);
    return { value, label, people: people ?? (tally ? 0 : undefined), count: tally ? screen.number(people ?? 0) : undefined };
  });
}

const sorted = (options) => options.toSorted((one, other) => (other.people ?? 0) - (one.people ?? 0));
