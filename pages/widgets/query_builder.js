// The segment builder: nested groups of conditions, edited in the browser, counted in Python.
//
// In:  {tree, revision, counts: {path: people}, total, categories, fields, operators, texts, locale}
// Out: state "edited" = {tree, draft}. `tree` is the segment as engine.segment reads it, finished
//      conditions only; `draft` is everything as it stands, so that nothing half typed is lost.
// A new `revision` means Python replaced the tree. Otherwise the DOM stays: focus survives reruns.

const screens = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  let screen = screens.get(parentElement);
  if (!screen) {
    screen = { root: parentElement.querySelector(".builder"), stage: parentElement.querySelector(".stage"), timer: 0, parts: new WeakMap() };
    screen.root.onkeydown = (event) => event.stopPropagation(); // else Streamlit's own shortcuts hear it
    screens.set(parentElement, screen);
  }
  const before = screen.data;
  screen.data = data;
  screen.send = (value) => setStateValue("edited", value);
  screen.fields = new Map(data.fields.map((field) => [field.key, field]));
  if (!before || before.revision !== data.revision) {
    clearTimeout(screen.timer);
    screen.tree = structuredClone(data.tree);
    screen.sent = JSON.stringify(screen.tree);
    draw(screen);
  } else if (JSON.stringify(before.texts) !== JSON.stringify(data.texts)) {
    draw(screen);
  }
  paintCounts(screen);
  return () => { flush(screen); screens.delete(parentElement); };
}

// The tree as the engine reads it. Fills screen.paths: node → its path there, as in counts.
function finished(screen) {
  screen.paths = new Map();
  const prune = (node, path) => {
    if (!node.of) {
      const kind = kindOf(screen, node);
      if (!kind || !editors[kind].finished(node.value)) return null;
      screen.paths.set(node, path);
      return kind === "none" ? { field: node.field, op: node.op } : { field: node.field, op: node.op, value: node.value };
    }
    const kept = [];
    for (const child of node.of) {
      const made = prune(child, path === "" ? String(kept.length) : `${path}.${kept.length}`);
      if (made) kept.push(made);
    }
    if (!kept.length && node !== screen.tree) return null;
    screen.paths.set(node, path);
    return { match: node.match, of: kept };
  };
  return prune(screen.tree, "");
}

function kindOf(screen, node) {
  const field = screen.fields.get(node.field);
  return field && field.operators[node.op] ? field.operators[node.op].value : null;
}

function emit(screen, wait) {
  clearTimeout(screen.timer);
  screen.root.classList.add("waiting");
  screen.timer = setTimeout(() => flush(screen), wait);
}

function flush(screen) {
  clearTimeout(screen.timer);
  const draft = JSON.stringify(screen.tree);
  if (draft === screen.sent) { screen.root.classList.remove("waiting"); return; }
  screen.sent = draft;
  screen.send({ tree: finished(screen), draft: JSON.parse(draft) });
}

function paintCounts(screen) {
  finished(screen);
  const { counts, total, texts, locale } = screen.data;
  if (JSON.stringify(screen.tree) === screen.sent) screen.root.classList.remove("waiting");
  for (const [node, path] of nodes(screen.tree).map((node) => [node, screen.paths.get(node)])) {
    const chip = screen.parts.get(node)?.count;
    if (!chip) continue;
    const people = path === undefined ? undefined : counts[path];
    const written = people === undefined ? "" : people.toLocaleString(locale, { useGrouping: "always" });
    chip.textContent = written || (path === undefined && !node.of ? texts.unfinished : "");
    chip.classList.toggle("unfinished", path === undefined && !node.of);
    chip.style.setProperty("--share", people && total ? `${(100 * people) / total}%` : "0%");
    chip.title = written ? texts.share.replace("{count}", written).replace("{total}", total.toLocaleString(locale, { useGrouping: "always" })) : "";
  }
}

function nodes(node) {
  return [node, ...(node.of ?? []).flatMap(nodes)];
}

function draw(screen, focus) {
  screen.stage.replaceChildren(group(screen, screen.tree, null));
  paintCounts(screen);
  if (focus) screen.parts.get(focus.node)?.[focus.part]?.focus({ preventScroll: false });
}

function group(screen, node, parent) {
  const { texts } = screen.data;
  const match = el("select", { class: "match", "aria-label": texts.match_label },
    ["all", "any", "none"].map((key) => el("option", { value: key, selected: key === node.match }, texts[key])));
  match.onchange = () => { node.match = match.value; draw(screen, { node, part: "match" }); emit(screen, 0); };
  const count = el("span", { class: "count" });
  screen.parts.set(node, { match, count });
  const rows = node.of.map((child, place) => el("div", { class: child.of ? "row nested" : "row", role: "listitem" },
    el("span", { class: "join" }, place === 0 ? "" : texts[{ all: "and", any: "or", none: "nor" }[node.match]]),
    child.of ? group(screen, child, node) : condition(screen, child, node)));
  return el("div", { class: `group ${node.match}`, role: "group", "aria-label": `${texts.match_label} ${texts[node.match]}` },
    el("div", { class: "head" },
      el("span", { class: "word" }, parent ? texts.match_label : texts.match_root), match,
      el("span", { class: "end" }, count,
        parent && removeButton(texts.remove_group, () => remove(screen, parent, node)))),
    node.of.length
      ? el("div", { class: "rows", role: "list" }, rows)
      : el("p", { class: "empty" }, parent ? texts.empty_group : texts.empty_root),
    el("div", { class: "foot" },
      el("button", { type: "button", class: "add", onclick: () => add(screen, node, newCondition()) }, `+ ${texts.add_condition}`),
      depth(screen.tree, node) < 7 && el("button", {
        type: "button", class: "add", onclick: () => {
          const inside = newCondition();
          add(screen, node, { match: node.match === "all" ? "any" : "all", of: [inside] }, inside);
        },
      }, `+ ${texts.add_group}`)));
}

