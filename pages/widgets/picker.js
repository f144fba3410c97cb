// A searchable list that opens over everything: one of many, or many of many.
// Keyboard: type to narrow, arrows to move, Enter to take, Escape to close.
// Texts are set with textContent only: labels are names that people typed.

const SHOWN_AT_MOST = 200;

function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value == null) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made[name] = value;
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

const folded = (text) =>
  String(text).normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();

let pickers = 0;

// items: [{value, label, group}] in the order they are shown; take(value) is called for each pick.
function openPicker({ root, anchor, items, chosen, many, texts, label, take, closed }) {
  const id = `picker-${++pickers}`;
  const list = el("ul", { id, role: "listbox", "aria-label": label, "aria-multiselectable": String(Boolean(many)) });
  const search = el("input", {
    type: "search", class: "search", placeholder: texts.search, autocomplete: "off", spellcheck: false,
    role: "combobox", "aria-expanded": "true", "aria-controls": id, "aria-label": `${label}: ${texts.search}`,
  });
  const panel = el("div", { class: "picker", popover: "auto" }, search, list);
  let shown = [];
  let active = 0;
  let picked = false; // then whoever took the value says where the focus goes

  const draw = () => {
    const words = folded(search.value).split(/\s+/).filter(Boolean);
    const matching = items.filter((item) => {
      const text = folded(`${item.group ?? ""} ${item.label}`);
      return words.every((word) => text.includes(word));
    });
    shown = matching.slice(0, SHOWN_AT_MOST);
    active = Math.min(active, Math.max(0, shown.length - 1));
    const rows = [];
    let group = null;
    shown.forEach((item, place) => {
      if (item.group && item.group !== group) rows.push(el("li", { class: "heading", role: "presentation" }, item.group));
      group = item.group ?? group;
      rows.push(el("li", {
        id: `${id}-${place}`, role: "option", class: "option", "aria-selected": String(chosen.has(item.value)),
        onpointerdown: (event) => event.preventDefault(), onclick: () => pick(item),
        onpointermove: () => { if (active !== place) { active = place; mark(); } },
      }, el("span", {}, item.label)));
    });
    if (!shown.length) rows.push(el("li", { class: "nothing", role: "presentation" }, texts.nothing));
    if (matching.length > shown.length) rows.push(el("li", { class: "nothing", role: "presentation" }, texts.more));
    list.replaceChildren(...rows);
    mark();
  };
  const mark = () => {
    list.querySelectorAll(".option").forEach((row) => row.classList.toggle("active", row.id === `${id}-${active}`));
    const row = list.querySelector(".active");
    if (row) search.setAttribute("aria-activedescendant", row.id);
    else search.removeAttribute("aria-activedescendant");
    return row;
  };
  const pick = (item) => {
    if (!many) { picked = true; panel.hidePopover(); take(item.value); return; }
    if (chosen.has(item.value)) chosen.delete(item.value); else chosen.add(item.value);
    take(item.value);
    draw();
    place();
  };
  const move = (by) => {
    active = (active + by + shown.length) % Math.max(1, shown.length);
    mark()?.scrollIntoView({ block: "nearest" });
  };
  search.oninput = () => { active = 0; draw(); };
  search.onkeydown = (event) => {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter" && shown[active]) pick(shown[active]);
    else if (event.key === "Tab") { panel.hidePopover(); return; }
    else return;
    event.preventDefault();
  };
  const place = () => {
    const box = anchor().getBoundingClientRect();
    const width = Math.min(320, innerWidth - 16);
    const below = innerHeight - box.bottom - 12;
    const up = below < 260 && box.top > below;
    panel.style.width = `${width}px`;
    panel.style.maxHeight = `${Math.min(380, up ? box.top - 12 : below)}px`;
    panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
    panel.style.top = up ? "auto" : `${box.bottom + 4}px`;
    panel.style.bottom = up ? `${innerHeight - box.top + 4}px` : "auto";
  };
  panel.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    removeEventListener("scroll", place, true);
    removeEventListener("resize", place);
    panel.remove();
    if (!picked) closed?.();
  });
  root.append(panel);
  draw();
  place();
  panel.showPopover();
  addEventListener("scroll", place, true);
  addEventListener("resize", place);
  active = Math.max(0, shown.findIndex((item) => chosen.has(item.value)));
  mark()?.scrollIntoView({ block: "nearest" });
  search.focus({ preventScroll: true });
}
