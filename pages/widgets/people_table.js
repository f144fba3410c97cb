// A page of people as a table: search, columns, order, pages and ticks. Python has everybody.
//
// In:  {rows: [{id, cells}], columns, choices, look, found, texts, ...}, see people_table.py
// Out: state "look" = {n, text, sort, descending, page, length, columns, ticked, all}; events
//      "open" = a person's id, "drop" = [facet, value] or [] for all of them.
// Texts of contacts are set with textContent only. A tick is an id: it stays the same person after
// a sort, a search or another page. `n` counts what was asked: an older answer never undoes newer
// input.

const tables = new WeakMap();
const TYPING = 220;

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  let table = tables.get(parentElement);
  if (!table) {
    const root = parentElement.querySelector(".people");
    table = { root, look: structuredClone(data.look), timer: 0, anchor: null, boxes: new Map() };
    tables.set(parentElement, table);
    build(table);
  }
  table.data = data;
  table.send = (look) => setStateValue("look", look);
  table.open = (id) => setTriggerValue("open", id);
  table.drop = (facet) => setTriggerValue("drop", facet);
  if (data.look.n >= table.look.n) {
    clearTimeout(table.waiting);
    table.root.classList.remove("waiting");
    const typing = table.look.n === data.look.n && table.pending;
    table.look = typing ? { ...structuredClone(data.look), text: table.look.text } : structuredClone(data.look);
  }
  paint(table);
  return () => { clearTimeout(table.timer); clearTimeout(table.waiting); tables.delete(parentElement); };
}

function ask(table, change, wait = 0) {
  Object.assign(table.look, change);
  table.pending = true;
  clearTimeout(table.timer);
  table.timer = setTimeout(() => {
    table.pending = false;
    table.look.n += 1;
    clearTimeout(table.waiting);
    table.waiting = setTimeout(() => table.root.classList.add("waiting"), 180);
    table.send(structuredClone(table.look));
  }, wait);
}

// The parts that stay: made once, so that focus and what is being typed survive every rerun.
function build(table) {
  const search = el("input", { type: "search", class: "search", autocomplete: "off", spellcheck: false });
  search.oninput = () => ask(table, { text: search.value, page: 0, all: false }, TYPING);
  const columns = el("button", { type: "button", class: "tool", "aria-haspopup": "dialog" }, sign("columns"), el("span", { class: "word" }));
  const panel = el("div", { class: "panel", popover: "auto" });
  columns.onclick = () => toggle(table);
  table.parts = {
    search, columns, panel,
    total: el("p", { class: "total", role: "status" }),
    chips: el("div", { class: "chips" }),
    banner: el("div", { class: "banner", role: "status" }),
    head: el("thead"), body: el("tbody"), caption: el("caption", { class: "unseen" }),
    scroll: el("div", { class: "scroll", role: "region", tabIndex: 0 }),
    none: el("div", { class: "none" }),
    span: el("span", { class: "span" }),
    length: el("select", { class: "length" }),
    before: el("button", { type: "button", class: "turn" }, sign("before")),
    after: el("button", { type: "button", class: "turn" }, sign("after")),
  };
  const { total, chips, banner, head, body, caption, scroll, none, span, length, before, after } = table.parts;
  before.onclick = () => turn(table, -1);
  after.onclick = () => turn(table, 1);
  length.onchange = () => ask(table, { length: Number(length.value), page: 0 });
  scroll.append(el("table", {}, caption, head, body), none);
  scroll.onkeydown = (event) => keys(table, event);
  table.root.onkeydown = (event) => event.stopPropagation(); // else Streamlit's own shortcuts hear it
  table.root.replaceChildren(
    el("div", { class: "bar" }, el("span", { class: "find" }, sign("search"), search), total, el("span", { class: "tools" }, columns)),
    panel, chips, banner, scroll,
    el("div", { class: "foot" }, el("label", { class: "lengths" }, el("span"), length), span, el("span", { class: "turns" }, before, after)));
}