function depth(tree, node, level = 0) {
  if (tree === node) return level;
  return Math.max(-1, ...(tree.of ?? []).map((child) => depth(child, node, level + 1)));
}

const newCondition = () => ({ field: "", op: "", value: null });

function add(screen, node, child, first = child, place = node.of.length) {
  node.of.splice(place, 0, child);
  draw(screen, { node: first, part: "field" });
  emit(screen, 0);
  screen.parts.get(first).field.click();
}

function remove(screen, node, child) {
  const place = node.of.indexOf(child);
  node.of.splice(place, 1);
  const next = node.of[Math.min(place, node.of.length - 1)];
  draw(screen, next && !next.of ? { node: next, part: "field" } : { node, part: "match" });
  emit(screen, 0);
}

function removeButton(label, act) {
  return el("button", { type: "button", class: "remove", "aria-label": label, title: label, onclick: act }, "×");
}

function condition(screen, node, parent) {
  const { texts } = screen.data;
  const field = screen.fields.get(node.field);
  const named = field ? field.label : node.field ? texts.gone : texts.choose_field;
  const pickField = el("button", {
    type: "button", class: field ? "field pick" : "field pick unset", "aria-haspopup": "listbox",
    "aria-label": `${texts.field}: ${named}`,
    onclick: () => openPicker({
      root: screen.root, anchor: () => screen.parts.get(node).field, many: false, chosen: new Set([node.field]), texts, label: texts.field,
      items: screen.data.fields.map((item) => ({ value: item.key, label: item.label, group: item.group })),
      take: (key) => setField(screen, node, key),
      closed: () => screen.parts.get(node)?.field?.focus({ preventScroll: true }),
    }),
  }, named);
  const count = el("span", { class: "count" });
  const parts = { field: pickField, count };
  screen.parts.set(node, parts);
  const made = el("div", { class: "condition", role: "group", "aria-label": named },
    el("div", { class: "controls" }, pickField,
      field && (parts.op = operator(screen, node, field)), field && (parts.box = value(screen, node, field))),
    el("span", { class: "end" }, count, removeButton(`${texts.remove_condition}: ${named}`, () => remove(screen, parent, node))));
  parts.value = parts.box?.matches("input,button") ? parts.box : parts.box?.querySelector("input,button");
  made.onkeydown = (event) => {
    if (event.key === "Enter" && event.target.matches("input.value")) {
      event.preventDefault();
      add(screen, parent, newCondition(), undefined, parent.of.indexOf(node) + 1);
    } else if (event.key === "Backspace" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      remove(screen, parent, node);
    }
  };
  return made;
}

function setField(screen, node, key) {
  const field = screen.fields.get(key);
  const same = screen.fields.get(node.field);
  const kept = same && field.type === same.type && !field.options && field.operators[node.op];
  if (!kept) { node.op = Object.keys(field.operators)[0]; node.value = null; }
  node.field = key;
  draw(screen);
  emit(screen, 0);
  const parts = screen.parts.get(node);
  queueMicrotask(() => (parts.value ?? parts.op)?.focus());
}

function operator(screen, node, field) {
  const { texts } = screen.data;
  const made = el("select", { class: "operator", "aria-label": `${field.label}: ${texts.operator}` },
    Object.entries(field.operators).map(([key, about]) => el("option", { value: key, selected: key === node.op }, about.label)));
  made.onchange = () => {
    const before = kindOf(screen, node);
    node.op = made.value;
    if (kindOf(screen, node) !== before) node.value = null;
    draw(screen, { node, part: "op" });
    emit(screen, 0);
  };
  return made;
}

function value(screen, node, field) {
  const about = field.operators[node.op];
  if (!about) return null;
  const options = (about.options ?? field.options ?? []).map(([key, label]) => ({ value: key, label }));
  const { texts } = screen.data;
  const label = `${field.label}: ${about.label}`;
  return editors[about.value].draw(node, {
    texts, label, options,
    put: (given, wait) => { node.value = given; emit(screen, wait); paintCounts(screen); },
    redraw: () => draw(screen, { node, part: "value" }),
    pick: (how) => openPicker({
      root: screen.root, anchor: () => screen.parts.get(node).value, texts, label, items: options,
      closed: () => screen.parts.get(node)?.box?.querySelector(".more")?.focus({ preventScroll: true }), ...how,
    }),
  });
}
