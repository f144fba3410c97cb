// The right-hand side of a condition: one editor a kind of value.
// Each takes (condition, context) and returns an element; context.put(value, wait) keeps the value,
// wait in milliseconds before it is sent. What cannot be read yet is kept as it was typed.

const TYPING = 350;
const TAPPING = 150;
const AS_CHIPS = 6; // up to this many options are all shown, more are searched
const DAYS_MAX = 36500;

const isText = (value) => typeof value === "string" && value.trim() !== "";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isDay = (value) => typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) && value >= "1000" && value < "9001";
const isDays = (value) => Number.isInteger(value) && value >= 0 && value <= DAYS_MAX;
const isPair = (check) => (value) => Array.isArray(value) && value.length === 2 && value.every(check) && value[0] <= value[1];
const isList = (value) => Array.isArray(value) && value.length > 0;
const isGiven = (value) => value !== null && value !== undefined && value !== "";

const editors = {
  none: { finished: () => true, draw: () => null },
  text: { finished: isText, draw: (condition, context) => shelf(context, textBox(condition.value, context)) },
  number: { finished: isNumber, draw: (condition, context) => shelf(context, ...numberBox(condition.value, context)) },
  days: { finished: isDays, draw: days },
  date: { finished: isDay, draw: (condition, context) => shelf(context, dateBox(condition.value, context)) },
  numbers: { finished: isPair(isNumber), draw: (condition, context) => pair(condition, context, numberBox, isNumber) },
  dates: { finished: isPair(isDay), draw: (condition, context) => pair(condition, context, (...given) => [dateBox(...given)], isDay) },
  texts: { finished: isList, draw: (condition, context) => words(condition, context, (word) => word) },
  number_list: { finished: isList, draw: (condition, context) => words(condition, context, (word) => numberIn(word, context.locale)) },
  choice: { finished: isGiven, draw: one },
  choices: { finished: isList, draw: many },
};

// The value of one kind as the next can use it, so that changing the operator loses nothing.
function carried(value, before, after) {
  if (before === after) return value;
  const first = Array.isArray(value) ? value[0] ?? null : value;
  if (["choices", "texts", "number_list"].includes(after)) return isGiven(first) ? (Array.isArray(value) ? value : [value]) : null;
  if (after === "numbers" || after === "dates") return isGiven(first) ? [first, Array.isArray(value) ? value[1] ?? null : null] : null;
  const pairs = { choice: "choices", text: "texts", number: ["numbers", "number_list"], date: "dates" }[after] ?? [];
  return pairs.includes(before) ? first : null;
}

const shelf = (context, ...inside) => el("span", { class: "values", role: "group", "aria-label": context.label }, inside);

function textBox(value, context) {
  const made = el("input", {
    type: "text", class: "value text", value: value ?? "", "aria-label": context.label, placeholder: context.texts.value,
    autocomplete: "off", spellcheck: false, "data-part": "value",
  });
  made.oninput = () => context.put(made.value === "" ? null : made.value, TYPING);
  return made;
}

// Numbers, as people of this language write them