function paint(table) {
  const { data, look, parts } = table;
  const { texts } = data;
  if (parts.search.value !== look.text && !(table.pending && focused(table) === parts.search)) parts.search.value = look.text;
  set(parts.search, { placeholder: texts.search, "aria-label": texts.search });
  set(parts.columns, { "aria-label": texts.columns, title: texts.columns });
  parts.columns.lastChild.textContent = texts.columns;
  parts.columns.hidden = !data.choices.length;
  write(parts.total, [el("b", {}, data.found.total), ` ${data.found.share}`]);
  parts.caption.textContent = texts.caption;
  parts.scroll.setAttribute("aria-label", texts.caption);
  parts.scroll.style.setProperty("--tall", `${data.height}px`);
  paintChips(table);
  paintHead(table);
  paintRows(table);
  paintTicks(table);
  paintFoot(table);
}

function paintChips({ data, parts, drop }) {
  const made = data.chips.map(({ facet, value, name, label }) => el("button", {
    type: "button", class: "chip dropped", "aria-label": `${data.texts.remove}: ${name} ${label}`, onclick: () => drop([facet, value]),
  }, el("span", {}, label), sign("close")));
  if (made.length > 1) made.push(el("button", { type: "button", class: "link", onclick: () => drop([]) }, data.texts.clear));
  write(parts.chips, made);
  parts.chips.hidden = !made.length;
}

