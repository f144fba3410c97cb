// The right-hand side of a condition: one editor a kind of value.
// Each takes (condition, context) and returns an element; context.put(value, wait) keeps the value,
// wait in milliseconds before it is sent.

const TYPING = 350;
const TAPPING = 150;
const AS_CHIPS = 6; // up to this many options are all shown, more are searched

const isText = (value) => typeof value === "string" && value.trim() !== "";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isPair = (check) => (value) => Array.isArray(value) && value.length === 2 && value.every(check);
const isList = (value) => Array.isArray(value) && value.length > 0;

const isGiven = (value) => value !== null && value !== undefined && value !== "";

const editors = {
  none: { finished: () => true, draw: () => null },
  text: { finished: isText, draw: (condition, context) => input("text", condition.value, context) },
  number: { finished: isNumber, draw: (condition, context) => input("number", condition.value, context) },
  days: {
    finished: (value) => isNumber(value) && value >= 0,
    draw: (condition, context) => el("span", { class: "values" },
      input("number", condition.value, { ...context, whole: true }), el("span", { class: "word" }, context.texts.days)),
  },
  date: { finished: isText, draw: (condition, context) => input("date", condition.value, context) },
  numbers: { finished: isPair(isNumber), draw: (condition, context) => pair("number", condition, context) },
  dates: { finished: isPair(isText), draw: (condition, context) => pair("date", condition, context) },
  texts: { finished: isList, draw: (condition, context) => words(condition, context, (word) => word) },
  number_list: { finished: isList, draw: (condition, context) => words(condition, context, readNumber) },
  choice: { finished: isGiven, draw: one },
  choices: { finished: isList, draw: many },
};

function input(type, value, context) {
  const made = el("input", {
    type, class: `value ${type}`, value: value ?? "", "aria-label": context.label,
    placeholder: type === "text" ? context.texts.value : "", autocomplete: "off",
    inputMode: type === "number" ? (context.whole ? "numeric" : "decimal") : "", step: type === "number" ? (context.whole ? "1" : "any") : "",
    min: context.whole ? "0" : "",
  });
  made.oninput = () => context.put(read(type, made.value, context.whole), TYPING);
  return made;
}

function read(type, written, whole) {
  if (written === "") return null;
  if (type !== "number") return written;
  return whole ? Math.trunc(Number(written)) : Number(written);
}

function readNumber(word) {
  const number = Number(word.replace(",", "."));
  return Number.isFinite(number) ? number : null;
}

function pair(type, condition, context) {
  const now = Array.isArray(condition.value) ? [...condition.value] : [null, null];
  const half = (place, label) => input(type, now[place], {
    ...context, label: `${context.label}: ${label}`,
    put: (value, wait) => { now[place] = value; context.put([...now], wait); },
  });
  return el("span", { class: "values" },
    half(0, context.texts.from), el("span", { class: "word" }, context.texts.and_between), half(1, context.texts.to));
}

function one(condition, context) {
  const known = context.options.find((option) => option.value === condition.value);
  const missing = isGiven(condition.value) ? context.texts.gone : context.texts.choose;
  return el("button", {
    type: "button", class: known ? "value pick" : "value pick unset", "aria-haspopup": "listbox", "aria-label": `${context.label}: ${known?.label ?? missing}`,
    onclick: () => context.pick({ many: false, chosen: new Set([condition.value]), take: (value) => { context.put(value, 0); context.redraw(); } }),
  }, known?.label ?? missing);
}

function many(condition, context) {
  const chosen = new Set(Array.isArray(condition.value) ? condition.value : []);
  const keep = () => context.put(context.options.map((option) => option.value).filter((value) => chosen.has(value)), TAPPING);
  if (context.options.length <= AS_CHIPS && [...chosen].every((value) => context.options.some((option) => option.value === value))) {
    return el("span", { class: "values", role: "group", "aria-label": context.label }, context.options.length
      ? context.options.map((option) => toggle(option, chosen, keep))
      : el("span", { class: "word" }, context.texts.nothing));
  }
  const shelf = el("span", { class: "values", role: "group", "aria-label": context.label });
  const draw = () => {
    const chips = [...chosen].map((value) => {
      const option = context.options.find((candidate) => candidate.value === value);
      return removable(option?.label ?? context.texts.gone, context, () => {
        chosen.delete(value);
        context.put([...chosen], TAPPING);
        draw();
        shelf.querySelector(".more").focus();
      });
    });
    shelf.replaceChildren(...chips, el("button", {
      type: "button", class: "chip more", "aria-haspopup": "listbox", "aria-label": `${context.label}: ${context.texts.add_value}`,
      onclick: () => context.pick({ many: true, chosen, anchor: () => shelf.querySelector(".more"), take: () => { keep(); draw(); } }),
    }, chosen.size ? "+" : context.texts.choose));
  };
  draw();
  return shelf;
}

function toggle(option, chosen, keep) {
  const chip = el("button", { type: "button", class: "chip", "aria-pressed": String(chosen.has(option.value)) }, option.label);
  chip.onclick = () => {
    if (!chosen.delete(option.value)) chosen.add(option.value);
    chip.setAttribute("aria-pressed", String(chosen.has(option.value)));
    keep();
  };
  return chip;
}

function removable(label, context, remove) {
  return el("span", { class: "chip chosen" }, el("span", {}, label),
    el("button", { type: "button", class: "drop", "aria-label": `${context.texts.remove_value}: ${label}`, onclick: remove }, "×"));
}

function words(condition, context, reading) {
  const chosen = Array.isArray(condition.value) ? [...condition.value] : [];
  const shelf = el("span", { class: "values", role: "group", "aria-label": context.label });
  const box = el("input", { type: "text", class: "value text", "aria-label": context.label, placeholder: context.texts.add_word, autocomplete: "off" });
  const add = () => {
    const written = box.value.split(/[;\n]|,(?!\d)/).map((word) => word.trim()).filter(Boolean)
      .map(reading).filter((word) => word !== null && !chosen.includes(word));
    box.value = "";
    if (!written.length) return false;
    chosen.push(...written);
    context.put([...chosen], 0);
    draw();
    return true;
  };
  const draw = () => {
    shelf.replaceChildren(...chosen.map((word, place) => removable(String(word), context, () => {
      chosen.splice(place, 1);
      context.put([...chosen], TAPPING);
      draw();
      box.focus();
    })), box);
  };
  box.onkeydown = (event) => {
    if (event.key === "Enter" && box.value.trim()) {
      event.preventDefault();
      event.stopPropagation();
      add();
      box.focus();
    }
  };
  box.onblur = add;
  draw();
  return shelf;
}
