// The keyboard: every action without the mouse, and the sheet that says how. The clipboard holds
// conditions and groups as JSON, so they travel between segments.

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const CTRL = APPLE ? "⌘" : "Ctrl+";
const ALT = APPLE ? "⌥" : "Alt+";
const SHIFT = APPLE ? "⇧" : "Shift+";

const inText = (element) => Boolean(element?.matches("input"));

function nodeAt(screen, event) {
  const at = event.target.closest?.("[data-node]")?.dataset.node;
  return at && screen.views.has(at) ? at : screen.store.tree.id;
}

function pressed(screen, event) {
  event.stopPropagation(); // else Streamlit's own shortcuts hear it
  if (event.isComposing || event.target.closest(".panel,dialog")) return;
  const act = action(screen, event, nodeAt(screen, event));
  if (!act) return;
  event.preventDefault();
  act();
}

// What a key means here, or nothing: then the browser does what it always does.
function action(screen, event, id) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const ctrl = APPLE ? event.metaKey : event.ctrlKey;
  const writing = inText(event.target);
  if (ctrl && !event.altKey) return withCtrl(screen, key, event.shiftKey, writing, id);
  if (event.altKey && !ctrl && !(APPLE && writing)) {
    return { ArrowUp: () => moveWithin(screen, id, -1), ArrowDown: () => moveWithin(screen, id, 1),
      ArrowLeft: () => moveOut(screen, id), ArrowRight: () => moveInto(screen, id) }[event.key];
  }
  if (event.altKey || event.metaKey || event.ctrlKey) return null;
  if (key === "Enter" && event.target.matches("input.value")) return () => addCondition(screen, ...after(screen, id));
  if (writing) return null;
  if (key === "?") return () => openSheet(screen);
  if (event.target.matches("select")) return null;
  if (key === "Delete" || key === "Backspace") return id === screen.store.tree.id ? null : () => removeNode(screen, id);
  if (key === "ArrowDown" || key === "ArrowUp") return () => walk(screen, id, event.target.dataset.part, key === "ArrowDown" ? 1 : -1);
  return null;
}

function withCtrl(screen, key, shift, writing, id) {
  if (key === "Backspace" && shift) return () => removeNode(screen, id);
  if (key === "Backspace" && writing) return null; // it deletes a word there
  const plain = {
    z: () => travel(screen, undo), y: () => travel(screen, redo), d: () => duplicate(screen, id), g: () => wrapNode(screen, id),
    Enter: () => addCondition(screen, ...after(screen, id)), Backspace: () => removeNode(screen, id),
  };
  const shifted = { z: plain.y, g: () => ungroupNode(screen, id), Enter: () => addGroup(screen, ...after(screen, id)) };
  return (shift ? shifted : plain)[key];
}

// To the same control of the row above or below, whatever group it is in.
function walk(screen, id, part, by) {
  const order = nodes(screen.store.tree);
  const next = order[order.findIndex((node) => node.id === id) + by];
  if (!next) return;
  const view = screen.views.get(next.id).element;
  const wanted = next.of ? ["match"] : [part, "field"];
  wanted.map((name) => view.querySelector(`[data-part="${name}"]`)).find(Boolean)?.focus();
}

// The menu of a node

function openActions(screen, id, button) {
  const { texts, store } = screen;
  const { node, parent } = locate(store.tree, id);
  const inner = Boolean(parent);
  const nested = inner && parent !== store.tree;
  const act = (icon, label, keys, off, run, harsh = false) => ({ icon, label, keys, off, act: run, harsh });
  openMenu({
    root: screen.root, anchor: () => button, label: button.getAttribute("aria-label"), closed: () => button.focus(),
    items: [
      act("duplicate", texts.duplicate, `${CTRL}D`, !inner, () => duplicate(screen, id)),
      act("group", texts.wrap, `${CTRL}G`, !inner, () => wrapNode(screen, id)),
      act("ungroup", texts.ungroup, `${CTRL}${SHIFT}G`, !inner || !node.of, () => ungroupNode(screen, id)),
      "line",
      act("up", texts.move_up, `${ALT}↑`, !inner, () => moveWithin(screen, id, -1)),
      act("down", texts.move_down, `${ALT}↓`, !inner, () => moveWithin(screen, id, 1)),
      act("out", texts.move_out, `${ALT}←`, !nested, () => moveOut(screen, id)),
      act("into", texts.move_into, `${ALT}→`, !inner, () => moveInto(screen, id)),
      "line",
      act("copy", texts.copy, `${CTRL}C`, false, () => copyNode(screen, id)),
      act("paste", texts.paste, `${CTRL}V`, !navigator.clipboard?.readText, () => pasteHere(screen, id)),
      "line",
      act("remove", inner ? (node.of ? texts.remove_group : texts.remove_condition) : texts.clear, inner ? `${CTRL}${SHIFT}⌫` : "", !inner && !node.of.length, () => removeNode(screen, id), true),
    ],
  });
}

