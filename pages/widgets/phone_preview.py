"""The phone: messages as one person would get them. Nothing is loaded from a media address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from channels.base import Content
from engine import template
from engine.errors import PregonError
from engine.language import N_
from pages.widgets.language import _

HERE = Path(__file__).parent
KINDS = {
    "text": N_("Text"),
    "image": N_("Image"),
    "video": N_("Video"),
    "audio": N_("Audio"),
    "document": N_("Document"),
    "template": N_("Template"),
}
"""What a message can be, as people call it."""

MARKUP = frozenset({"whatsapp"})
"""Channel kinds that read *bold*, _italic_ and ~struck~."""

SCREEN = """
<div class="phone" role="img">
  <div class="head"><span class="avatar"></span><span class="sender"></span></div>
  <div class="chat"></div>
  <div class="box"></div>
</div>
"""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "pregon.phone_preview",
        html=SCREEN,
        css=(HERE / "phone_preview.css").read_text(),
        js=(HERE / "phone_preview.js").read_text(),
    )


def draw(
    key: str,
    *,
    kind: str,
    sender: str,
    messages: Sequence[Content],
    values: Mapping[str, object] | None,
    time: str,
) -> None:
    """The phone with messages for somebody with these `values`; None leaves variables open."""
    _component()(
        key=key,
        data={
            "kind": kind,
            "sender": sender,
            "label": _("Preview on {channel}").format(channel=sender),
            "open": values is None,
            "markup": kind in MARKUP,
            "messages": [shown(item, values) for item in messages],
            "nothing": _("Write a message and it shows here."),
            "box": _("Message"),
            "time": time,
        },
    )


def shown(item: Content, values: Mapping[str, object] | None) -> dict[str, Any]:
    """One message for the component: rendered for somebody, or as written."""

    def text(source: str) -> str:
        return source if values is None else filled(source, values)

    detail = ""
    if item.kind == "template":
        detail = " · ".join(part for part in (item.template, item.language) if part)
    elif item.kind != "text":
        detail = item.filename or text(item.media_url)
    texts = item.parameters if item.kind == "template" else (item.text,)
    return {
        "kind": item.kind,
        "label": _(KINDS[item.kind]),
        "detail": detail,
        "texts": [text(source) for source in texts if source],
        "buttons": [text(button) for button in item.buttons if button.strip()],
    }


def filled(source: str, values: Mapping[str, object]) -> str:
    """The text for these values; one that cannot be read stays as written."""
    try:
        return template.parse(source).render(values)
    except PregonError:
        return source
