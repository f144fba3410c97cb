// Icons as inline SVG: strokes on a 24 × 24 grid, in the colour of the text beside them.

const ICONS = {
  text: "M5 7V5h14v2M12 5v14M9.5 19h5",
  number: "M5 9h14.5M4.5 15H19M10 4 8 20M16 4l-2 16",
  choice: "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
  date: "M4 6h16v14H4zM4 10.5h16M8 3.5V7M16 3.5V7",
  datetime: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2",
  yes_no: "M8 7h8a5 5 0 0 1 0 10H8A5 5 0 0 1 8 7zM16 10.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20c.6-3.6 3.6-5.5 7.5-5.5s6.9 1.9 7.5 5.5",
  phone: "M6 3.5h3.5l1.5 4-2 1.7a12 12 0 0 0 5.8 5.8l1.7-2 4 1.5V18c0 1.4-1 2.5-2.5 2.5A14.5 14.5 0 0 1 3.5 6c0-1.5 1.1-2.5 2.5-2.5z",
  email: "M3.5 6h17v12.5h-17zM4 6.5l8 6.5 8-6.5",
  globe: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM3.5 12h17M12 3.5c5 5 5 12 0 17c-5-5-5-12 0-17z",
  tag: "M4 4.5V11l9.5 9.5 7-7L11 4.5zM8 8.5h.01",
  channel: "M4 5h16v11.5H10L5.5 20v-3.5H4z",
  activity: "M3 12.5h4l3-8 4 15 3-7h4",
  broadcast: "M4 10v4.5h3l9 4.5V5.5L7 10zM19.5 9.5c1 1.7 1 3.8 0 5.5M8.5 15l1 5",
  segment: "M3.5 5h17l-6.7 8v6l-3.6-2v-4z",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  plus: "M12 5.5v13M5.5 12h13",
  group: "M8 4.5H4.5v15H8M16 4.5h3.5v15H16M9 9.5h6M9 14.5h6",
  undo: "M8 5 3.5 9.5 8 14M4 9.5h9.5a5.5 5.5 0 0 1 0 11H9",
  redo: "M16 5l4.5 4.5L16 14M20 9.5h-9.5a5.5 5.5 0 0 0 0 11H15",
  help: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM9.7 9.7c0-3 4.6-3 4.6 0 0 1.8-2.3 1.9-2.3 3.8M12 16.7h.01",
  copy: "M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4",
  paste: "M8 5H5.5v15.5h13V5H16M8.5 3.5h7v3.5h-7z",
  duplicate: "M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4M14 11.5v5M11.5 14h5",
  remove: "M5 7h14M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10 11v5.5M14 11v5.5",
  ungroup: "M8 4.5H4.5V8M16 4.5h3.5V8M4.5 16v3.5H8M19.5 16v3.5H16M9 12h6",
  up: "M12 19V5.5M6 11l6-6 6 6",
  down: "M12 5v13.5M6 13l6 6 6-6",
  out: "M19 12H5.5M11 6l-6 6 6 6",
  into: "M5 12h13.5M13 6l6 6-6 6",
  warn: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17h.01",
  check: "M5 12.5l4.5 4.5L19 7.5",
  recent: "M4 12a8 8 0 1 1 2.5 5.8M4 12l-2-2.5M4 12l2.5-2M12 8v4.2l3 1.8",
  quick: "M13 3.5 5.5 13.5H11l-1 7 7.5-10H12z",
};

function icon(name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.text);
  made.append(path);
  return made;
}
