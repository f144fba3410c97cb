"""The fields of one message: what its kind has on its channel, each saved as it is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from channels.base import Content, Limits
from pages.widgets import message_text
from pages.widgets.draft import Draft
from pages.widgets.language import _

NAMES = ("text", "media_url", "filename", "buttons", "template", "language", "parameters")
"""Every field of Content but its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """One message being edited."""

    draft: Draft
    item: Content
    number: int
    """Lasts as long as the message, whatever its place."""
    limits: Limits
    variables: Sequence[str]
    change: Callable[..., None]
    """Saves the fields given by name."""

    def key(self, name: str) -> str:
        return self.draft.key(f"{name}.{self.number}")

    def start(self, name: str, value: object) -> str:
        return self.draft.start(f"{name}.{self.number}", value)


def names(kind: str, limits: Limits) -> tuple[str, ...]:
    """The fields of Content that a message of this kind has on a channel."""
    if kind == "template":
        return ("template", "language", "parameters")
    found = [] if kind == "text" else ["media_url"]
    if kind == "document":
        found.append("filename")
    if kind not in limits.without_caption:
        found.append("text")
    if limits.buttons_max and kind not in limits.without_buttons:
        found.append("buttons")
    return tuple(found)


def draw(editor: Editor) -> None:
    drawers: dict[str, Callable[[Editor], None]] = {
        "text": _draw_text,
        "media_url": lambda editor: _draw_line(
            editor, "media_url", _("Address of the file"), placeholder="https://…"
        ),
        "filename": lambda editor: _draw_line(editor, "filename", _("File name")),
        "buttons": _draw_buttons,
        "template": lambda editor: _draw_line(editor, "template", _("Template name")),
        "language": lambda editor: _draw_line(
            editor, "language", _("Template language"), placeholder="es_MX"
        ),
        "parameters": _draw_parameters,
    }
    for name in names(editor.item.kind, editor.limits):
        drawers[name](editor)


def _draw_text(editor: Editor) -> None:
    message_text.draw(
        editor.key("text"),
        label=_("Text") if editor.item.kind == "text" else _("Caption"),
        text=editor.item.text,
        variables=editor.variables,
        most=editor.limits.longest(editor.item),
        on_change=lambda text: editor.change(text=text),
        placeholder=_('Hi {{ first_name | default: "there" }}, …'),
    )


def _draw_line(editor: Editor, name: str, label: str, *, placeholder: str = "") -> None:
    key = editor.start(name, getattr(editor.item, name))

    def keep() -> None:
        editor.change(**{name: st.session_state[key].strip()})

    st.text_input(label, key=key, on_change=keep, placeholder=placeholder)


def _draw_buttons(editor: Editor) -> None:
    key = editor.start("buttons", list(editor.item.buttons))
    st.multiselect(
        _("Buttons"),
        list(dict.fromkeys((*editor.item.buttons, *st.session_state[key]))),
        key=key,
        accept_new_options=True,
        max_selections=editor.limits.buttons_max,
        placeholder=_("Type a button's text and press Enter"),
        on_change=lambda: editor.change(buttons=tuple(st.session_state[key])),
    )


def _draw_parameters(editor: Editor) -> None:
    def keep(text: str) -> None:
        editor.change(parameters=tuple(text.strip().split("\n")) if text.strip() else ())

    message_text.draw(
        editor.key("parameters"),
        label=_("Parameters, one a line, in the template's order"),
        text="\n".join(editor.item.parameters),
        variables=editor.variables,
        on_change=keep,
        rows=2,
    )