function numberIn(written, locale) {
  const decimal = new Intl.NumberFormat(locale).format(1.5)[1];
  const plain = written.replace(/[\s\u00a0']/g, "");
  const grouped = decimal === "," ? /^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$/ : /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/;
  const clean = grouped.test(plain) ? plain.replaceAll(decimal === "," ? "." : ",", "") : plain;
  const number = Number(clean.replace(",", "."));
  return clean === "" || !Number.isFinite(number) ? null : number;
}

const shownNumber = (value, locale) => (isNumber(value)
  ? value.toLocaleString(locale, { maximumFractionDigits: 10, useGrouping: Math.abs(value) >= 10000 }) : value ?? "");

// Returns [box, what is wrong with it].
function numberBox(value, context) {
  const wrong = el("span", { class: "wrong", role: "alert" });
  const made = el("input", {
    type: "text", inputMode: context.whole ? "numeric" : "decimal", class: "value number", value: shownNumber(value, context.locale),
    "aria-label": context.label, autocomplete: "off", "data-part": "value",
  });
  const check = (given, late) => {
    const bad = given !== null && !(context.whole ? isDays(given) : isNumber(given));
    made.setAttribute("aria-invalid", String(bad));
    wrong.textContent = bad && late ? (context.whole ? context.texts.bad_days : context.texts.bad_number) : "";
  };
  const read = () => (made.value.trim() === "" ? null : numberIn(made.value, context.locale) ?? made.value);
  made.oninput = () => { const given = read(); check(given, false); context.put(given, TYPING); };
  made.onblur = () => { const given = read(); check(given, true); if (isNumber(given)) made.value = shownNumber(given, context.locale); };
  check(value ?? null, true);
  return [made, wrong];
}

function days(condition, context) {
  const unit = el("span", { class: "word" });
  const name = (value) => { unit.textContent = context.plural("days", isNumber(value) ? value : 2); };
  const [box, wrong] = numberBox(condition.value, { ...context, whole: true, put: (value, wait) => { name(value); context.put(value, wait); } });
  name(condition.value);
  return shelf(context, box, unit, wrong);
}

function dateBox(value, context) {
  const made = el("input", { type: "date", class: "value date", value: value ?? "", min: "1000-01-01", max: "9000-12-31", "aria-label": context.label, "data-part": "value" });
  made.oninput = () => context.put(made.value || null, TYPING);
  return made;
}

function pair(condition, context, box, check) {
  const now = Array.isArray(condition.value) ? [...condition.value] : [null, null];
  const wrong = el("span", { class: "wrong", role: "alert" });
  const mark = () => {
    const bad = now.every(check) && now[0] > now[1];
    wrong.textContent = bad ? context.texts.bad_range : "";
  };
  const half = (place, label) => box(now[place], {
    ...context, label: `${context.label}: ${label}`,
    put: (value, wait) => { now[place] = value; mark(); context.put(now.every((end) => end === null) ? null : [...now], wait); },
  });
  mark();
  return shelf(context, half(0, context.texts.from), el("span", { class: "word" }, context.texts.and_between), half(1, context.texts.to), wrong);
}

// Choices

function one(condition, context) {
  const known = context.options().find((option) => option.value === condition.value);
  const gone = isGiven(condition.value) && !known;
  const shown = known?.label ?? (gone ? context.texts.gone : context.texts.choose);
  return shelf(context, el("button", {
    type: "button", class: known ? "value pick" : `value pick ${gone ? "gone" : "unset"}`, "aria-haspopup": "listbox",
    "aria-label": `${context.label}: ${shown}`, "data-part": "value",
    onclick: (event) => context.pick({ anchor: event.currentTarget, chosen: new Set([condition.value]), take: (value) => { context.put(value, 0); context.redraw(); } }),
  }, el("span", { class: "grow" }, shown)));
}

function many(condition, context) {
  const chosen = new Set(Array.isArray(condition.value) ? condition.value : []);
  const known = context.options();
  const few = known.length <= AS_CHIPS && [...chosen].every((value) => known.some((option) => option.value === value));
  return few ? toggles(chosen, context) : searched(chosen, context);
}

function toggles(chosen, context) {
  const options = context.options();
  const keep = () => context.put(options.map((option) => option.value).filter((value) => chosen.has(value)), TAPPING);
  if (!options.length) return shelf(context, el("span", { class: "word" }, context.texts.no_options));
  return shelf(context, options.map((option, place) => {
    const chip = el("button", { type: "button", class: "chip", "aria-pressed": String(chosen.has(option.value)), "data-part": place ? null : "value" },
      el("span", {}, option.label), el("span", { class: "tally", "data-value": JSON.stringify(option.value) }, option.count ?? ""));
    chip.onclick = () => {
      if (!chosen.delete(option.value)) chosen.add(option.value);
      chip.setAttribute("aria-pressed", String(chosen.has(option.value)));
      keep();
    };
    return chip;
  }));
}

function searched(chosen, context) {
  const made = shelf(context);
  const keep = () => { context.put(chosen.size ? [...chosen] : null, TAPPING); draw(); };
  const open = () => context.pick({
    many: true, chosen, take: keep, anchor: () => made.querySelector(".more"),
    paste: (texts) => { const missing = context.paste(texts, chosen); keep(); return missing; },
  });
  const drop = (value) => { chosen.delete(value); keep(); made.querySelector(".more").focus(); };
  const draw = () => {
    const known = new Map(context.options().map((option) => [option.value, option]));
    made.replaceChildren(...[...chosen].map((value) => removable(known.get(value), value, context, () => drop(value))), el("button", {
      type: "button", class: chosen.size ? "chip more" : "value pick more unset", "aria-haspopup": "listbox", "data-part": "value",
      "aria-label": `${context.label}: ${context.texts.add_value}`, onclick: open,
    }, chosen.size ? icon("plus") : el("span", { class: "grow" }, context.texts.choose)));
  };
  draw();
  return made;
}

function removable(option, value, context, remove) {
  const label = option?.label ?? (context.options ? context.texts.gone : String(value));
  return el("span", { class: option || !context.options ? "chip chosen" : "chip chosen gone" }, el("span", {}, label),
    el("span", { class: "tally", "data-value": JSON.stringify(value) }, option?.count ?? ""),
    el("button", { type: "button", class: "drop", "aria-label": `${context.texts.remove_value}: ${label}`, title: context.texts.remove_value, onclick: remove }, icon("close")));
}

// Texts or numbers typed one after another, or pasted all at once
function words(condition, context, reading) {
  const chosen = Array.isArray(condition.value) ? [...condition.value] : [];
  const made = shelf(context);
  const box = el("input", {
    type: "text", class: "value text", "aria-label": context.label, placeholder: context.texts.add_word, autocomplete: "off",
    value: context.typing.get(condition.id) ?? "", "data-part": "value",
  });
  const add = (given) => {
    const read = apart(given).map(reading).filter((word) => word !== null && !chosen.includes(word));
    context.typing.delete(condition.id);
    box.value = "";
    if (!read.length) return;
    chosen.push(...new Set(read));
    context.put([...chosen], 0);
    draw();
  };
  const drop = (place) => { chosen.splice(place, 1); context.put(chosen.length ? [...chosen] : null, TAPPING); draw(); box.focus(); };
  const draw = () => {
    const chips = chosen.map((word, place) => removable(null, word, { texts: context.texts }, () => drop(place)));
    made.querySelectorAll(".chip").forEach((chip) => chip.remove());
    made.prepend(...chips);
  };
  box.oninput = () => context.typing.set(condition.id, box.value);
  box.onpaste = (event) => {
    const text = event.clipboardData.getData("text");
    if (apart(text).length > 1) { event.preventDefault(); add(text); }
  };
  box.onkeydown = (event) => {
    const written = box.value.trim();
    if (event.key === "Enter" && written && !event.ctrlKey && !event.metaKey) add(box.value);
    else if (event.key === "Backspace" && !box.value && chosen.length && !event.ctrlKey) drop(chosen.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  box.onblur = () => add(box.value);
  made.append(box);
  draw();
  return made;
}
