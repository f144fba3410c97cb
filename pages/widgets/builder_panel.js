// What opens over the page: where it stands, and a menu of actions.

function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value == null) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made[name] = value;
    else if (name.startsWith("data-")) made.setAttribute(name, value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return made;
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

const folded = (text) =>
  String(text).normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();

// Keep a panel beside its anchor, above it when there is more room, always on the screen.
// Returns a function that stops following.
function follow(panel, anchor, { width, tallest }) {
  const place = () => {
    const box = anchor()?.getBoundingClientRect();
    if (!box) return;
    const seen = globalThis.visualViewport;
    const [wide, high] = [document.documentElement.clientWidth, seen?.height ?? innerHeight];
    const broad = Math.min(width, wide - 16);
    const below = high - box.bottom - 12;
    const up = below < Math.min(260, tallest) && box.top > below;
    panel.style.width = `${broad}px`;
    panel.style.maxHeight = `${Math.min(tallest, up ? box.top - 12 : below)}px`;
    panel.style.left = `${Math.max(8, Math.min(box.left, wide - broad - 8))}px`;
    panel.style.top = up ? "auto" : `${box.bottom + 4}px`;
    panel.style.bottom = up ? `${innerHeight - box.top + 4}px` : "auto";
  };
  place();
  addEventListener("scroll", place, true);
  addEventListener("resize", place);
  return () => {
    removeEventListener("scroll", place, true);
    removeEventListener("resize", place);
  };
}

// items: [{icon, label, keys, act, off}] or "line" between them. Arrows move, Enter takes.
function openMenu({ root, anchor, label, items, closed }) {
  const rows = items.filter((item) => item !== "line" && !item.off);
  const panel = el("div", { class: "panel menu", popover: "auto", role: "menu", "aria-label": label });
  let taken = false;
  const buttons = rows.map((item) => el("button", {
    type: "button", role: "menuitem", tabIndex: -1, class: item.harsh ? "harsh" : "",
    onclick: () => { taken = true; panel.hidePopover(); item.act(); },
    onpointermove: (event) => event.currentTarget.focus({ preventScroll: true }),
  }, icon(item.icon), el("span", { class: "grow" }, item.label), item.keys && el("kbd", {}, item.keys)));
  for (const [place, item] of items.entries()) {
    const shown = rows.indexOf(item);
    if (shown >= 0) panel.append(buttons[shown]);
    else if (item === "line" && place && panel.lastChild?.matches("button")) panel.append(el("hr", { role: "separator" }));
  }
  panel.onkeydown = (event) => {
    const now = buttons.indexOf(panel.getRootNode().activeElement);
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "Tab") panel.hidePopover();
    else if (to !== undefined) buttons[(to + buttons.length) % buttons.length].focus();
    else {
      const typed = event.key.length === 1 && !event.ctrlKey && !event.metaKey && folded(event.key);
      const order = [...buttons.slice(now + 1), ...buttons.slice(0, now + 1)];
      const found = typed && typed.trim() && order.find((button) => folded(button.textContent).startsWith(typed));
      if (!found) return;
      found.focus();
    }
    event.preventDefault();
  };
  root.append(panel);
  panel.showPopover();
  const stop = follow(panel, anchor, { width: 280, tallest: 460 });
  panel.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    stop();
    panel.remove();
    if (!taken) closed?.();
  });
  buttons[0]?.focus({ preventScroll: true });
}