// The clipboard

const jsonOf = (screen, id) => JSON.stringify(bare(locate(screen.store.tree, id).node), null, 1);

function copyNode(screen, id) {
  navigator.clipboard?.writeText(jsonOf(screen, id)).then(() => say(screen, screen.texts.said_copied), () => {});
  screen.views.get(id)?.element.querySelector("[data-part=more]")?.focus();
}

function pasteHere(screen, id) {
  navigator.clipboard.readText().then((text) => pasteText(screen, id, text), () => {});
}

function pasteText(screen, id, text) {
  let document = null;
  try { document = JSON.parse(text); } catch { /* not ours: said below */ }
  if (!adoptable(document)) return say(screen, screen.texts.said_no_paste);
  const made = adopt(document);
  const [group, place] = after(screen, id);
  if (add(screen, group, made, place, { id: made.id, part: made.of ? "match" : "field" })) say(screen, screen.texts.said_pasted);
}

function listenToClipboard(screen) {
  const mine = (event) => !inText(event.composedPath()[0]) && !event.target.closest?.(".panel,dialog");
  screen.root.oncopy = screen.root.oncut = (event) => {
    if (!mine(event) || String(getSelection())) return;
    const id = nodeAt(screen, event);
    event.clipboardData.setData("text/plain", jsonOf(screen, id));
    event.preventDefault();
    if (event.type === "cut") removeNode(screen, id);
    else say(screen, screen.texts.said_copied);
  };
  screen.root.onpaste = (event) => {
    if (!mine(event)) return;
    event.preventDefault();
    pasteText(screen, nodeAt(screen, event), event.clipboardData.getData("text/plain"));
  };
}

// The sheet

function openSheet(screen) {
  const { texts } = screen;
  const rows = [
    ["Enter", texts.key_below], [`${CTRL}Enter`, texts.key_condition], [`${CTRL}${SHIFT}Enter`, texts.key_group],
    ["↑ ↓", texts.key_walk], [`${ALT}↑ ↓`, texts.key_move], [`${ALT}←`, texts.move_out], [`${ALT}→`, texts.move_into],
    [`${CTRL}D`, texts.duplicate], [`${CTRL}G`, texts.wrap], [`${CTRL}${SHIFT}G`, texts.ungroup],
    [`Delete · ${CTRL}${SHIFT}⌫`, texts.key_remove], [`${CTRL}C · ${CTRL}X · ${CTRL}V`, texts.key_clipboard],
    [`${CTRL}Z`, texts.undo], [`${CTRL}${SHIFT}Z · ${CTRL}Y`, texts.redo], ["?", texts.shortcuts],
  ];
  const before = active(screen);
  const sheet = el("dialog", { class: "sheet", "aria-label": texts.shortcuts },
    el("div", { class: "head" }, el("h2", {}, texts.shortcuts), el("button", { type: "button", class: "plain", "aria-label": texts.close, onclick: () => sheet.close() }, icon("close"))),
    el("dl", {}, rows.map(([keys, label]) => el("div", {}, el("dt", {}, label), el("dd", {}, keys.split(" · ").map((one) => el("kbd", {}, one)))))));
  sheet.onclick = (event) => { if (event.target === sheet) sheet.close(); };
  sheet.onclose = () => { sheet.remove(); if (before?.isConnected) before.focus(); };
  screen.root.append(sheet);
  sheet.showModal();
}

// Undo and redo as buttons

function historyButtons(screen) {
  const { texts } = screen;
  const button = (name, how, keys) => el("button", { type: "button", class: "plain", "aria-label": texts[name], title: `${texts[name]} (${keys})`, "data-part": name, onclick: () => travel(screen, how) }, icon(name));
  screen.back = button("undo", undo, `${CTRL}Z`);
  screen.forth = button("redo", redo, `${CTRL}${SHIFT}Z`);
  return el("span", { class: "history", role: "group", "aria-label": `${texts.undo}, ${texts.redo}` }, screen.back, screen.forth);
}

// Never `disabled`: a button that is pressed for the last step must not drop the focus.
function paintHistory(screen) {
  screen.back.setAttribute("aria-disabled", String(!screen.store.past.length));
  screen.forth.setAttribute("aria-disabled", String(!screen.store.future.length));
}
