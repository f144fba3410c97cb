// The segment builder: nested groups of conditions, edited in the browser, counted in Python.
//
// In:  {key, session, revision, edit, stamp, saved, counts, without, words, problems, total, most, today,
//      locale, starters, parts}. Keys of counts … problems are paths in the tree of edit number
//      `edit`. A part is {hash, held}; held is null when this browser said that it has it:
//      "program" these scripts and their style, "catalogue" {fields, texts}, "tallies" [[field, [[value, people]]]], "tree" the draft.
// Out: state "edited" = {tree, draft, edit, revision, have}. `tree` is the segment as
//      engine.segments reads it, finished conditions only; `draft` is everything as it stands.
//      Trigger "ask": a part is missing here.
// The browser's tree is the truth while it is edited; a new `revision` means Python replaced it.
// The DOM stays over reruns, so neither focus nor caret moves.

const screens = new WeakMap();
const painted = (globalThis.pregonPainted ??= new Map()); // for builder_follower.js
const PATIENCE = 8000; // milliseconds; then an edit without an answer is sent again

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const held = received(data.parts);
  const store = held && storeFor(data, held.tree);
  if (!store) {
    setTriggerValue("ask", true);
    return undefined;
  }
  const screen = screens.get(parentElement) ?? newScreen(parentElement);
  screen.send = (value) => setStateValue("edited", value);
  receive(screen, data, held, store);
  return () => {
    flush(screen);
    clearTimeout(screen.watch);
    screens.delete(parentElement);
  };
}

function newScreen(parentElement) {
  const root = parentElement.querySelector(".builder");
  const screen = { root, stage: root.querySelector(".stage"), live: root.querySelector(".live"), views: new Map(), typing: new Map(), timer: 0, watch: 0, tapped: -Infinity, epoch: 0 };
  root.onkeydown = (event) => pressed(screen, event);
  root.onpointerover = (event) => near(screen, event.target, "pointed");
  root.onpointerleave = () => near(screen, null, "pointed");
  root.addEventListener("focusin", (event) => near(screen, event.target, "at"));
  root.addEventListener("focusout", (event) => {
    near(screen, null, "at");
    if (!event.relatedTarget || !root.contains(event.relatedTarget)) flush(screen); // a button outside sees it all
  });
  listenToClipboard(screen);
  screens.set(parentElement, screen);
  return screen;
}

// The innermost node that the pointer or the focus is in shows what it weighs.
function near(screen, target, name) {
  const row = target?.closest?.(".row") ?? null;
  if (screen[name] === row) return;
  screen[name]?.classList.remove(name);
  row?.classList.add(name);
  screen[name] = row;
}

function receive(screen, data, held, store) {
  const first = !screen.data;
  const replaced = screen.store && (screen.store !== store || screen.revision !== store.revision);
  if (screen.catalogue !== held.catalogue) learn(screen, data, held.catalogue);
  Object.assign(screen, { data, store, revision: store.revision });
  if (screen.held !== held.tallies) {
    screen.held = held.tallies;
    screen.tallies = new Map(held.tallies.map(([field, pairs]) => [field, new Map(pairs)]));
    queueMicrotask(() => paintTallies(screen));
  }
  if (first || replaced || screen.drawn !== screen.epoch) {
    screen.drawn = screen.epoch;
    sync(screen);
  } else {
    const root = screen.views.get(store.tree.id);
    drawStarters(screen, root);
    paint(screen);
  }
  paintHistory(screen);
  if (data.edit === store.seq) answered(screen);
  else if (first) again(screen);
  if (first && written(store.tree) !== store.sent) emit(screen, 0);
}

// The newest edit is answered: what follows the builder on the page may now run.
function answered(screen) {
  clearTimeout(screen.watch);
  painted.set(screen.data.key, screen.data.stamp);
  dispatchEvent(new Event("pregon:painted"));
}

// An edit that got lost on its way, in a page that was just drawn anew, is sent once more.
function again(screen) {
  screen.store.sent = null;
  emit(screen, 0);
}

// A new catalogue: what people can ask about, and every text.
function learn(screen, data, catalogue) {
  const { locale } = data;
  const [rules, whole, part] = [new Intl.PluralRules(locale), new Intl.NumberFormat(locale, { useGrouping: "always" }), (digits) => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits })];
  Object.assign(screen, {
    catalogue, texts: catalogue.texts, fields: new Map(catalogue.fields.map((field) => [field.key, field])), epoch: screen.epoch + 1,
    number: (value) => whole.format(value),
    percent: (share) => part(share > 0 && share < 0.1 ? 1 : 0).format(share),
    plural: (name, count) => catalogue.texts[`${name}_${rules.select(count)}`] ?? catalogue.texts[`${name}_other`],
  });
  screen.views.clear();
}

// Sending

// The first tap goes at once; those that follow quickly are gathered.
function emit(screen, wait) {
  clearTimeout(screen.timer);
  screen.root.classList.add("waiting");
  const now = performance.now();
  const alone = wait === TAPPING && !(now - screen.tapped < TAPPING);
  if (wait === TAPPING) screen.tapped = now;
  screen.timer = setTimeout(() => flush(screen), alone ? 0 : wait);
}

function flush(screen) {
  clearTimeout(screen.timer);
  const { store, data } = screen;
  if (!store) return;
  const draft = written(store.tree);
  if (draft === store.sent) {
    screen.root.classList.toggle("waiting", data.edit !== store.seq);
    return;
  }
  const { tree, paths } = finished(store.tree, (node) => isFinished(screen, node));
  store.sent = draft;
  store.seq += 1;
  store.paths.set(store.seq, paths);
  store.paths.delete(store.seq - 50);
  const have = { program: data.parts.program.hash, catalogue: data.parts.catalogue.hash, tallies: data.parts.tallies.hash, tree: `${store.session}.${store.revision}.${store.seq}` };
  screen.send({ tree, draft: JSON.parse(draft), edit: store.seq, revision: store.revision, have });
  clearTimeout(screen.watch);
  screen.watch = setTimeout(() => screen.data.edit !== store.seq && again(screen), PATIENCE);
}