function paintHead(table) {
  const { data, look, parts } = table;
  const told = JSON.stringify([data.columns, look.sort, look.descending, data.texts.name]);
  if (told === table.told) return;
  const held = focused(table)?.dataset?.sort;
  table.told = told;
  const cells = data.columns.map((column) => {
    const sorted = look.sort === column.sort;
    const label = [el("span", {}, column.label), column.sort && sign(sorted && look.descending ? "down" : "up")];
    const cell = el("th", { scope: "col", class: `${column.kind}${sorted ? " sorted" : ""}` },
      column.sort ? el("button", { type: "button", "data-sort": column.sort, onclick: () => sort(table, column) }, label) : label[0]);
    if (sorted) cell.setAttribute("aria-sort", look.descending ? "descending" : "ascending");
    return cell;
  });
  if (data.ticks) {
    table.every = el("input", { type: "checkbox", "aria-label": data.texts.tick_page });
    table.every.onchange = () => tickPage(table, table.every.checked);
    cells.unshift(el("th", { scope: "col", class: "tick" }, table.every));
  }
  parts.head.replaceChildren(el("tr", {}, cells));
  if (held) parts.head.querySelector(`[data-sort="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

function sort(table, column) {
  const again = table.look.sort === column.sort;
  ask(table, { sort: column.sort, descending: again ? !table.look.descending : column.newest === true, page: 0 });
  table.parts.scroll.scrollTop = 0;
  paintHead(table);
}

function paintRows(table) {
  const { data, parts } = table;
  const told = JSON.stringify([data.rows, data.columns, data.opens, data.ticks, data.texts.nobody]);
  if (told === table.drawn) return;
  table.drawn = told;
  const held = focused(table);
  const stood = held && parts.body.contains(held) ? { id: held.closest("tr").dataset.id, tick: held.type === "checkbox" } : null;
  table.boxes = new Map();
  parts.body.replaceChildren(...data.rows.map((person) => row(table, person)));
  paintNone(table);
  if (stood) {
    const same = parts.body.querySelector(`tr[data-id="${stood.id}"]`) ?? parts.body.firstElementChild;
    (same ? target(same, stood.tick) : parts.search).focus({ preventScroll: true });
  }
}

function row(table, person) {
  const { data } = table;
  const made = el("tr", { "data-id": person.id });
  if (data.ticks) {
    const box = el("input", { type: "checkbox", "aria-label": `${data.texts.tick}: ${person.name}` });
    box.onclick = (event) => tick(table, person.id, box.checked, event.shiftKey);
    table.boxes.set(person.id, box);
    made.append(el("td", { class: "tick" }, box));
  }
  person.cells.forEach((cell, place) => made.append(cellOf(table, person, cell, data.columns[place])));
  if (data.opens) {
    made.classList.add("opens");
    made.onclick = (event) => { if (!event.target.closest("input,button,.tick") && !String(getSelection())) table.open(person.id); };
  }
  return made;
}

function cellOf(table, person, cell, column) {
  const { texts, opens } = table.data;
  const label = { "data-label": column.label };
  if (column.kind === "name") {
    const name = [el("span", { class: "face", "aria-hidden": "true" }, person.initials), el("span", { class: cell ? "called" : "called quiet" }, cell || texts.no_name)];
    return el("th", { scope: "row", class: "name" }, opens ? el("button", { type: "button", class: "who", onclick: () => table.open(person.id) }, name) : el("span", { class: "who" }, name));
  }
  if (Array.isArray(cell)) {
    const shown = cell.slice(0, 3).map(([text, tone]) => el("span", { class: `chip ${tone}`, title: tone === "out" ? `${text}: ${texts.opted_out}` : text },
      el("span", {}, text), tone === "out" && el("span", { class: "unseen" }, ` (${texts.opted_out})`)));
    if (cell.length > 3) shown.push(el("span", { class: "more", title: cell.slice(3).map(([text]) => text).join(", ") }, `+${cell.length - 3}`));
    return el("td", { ...label, class: shown.length ? "list" : "list blank" }, el("div", {}, shown));
  }
  return el("td", { ...label, class: cell ? column.kind : `${column.kind} blank`, title: cell ?? "" }, cell);
}

function paintNone({ data, parts, drop, ...table }) {
  parts.none.hidden = data.rows.length > 0;
  parts.scroll.classList.toggle("bare", !data.rows.length);
  if (data.rows.length) return;
  const narrowed = data.look.text || data.chips.length;
  write(parts.none, [
    el("p", { class: "strong" }, data.everybody ? data.texts.nobody : data.texts.empty),
    el("p", {}, narrowed ? data.texts.nobody_hint : data.everybody ? data.texts.nobody_segment : data.texts.empty_hint),
    narrowed && el("button", { type: "button", class: "tool", onclick: () => { drop(["*"]); parts.search.value = ""; parts.search.focus(); } }, data.texts.clear),
  ]);
}

function paintFoot(table) {
  const { data, look, parts } = table;
  parts.span.textContent = data.found.span;
  set(parts.before, { "aria-label": data.texts.before, title: data.texts.before, disabled: look.page <= 0 });
  set(parts.after, { "aria-label": data.texts.after, title: data.texts.after, disabled: look.page >= data.pages - 1 });
  parts.length.previousElementSibling.textContent = data.texts.length;
  if (parts.length.options.length !== data.lengths.length) parts.length.replaceChildren(...data.lengths.map((many) => el("option", { value: many }, String(many))));
  parts.length.value = String(look.length);
}

function turn(table, by) {
  const page = Math.max(0, Math.min(table.data.pages - 1, table.look.page + by));
  if (page === table.look.page) return;
  ask(table, { page });
  table.parts.scroll.scrollTop = 0;
  table.anchor = null;
}

// Columns: ticked in a panel under the button; the order is the list's own.
function toggle(table) {
  const { panel, columns } = table.parts;
  if (panel.matches(":popover-open")) { panel.hidePopover(); return; }
  const { data } = table;
  const boxes = data.choices.map(({ key, label }) => {
    const box = el("input", { type: "checkbox", value: key, checked: table.look.columns.includes(key) });
    return el("label", {}, box, el("span", {}, label));
  });
  const take = () => ask(table, { columns: boxes.map((label) => label.firstChild).filter((box) => box.checked).map((box) => box.value) });
  const back = el("button", { type: "button", class: "link", onclick: () => {
    for (const label of boxes) label.firstChild.checked = data.usual.includes(label.firstChild.value);
    take();
  } }, data.texts.usual);
  panel.onchange = take;
  set(panel, { role: "dialog", "aria-label": data.texts.columns });
  panel.replaceChildren(el("div", { class: "boxes" }, boxes), back);
  panel.showPopover();
  const at = columns.getBoundingClientRect();
  panel.style.top = `${at.bottom + 4}px`;
  panel.style.left = `${Math.max(8, Math.min(at.right - panel.offsetWidth, innerWidth - panel.offsetWidth - 8))}px`;
  panel.style.maxHeight = `${Math.max(160, innerHeight - at.bottom - 16)}px`;
  panel.querySelector("input")?.focus();
}
