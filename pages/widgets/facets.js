// Facets beside a table: values to choose from, each with how many people and a bar.
//
// In:  {facets: [{key, title, rows: [[value, label, people, written]], chosen}], n, texts}
// Out: state "chosen" = {n, facets: [[key, values]]}.
// A click paints at once; the counts follow. Texts are set with textContent only.

const boards = new WeakMap();
const FEW = 6;

export default function ({ parentElement, data, setStateValue }) {
  let board = boards.get(parentElement);
  if (!board) {
    const root = parentElement.querySelector(".facets");
    board = { root, n: data.n, open: new Set(), words: new Map(), shut: root.clientWidth > 0 && innerWidth < 640 };
    root.onkeydown = (event) => event.stopPropagation(); // else Streamlit's own shortcuts hear it
    boards.set(parentElement, board);
  }
  board.data = data;
  board.send = () => {
    board.n += 1;
    setStateValue("chosen", { n: board.n, facets: [...board.chosen].map(([key, values]) => [key, [...values]]) });
  };
  if (data.n >= board.n) {
    board.n = data.n;
    board.chosen = new Map(data.facets.map(({ key, chosen }) => [key, new Set(chosen)]));
  }
  const told = JSON.stringify([data, [...board.chosen].map(([key, values]) => [key, [...values]])]);
  if (told !== board.told) { board.told = told; draw(board); }
  return () => boards.delete(parentElement);
}

function draw(board) {
  const { root, data } = board;
  const held = root.getRootNode().activeElement;
  const stood = held && root.contains(held) ? held.dataset.at : null;
  const caret = held?.selectionStart;
  const many = [...board.chosen.values()].reduce((sum, values) => sum + values.size, 0);
  const summary = el("summary", { "data-at": "summary" }, data.texts.filters, many ? el("span", { class: "tally" }, String(many)) : "");
  const all = el("details", {}, summary, data.facets.map((facet) => section(board, facet)));
  all.open = !board.shut;
  all.ontoggle = () => { board.shut = !all.open; };
  if (!data.facets.length) all.append(el("p", { class: "quiet" }, data.texts.nothing));
  root.replaceChildren(all);
  if (stood) {
    const same = root.querySelector(`[data-at="${CSS.escape(stood)}"]`);
    same?.focus({ preventScroll: true });
    if (same?.matches("input[type=search]")) same.setSelectionRange(caret, caret);
  }
}

function section(board, facet) {
  const { texts } = board.data;
  const word = (board.words.get(facet.key) ?? "").toLowerCase();
  const open = board.open.has(facet.key);
  const found = facet.rows.filter(([, label]) => label.toLowerCase().includes(word));
  const chosen = board.chosen.get(facet.key) ?? new Set();
  const shown = open ? found : found.filter(([value], place) => place < FEW || chosen.has(value));
  const largest = Math.max(1, ...facet.rows.map((row) => row[2]));
  const id = `facet-${facet.key.replace(/\W/g, "-")}`;
  const made = el("section", { role: "group", "aria-labelledby": id }, el("h3", { id }, facet.title));
  if (open && facet.rows.length > 12) {
    const find = el("input", { type: "search", placeholder: texts.find, "aria-label": `${facet.title}: ${texts.find}`, "data-at": `${facet.key}/find` });
    find.value = board.words.get(facet.key) ?? "";
    find.oninput = () => { board.words.set(facet.key, find.value); draw(board); };
    made.append(find);
  }
  made.append(el("div", { class: open ? "rows open" : "rows" }, shown.map((row) => line(board, facet, row, chosen, largest))));
  if (facet.rows.length > FEW) {
    made.append(el("button", { type: "button", class: "link", "data-at": `${facet.key}/more`, "aria-expanded": String(open), onclick: () => {
      board.open[open ? "delete" : "add"](facet.key);
      board.words.delete(facet.key);
      draw(board);
    } }, open ? texts.less : texts.more.replace("{count}", String(facet.rows.length))));
  }
  return made;
}

function line(board, facet, [value, label, people, written], chosen, largest) {
  const on = chosen.has(value);
  const box = el("input", { type: "checkbox", "data-at": `${facet.key}/${value}` });
  box.checked = on;
  box.onchange = () => {
    const wanted = board.chosen.get(facet.key) ?? new Set();
    box.checked ? wanted.add(value) : wanted.delete(value);
    board.chosen.set(facet.key, wanted);
    made.classList.toggle("on", box.checked);
    board.send();
  };
  const made = el("label", { class: on ? "line on" : "line", title: label }, box, el("span", { class: "name" }, label), el("span", { class: "many" }, written));
  made.style.setProperty("--share", `${(100 * people) / largest}%`);
  return made;
}

function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, given] of Object.entries(attributes)) {
    if (key === "class") made.className = given;
    else if (key.startsWith("on")) made[key] = given;
    else made.setAttribute(key, given);
  }
  made.append(...children.flat());
  return made;
}
