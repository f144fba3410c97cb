// Ticks, the keyboard, and the small parts of the table of people. Joined to people_table.js.

function tick(table, id, on, range) {
  const wanted = new Set(table.look.all ? table.data.rows.map((person) => person.id) : table.look.ticked);
  const order = table.data.rows.map((person) => person.id);
  const [from, to] = [order.indexOf(table.anchor), order.indexOf(id)];
  const some = range && from >= 0 ? order.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
  for (const each of some) on ? wanted.add(each) : wanted.delete(each);
  table.anchor = id;
  ask(table, { ticked: [...wanted], all: false });
  paintTicks(table);
}

function tickPage(table, on) {
  const wanted = new Set(table.look.all ? [] : table.look.ticked);
  for (const { id } of table.data.rows) on ? wanted.add(id) : wanted.delete(id);
  ask(table, { ticked: [...wanted], all: false });
  paintTicks(table);
}

function paintTicks(table) {
  const { data, look, parts } = table;
  if (!data.ticks) { parts.banner.hidden = true; return; }
  const ticked = new Set(look.ticked);
  for (const [id, box] of table.boxes) {
    box.checked = look.all || ticked.has(id);
    box.closest("tr").classList.toggle("ticked", box.checked);
  }
  const here = data.rows.filter(({ id }) => look.all || ticked.has(id)).length;
  table.every.checked = here > 0 && here === data.rows.length;
  table.every.indeterminate = here > 0 && here < data.rows.length;
  table.every.disabled = !data.rows.length;
  paintBanner(table, ticked.size);
}

function paintBanner(table, ticked) {
  const { data, look, parts } = table;
  const { texts } = data;
  parts.banner.hidden = !look.all && !ticked;
  if (parts.banner.hidden) { parts.banner.replaceChildren(); return; }
  const count = look.all ? data.count : ticked;
  const said = (count === 1 ? texts.one_ticked : texts.ticked).replace("{count}", count.toLocaleString(data.locale, { useGrouping: "always" }));
  const more = !look.all && data.count > ticked && el("button", {
    type: "button", class: "link", onclick: () => { ask(table, { all: true, ticked: [] }); paintTicks(table); table.parts.scroll.focus(); },
  }, texts.tick_all.replace("{count}", data.found.number));
  write(parts.banner, [el("span", {}, look.all ? texts.all_ticked.replace("{count}", data.found.number) : said), more,
    el("button", { type: "button", class: "link", onclick: () => { ask(table, { all: false, ticked: [] }); paintTicks(table); table.parts.scroll.focus(); } }, texts.untick)]);
}

// Arrows walk the rows, x ticks, Page Up and Page Down turn the page where there is no more to
// scroll; Enter is the button's own.
function keys(table, event) {
  const { target: at, key } = event;
  const rows = [...table.parts.body.children];
  const place = rows.indexOf(at.closest?.("tr"));
  const steps = { ArrowDown: 1, ArrowUp: -1, Home: -place, End: rows.length - 1 - place };
  if (key === "PageDown" && atEnd(table)) turn(table, 1);
  else if (key === "PageUp" && table.parts.scroll.scrollTop <= 0) turn(table, -1);
  else if (key in steps && rows.length && (place >= 0 || key === "ArrowDown")) {
    const next = rows[Math.max(0, Math.min(rows.length - 1, place + steps[key]))];
    target(next, at.type === "checkbox").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  } else if (key === "x" && place >= 0 && table.data.ticks && !event.ctrlKey && !event.metaKey) {
    const id = table.data.rows[place].id;
    tick(table, id, !table.boxes.get(id).checked, false);
  } else return;
  event.preventDefault();
}

function atEnd({ parts: { scroll } }) {
  return scroll.scrollTop + scroll.clientHeight >= scroll.scrollHeight - 2;
}

function target(row, tick) {
  const found = (tick && row.querySelector("input")) || row.querySelector("button.who") || row.querySelector("input");
  if (found) return found;
  row.tabIndex = -1;
  return row;
}

function focused(table) {
  return table.root.getRootNode().activeElement;
}

// Small parts

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  set(made, attributes);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function set(made, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && !key.startsWith("aria-") && key !== "role" && key !== "popover") made[key] = value;
    else if (key === "class") made.className = value;
    else made.setAttribute(key, value);
  }
}

function write(made, children) {
  made.replaceChildren(...children.filter(Boolean));
}

const DRAWN = {
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4.5 4.5",
  columns: "M4 5h16v14H4zM9.5 5v14M14.5 5v14",
  close: "M7 7l10 10M17 7 7 17",
  before: "M14.5 6 8.5 12l6 6",
  after: "m9.5 6 6 6-6 6",
  up: "m7 14 5-5 5 5",
  down: "m7 10 5 5 5-5",
};

function sign(name) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "sign", "aria-hidden": "true" })) made.setAttribute(key, value);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", DRAWN[name]);
  made.append(path);
  return made;
}
