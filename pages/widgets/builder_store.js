// What outlives a drawing: the tree and its history by key while this tab is open, also over page
// switches; what Python need not send again; and, over a reload or another language, the unsaved
// draft in the tab's own storage.

const desk = (globalThis.pregonBuilder ??= { parts: new Map(), stores: new Map(), ids: 0 });
const KEPT_PARTS = 12;

// The parts as they are known here, or null when one that was not sent is missing.
function received(parts) {
  const known = {};
  for (const [name, { hash, held }] of Object.entries(parts)) {
    if (name === "program") continue;
    if (name === "tree") { known.tree = held; continue; }
    if (held !== null) {
      if (!desk.parts.has(hash)) desk.parts.set(hash, held);
      if (desk.parts.size > KEPT_PARTS) desk.parts.delete(desk.parts.keys().next().value);
    }
    if (!desk.parts.has(hash)) return null;
    known[name] = desk.parts.get(hash);
    desk.parts.delete(hash); // the least recently used is the first to go
    desk.parts.set(hash, known[name]);
  }
  return known;
}

// The store of this key brought in line with Python, or null when its tree is not known here.
function storeFor(data, draft) {
  const store = desk.stores.get(data.key);
  if (store?.session === data.session && store.revision === data.revision) {
    if (data.edit > store.seq) store.seq = data.edit; // edited elsewhere in this session
    return store;
  }
  if (draft === null) return null;
  if (store?.session === data.session) return replaced(store, data, draft);
  return opened(store, data, draft);
}

// A new session of Python: the first, or the one after a reload, another language or a restart.
function opened(old, data, draft) {
  const store = { session: data.session, revision: data.revision, seq: data.edit, paths: new Map(), key: data.key };
  const unsaved = data.edit === 0 && (old ? { base: old.base, draft: written(old.tree) } : draftOf(data.key));
  store.base = JSON.stringify(adoptable(data.saved) ? bare(data.saved) : null);
  store.sent = written(draft);
  store.tree = old && unsaved && unsaved.base === store.base ? old.tree : adopt(unsaved && unsaved.base === store.base ? JSON.parse(unsaved.draft) : draft);
  startHistory(store);
  if (old && store.tree === old.tree) Object.assign(store, { past: old.past, future: old.future });
  desk.stores.set(data.key, store);
  return store;
}

// Python put another tree here (changes discarded): an edit like any other, which can be undone.
function replaced(store, data, draft) {
  store.tree = { ...adopt(draft), id: store.tree.id };
  record(store);
  Object.assign(store, { revision: data.revision, seq: data.edit, sent: written(store.tree) });
  store.paths.clear();
  forgetDraft(data.key);
  return store;
}

const draftKey = (key) => `pregon.builder.${key}`;

function draftOf(key) {
  try { return JSON.parse(sessionStorage.getItem(draftKey(key))); } catch { return null; }
}

function forgetDraft(key) {
  try { sessionStorage.removeItem(draftKey(key)); } catch { /* no storage: nothing was kept */ }
}

// After each edit. What is saved need not be kept.
function keepDraft({ store, data }) {
  store.base = JSON.stringify(bare(data.saved));
  const draft = written(store.tree);
  if (draft === store.base) { forgetDraft(data.key); return; }
  try { sessionStorage.setItem(draftKey(data.key), JSON.stringify({ base: store.base, draft })); } catch { /* full or forbidden */ }
}
