// A phone that shows messages as one person would get them. Texts are only ever set as text:
// what contacts and providers wrote is never read as markup.
const MARKUP = /(\*[^*\n]+\*|_[^_\n]+_|~[^~\n]+~|```[^`]+```)/;
const TAGS = { "*": "b", _: "i", "~": "s", "`": "code" };
const LINK = /(https?:\/\/\S+)/;
const VARIABLE = /(\{\{[^{}]*\}\})/;
const ICONS = { image: "▧", video: "▶", audio: "♪", document: "▤", template: "❖" };

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

function write(target, text, phone) {
  for (const piece of text.split(phone.open ? VARIABLE : LINK)) {
    if (!piece) continue;
    if (phone.open && VARIABLE.test(piece)) target.append(element("mark", "", piece));
    else if (!phone.open && LINK.test(piece)) target.append(element("span", "link", piece));
    else if (phone.markup) writeMarkup(target, piece);
    else target.append(piece);
  }
}

function writeMarkup(target, text) {
  for (const piece of text.split(MARKUP)) {
    if (!MARKUP.test(piece)) target.append(piece);
    else target.append(element(TAGS[piece[0]], "", piece.replace(/^(```|[*_~])|(```|[*_~])$/g, "")));
  }
}

function bubble(message, phone) {
  const made = element("div", "bubble");
  if (message.kind !== "text") {
    const card = element("div", `media ${message.kind}`);
    card.append(element("span", "icon", ICONS[message.kind]), element("span", "label", message.label));
    if (message.detail) card.append(element("span", "detail", message.detail));
    made.append(card);
  }
  for (const text of message.texts) {
    const line = element("div", "text");
    write(line, text, phone);
    made.append(line);
  }
  made.append(element("span", "time", phone.time));
  return made;
}

export default function ({ parentElement, data }) {
  const phone = parentElement.querySelector(".phone");
  phone.className = `phone ${data.kind}`;
  phone.setAttribute("aria-label", data.label);
  parentElement.querySelector(".avatar").textContent = [...data.sender][0] ?? "";
  parentElement.querySelector(".sender").textContent = data.sender;
  parentElement.querySelector(".box").textContent = data.box;
  const chat = parentElement.querySelector(".chat");
  const drawn = [];
  for (const message of data.messages) {
    drawn.push(bubble(message, data));
    if (message.buttons.length) {
      const row = element("div", "buttons");
      row.append(...message.buttons.map((text) => element("span", "button", text)));
      drawn.push(row);
    }
  }
  if (!drawn.length) drawn.push(element("div", "nothing", data.nothing));
  chat.replaceChildren(...drawn);
}
