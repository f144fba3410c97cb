// The first condition in one click, made from what the workspace holds.

function drawStarters(screen, view) {
  const { starters } = screen.data;
  const wanted = JSON.stringify([starters, screen.epoch]);
  if (view.starting === wanted) return;
  view.starting = wanted;
  view.empty.querySelector(".starters")?.remove();
  if (!starters.length) return;
  view.empty.append(el("div", { class: "starters", role: "group", "aria-label": screen.texts.starters },
    starters.map((starter) => el("button", {
      type: "button", class: "starter", onclick: () => start(screen, starter),
    }, icon(starter.icon), el("span", { class: "grow" }, starter.label), el("span", { class: "tally" }, screen.number(starter.count))))));
}

function start(screen, starter) {
  const made = adopt(starter.node);
  add(screen, screen.store.tree, made, 0, { id: made.id, part: "field" });
}
