// A text with variables: what is typed is sent on after a short pause, a variable goes in at the
// caret, and a rerun never touches the field somebody types in.
const PAUSE = 250;
const mounted = new WeakMap();

function element(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text) made.textContent = text;
  return made;
}

function count(state) {
  const { area, data } = state;
  const length = [...area.value].length;
  state.counter.textContent = data.max ? `${length} / ${data.max}` : String(length);
  state.counter.classList.toggle("over", Boolean(data.max) && length > data.max);
}

function send(state) {
  clearTimeout(state.timer);
  if (state.area.value === state.sent) return;
  state.sent = state.area.value;
  state.emit("text", state.sent);
}

function typed(state) {
  count(state);
  clearTimeout(state.timer);
  state.timer = setTimeout(() => send(state), PAUSE);
}

function insert(state, name) {
  const { area } = state;
  area.focus();
  area.setRangeText(`{{ ${name} }}`, area.selectionStart, area.selectionEnd, "end");
  typed(state);
}

function build(root, data) {
  const state = { sent: data.text };
  state.label = element("label", "label");
  state.area = element("textarea", "area");
  state.area.id = "text";
  state.label.htmlFor = "text";
  state.area.value = data.text;
  state.counter = element("span", "counter");
  state.names = element("div", "names");
  state.area.oninput = () => typed(state);
  state.area.onblur = () => send(state);
  const foot = element("div", "foot");
  foot.append(state.names, state.counter);
  root.replaceChildren(state.label, state.area, foot);
  return state;
}

function drawNames(state) {
  const { data } = state;
  if (state.drawn === data.variables.join()) return;
  state.drawn = data.variables.join();
  const picker = element("select", "more");
  picker.setAttribute("aria-label", data.insert);
  picker.append(new Option(data.insert, ""));
  for (const name of data.variables) picker.append(new Option(name, name));
  picker.onchange = () => {
    if (picker.value) insert(state, picker.value);
    picker.value = "";
  };
  const buttons = data.variables.slice(0, data.first).map((name) => {
    const button = element("button", "name", name);
    button.type = "button";
    button.onmousedown = (event) => event.preventDefault();
    button.onclick = () => insert(state, name);
    return button;
  });
  state.names.replaceChildren(...buttons, picker);
}

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".message");
  let state = mounted.get(root);
  if (!state) {
    state = build(root, data);
    mounted.set(root, state);
  }
  state.data = data;
  state.emit = setStateValue;
  state.label.textContent = data.label;
  state.area.rows = data.rows;
  state.area.placeholder = data.placeholder;
  drawNames(state);
  count(state);
  return () => clearTimeout(state.timer);
}
