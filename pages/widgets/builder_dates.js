// Days people say in one word, as the operators that already exist. Those that move with the day
// are kept as a number of days; the others become the dates they mean today.

function presets(today) {
  const [year, month, day] = today.split("-").map(Number);
  const date = (...given) => new Date(Date.UTC(...given)).toISOString().slice(0, 10);
  const last = (days) => ({ name: `last_${days}`, op: "in_last_days", value: days });
  return [
    { name: "today", op: "in_last_days", value: 0 },
    last(7), last(30), last(90),
    { name: "ago_30", op: "more_than_days_ago", value: 30 },
    { name: "ago_90", op: "more_than_days_ago", value: 90 },
    "line",
    { name: "yesterday", op: "on", value: date(year, month - 1, day - 1) },
    { name: "this_month", op: "between", value: [date(year, month - 1, 1), date(year, month, 0)] },
    { name: "last_month", op: "between", value: [date(year, month - 2, 1), date(year, month - 1, 0)] },
    { name: "this_year", op: "between", value: [`${year}-01-01`, `${year}-12-31`] },
  ];
}

const hasPresets = (field) => field.operators.in_last_days && (field.operators.on || field.operators.not_in_last_days);

function openPresets(screen, anchor, field, take, closed) {
  const { texts } = screen;
  const items = presets(screen.data.today).filter((item) => item === "line" || field.operators[item.op]);
  openMenu({
    root: screen.root, anchor: () => anchor, label: texts.quick, closed,
    items: items.map((item) => (item === "line" ? item : {
      icon: item.op === "on" || item.op === "between" ? "date" : "recent", label: texts[item.name], act: () => take(item.op, item.value),
    })),
  });
}
