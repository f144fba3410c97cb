"""Texts from outside (names, errors, provider's words) shown as they are, never as markup."""

from __future__ import annotations

import re

MARKUP = re.compile(r"([!-/:-@\[-`{-~])")
"""Every ASCII punctuation mark: Markdown lets each be escaped by a backslash."""


def plain(text: str) -> str:
    """The text for a Streamlit element that reads Markdown; it looks exactly as written."""
    return MARKUP.sub(r"\\\1", text)
