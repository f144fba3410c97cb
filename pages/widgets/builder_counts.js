// Live counts: how many each node holds, and what the whole would gain or lose without it.
// Numbers belong to the edit they were counted for; nodes are found by id, so nothing is redrawn.

const SETTLED = 900; // milliseconds without a change before a count is said aloud

function paint(screen) {
  const { data, store } = screen;
  const local = finished(store.tree, (node) => isFinished(screen, node)).paths;
  const paths = store.paths.get(data.edit) ?? local;
  const whole = data.counts[""];
  for (const node of nodes(store.tree)) {
    const view = screen.views.get(node.id);
    if (!view) continue;
    const path = local.has(node.id) ? paths.get(node.id) : undefined;
    const idle = !node.of && !local.has(node.id);
    paintCount(screen, view, { people: data.counts[path], idle });
    paintGain(screen, view, path && whole !== undefined ? data.without[path] - whole : NaN);
    paintProblem(screen, view, data.problems[path]);
    view.element.setAttribute("aria-label", nameOf(screen, node, data.words[path], data.counts[path]));
    view.words = data.words[path] ?? "";
  }
  screen.root.classList.toggle("waiting", data.edit !== store.seq || written(store.tree) !== store.sent);
  sayCount(screen, whole);
}

function paintCount(screen, view, { people, idle }) {
  const { texts, data } = screen;
  const known = people !== undefined;
  const text = known ? screen.number(people) : idle ? texts.unfinished : "";
  if (view.number.textContent !== text) view.number.textContent = text;
  view.count.classList.toggle("unfinished", idle);
  view.count.classList.toggle("known", known);
  view.count.style.setProperty("--share", known && data.total ? `${(100 * people) / data.total}%` : "0%");
  view.share = known ? fill(texts.share, { count: text, total: screen.number(data.total) }) : idle ? texts.not_counted : "";
  if (view.percent) view.percent.textContent = known && data.total ? screen.percent(people / data.total) : "";
}

function paintGain(screen, view, change) {
  if (!view.gain) return;
  const { texts } = screen;
  const known = Number.isFinite(change);
  const amount = known ? new Intl.NumberFormat(screen.data.locale, { signDisplay: "exceptZero", useGrouping: "always" }).format(change).replace("-", "−") : "";
  const text = !known ? "" : change ? fill(screen.plural("without", Math.abs(change)), { change: amount }) : texts.without_none;
  if (view.gain.textContent !== text) view.gain.textContent = text;
  view.gain.dataset.sign = change > 0 ? "more" : change < 0 ? "less" : "same";
}

function paintProblem(screen, view, sentence) {
  const said = sentence ?? "";
  if (view.problem.dataset.said === said) return;
  view.problem.dataset.said = said;
  view.problem.replaceChildren(...(said ? [icon("warn"), el("span", {}, said)] : []));
  view.element.classList.toggle("broken", Boolean(said));
}

function nameOf(screen, node, words, people) {
  const { texts } = screen;
  const own = node.of ? `${texts.match_label} ${texts[node.match]}` : words || screen.fields.get(node.field)?.label || texts.choose_field;
  return people === undefined ? own : `${own}: ${fill(screen.plural("contacts", people), { count: screen.number(people) })}`;
}

// What is read out, politely: an action at once, a new count only when nobody edits any more.
function say(screen, text) {
  screen.live.textContent = "";
  requestAnimationFrame(() => { screen.live.textContent = text; });
}

function sayCount(screen, people) {
  clearTimeout(screen.saying);
  if (people === undefined || people === screen.said) return;
  screen.saying = setTimeout(() => {
    if (screen.said !== undefined) say(screen, fill(screen.plural("contacts", people), { count: screen.number(people) }));
    screen.said = people;
  }, screen.said === undefined ? 0 : SETTLED);
}

// Numbers of the choices that are on the screen

function paintTallies(screen) {
  for (const view of screen.views.values()) {
    const tally = screen.tallies.get(view.node.field);
    if (!tally || !view.box) continue;
    for (const shown of view.box.querySelectorAll(".tally[data-value]")) {
      const people = tally.get(JSON.parse(shown.dataset.value));
      shown.textContent = people === undefined ? "" : screen.number(people);
    }
  }
  screen.picker?.refresh();
}

// A node in words, with its share, beside its count while the pointer is there.
function tip(screen, view) {
  clearTimeout(screen.tipping);
  screen.tip?.hidePopover();
  if (!view || !(view.words || view.share)) return;
  screen.tipping = setTimeout(() => {
    if (!view.count.isConnected) return;
    screen.tip ??= screen.root.appendChild(el("div", { class: "tip", popover: "manual", role: "tooltip" }));
    screen.tip.replaceChildren(...[view.words, view.share].filter(Boolean).map((text, place) => el("p", { class: place ? "quiet" : "" }, text)));
    screen.tip.showPopover();
    const [box, own] = [view.count.getBoundingClientRect(), screen.tip.getBoundingClientRect()];
    screen.tip.style.left = `${Math.max(8, Math.min(box.right - own.width, innerWidth - own.width - 8))}px`;
    screen.tip.style.top = `${box.top > own.height + 12 ? box.top - own.height - 8 : box.bottom + 8}px`;
  }, 350);
}
