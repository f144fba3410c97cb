// The list of everything a condition can ask about, what was used lately on top; a typed name of a
// tag, country or segment is found too, and becomes the whole condition.

const RECENT = "pregon.builder.recent";
const RECENT_SHOWN = 5;

function recent() {
  try { return JSON.parse(localStorage.getItem(RECENT)) ?? []; } catch { return []; }
}

function remember(key) {
  const keys = [key, ...recent().filter((known) => known !== key)].slice(0, 20);
  try { localStorage.setItem(RECENT, JSON.stringify(keys)); } catch { /* private mode: nothing is remembered */ }
}

function openFields(screen, id) {
  const { texts } = screen;
  const button = () => screen.views.get(id)?.element.querySelector("[data-part=field]");
  const { node } = locate(screen.store.tree, id);
  const items = fieldItems(screen);
  screen.picker = openPicker({
    root: screen.root, anchor: button, chosen: new Set([node.field]), texts, label: texts.field, items: () => items, tall: 440,
    take: (taken) => (typeof taken === "string" ? setField(screen, id, taken) : setField(screen, id, taken.field, taken.option)),
    closed: () => button()?.focus({ preventScroll: true }),
  });
}

function fieldItems(screen) {
  const { texts, catalogue, fields } = screen;
  const item = (field) => ({ value: field.key, label: field.label, group: field.group, icon: field.icon, keywords: field.keywords });
  const known = recent().map((key) => fields.get(key)).filter(Boolean).slice(0, RECENT_SHOWN);
  const lately = catalogue.fields.length > 8 ? known.map((field) => ({ ...item(field), group: texts.recent, idle: true })) : [];
  const values = catalogue.fields.filter((field) => field.options && field.type !== "history" && field.type !== "yes_no").flatMap((field) =>
    field.options.map(([option, label]) => ({ value: { field: field.key, option }, label, group: texts.values, aside: field.label, icon: field.icon, keywords: field.label, hidden: true })));
  return [...lately, ...catalogue.fields.map(item), ...values];
}
