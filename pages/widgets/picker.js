// A searchable list that opens over everything: one of many, or many of many.
// Keyboard: type to narrow, arrows to move, Enter to take, Escape to close. Many values separated
// by commas, semicolons or lines can be pasted.
// Texts are set with textContent only: labels are names that people typed.

const SHOWN_AT_MOST = 200;

let pickers = 0;

// items(): [{value, label, group, icon, keywords, aside, count, hidden, idle}] in the order they are
// shown; a hidden one appears only once its words are typed, an idle one only until then. take(value) is called for each pick,
// paste(texts) for many at once: it returns what was not found.
// Returns {refresh} for when the items have changed.
function openPicker({ root, anchor, items, chosen, many, texts, label, take, paste, closed, tall = 400, width = 340 }) {
  const id = `picker-${++pickers}`;
  const list = el("ul", { id, role: "listbox", "aria-label": label, "aria-multiselectable": String(Boolean(many)) });
  const said = el("p", { class: "said", role: "status" });
  const search = el("input", {
    type: "search", class: "search", placeholder: many && paste ? texts.search_paste : texts.search, autocomplete: "off", spellcheck: false,
    role: "combobox", "aria-expanded": "true", "aria-controls": id, "aria-autocomplete": "list", "aria-label": `${label}: ${texts.search}`,
  });
  const panel = el("div", { class: "panel picker", popover: "auto" }, search, list, said);
  let shown = [];
  let active = 0;
  let picked = false; // then whoever took the value says where the focus goes

  const matching = () => {
    const words = folded(search.value).split(/\s+/).filter(Boolean);
    const found = [];
    for (const item of items()) {
      if (item.idle ? words.length : item.hidden && words.join("").length < 2) continue;
      const name = folded(item.label);
      const all = `${name} ${folded(item.group ?? "")} ${folded(item.keywords ?? "")}`;
      const named = !item.hidden || words.some((word) => name.includes(word));
      if (named && words.every((word) => all.includes(word))) found.push([rank(name, words) + (item.hidden ? 4 : 0), item]);
    }
    return words.length ? found.sort((one, other) => one[0] - other[0]).map(([, item]) => item) : found.map(([, item]) => item);
  };
  const draw = () => {
    const found = matching();
    shown = found.slice(0, SHOWN_AT_MOST);
    active = Math.min(active, Math.max(0, shown.length - 1));
    const rows = [];
    let group = null;
    for (const [place, item] of shown.entries()) {
      if (item.group && item.group !== group) rows.push(el("li", { class: "heading", role: "presentation" }, item.group));
      group = item.group ?? group;
      rows.push(option(item, place));
    }
    if (!shown.length) rows.push(el("li", { class: "nothing", role: "presentation" }, texts.nothing));
    if (found.length > shown.length) rows.push(el("li", { class: "nothing", role: "presentation" }, texts.more));
    list.replaceChildren(...rows);
    mark();
  };
  const option = (item, place) => el("li", {
    id: `${id}-${place}`, role: "option", class: "option", "aria-selected": String(chosen.has(item.value)),
    onpointerdown: (event) => event.preventDefault(), onclick: () => pick(item),
    onpointermove: () => { if (active !== place) { active = place; mark(); } },
  }, many && el("span", { class: "box" }, icon("check")), item.icon && icon(item.icon), el("span", { class: "grow" }, item.label),
    item.aside && el("span", { class: "tally" }, item.aside), item.count !== undefined && el("span", { class: "tally" }, item.count));
  const mark = () => {
    list.querySelectorAll(".option").forEach((row) => row.classList.toggle("active", row.id === `${id}-${active}`));
    const row = list.querySelector(".active");
    if (row) search.setAttribute("aria-activedescendant", row.id);
    else search.removeAttribute("aria-activedescendant");
    return row;
  };
  const pick = (item) => {
    if (!many) { picked = true; panel.hidePopover(); take(item.value); return; }
    if (!chosen.delete(item.value)) chosen.add(item.value);
    take(item.value);
    search.select();
    list.querySelectorAll(".option").forEach((row, place) => row.setAttribute("aria-selected", String(chosen.has(shown[place].value))));
  };
  search.oninput = () => { active = 0; said.textContent = ""; draw(); };
  search.onpaste = (event) => {
    const given = many && paste ? apart(event.clipboardData.getData("text")) : [];
    if (given.length < 2) return;
    event.preventDefault();
    const missing = paste(given);
    said.textContent = missing.length ? fill(texts.not_found, { values: missing.slice(0, 8).join(", ") + (missing.length > 8 ? "…" : "") }) : "";
    draw();
  };
  search.onkeydown = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (by) {
      const last = shown.length - 1;
      active = Math.abs(by) > 1 ? Math.max(0, Math.min(last, active + by)) : (active + by + last + 1) % Math.max(1, last + 1);
      mark()?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") { if (shown[active]) pick(shown[active]); }
    else if (event.key === "Tab") { panel.hidePopover(); return; }
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  root.append(panel);
  draw();
  panel.showPopover();
  const stop = follow(panel, anchor, { width, tallest: tall });
  panel.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    stop();
    panel.remove();
    if (!picked) closed?.();
  });
  active = Math.max(0, shown.findIndex((item) => chosen.has(item.value)));
  mark()?.scrollIntoView({ block: "nearest" });
  search.focus({ preventScroll: true });
  return { refresh: () => { if (panel.isConnected) draw(); } };
}

// What begins with the words first, then where a word begins, then the rest as it stood.
function rank(name, words) {
  if (name.startsWith(words[0] ?? "")) return 0;
  if (words.every((word) => name.includes(` ${word}`) || name.startsWith(word))) return 1;
  return words.every((word) => name.includes(word)) ? 2 : 3;
}

// "a, b;c" or lines → texts. A comma between digits is a decimal comma.
const apart = (text) => text.split(/[;\n\r\t]|,(?!\d)/).map((word) => word.trim()).filter(Boolean);
