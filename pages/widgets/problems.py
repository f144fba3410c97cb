"""A mistake shown as one clear sentence, where it happened; nothing typed is lost by it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine import language as catalogue
from engine.errors import PregonError
from pages.widgets import language, markdown
from pages.widgets.language import _

log = logging.getLogger("pregon.studio")


def sentence(error: PregonError) -> str:
    """The error's sentence in this session's language, as plain text."""
    return catalogue.sentence(error, language.current())


def show(error: PregonError) -> None:
    st.error(markdown.plain(sentence(error)), icon=":material/error:")


@contextmanager
def shown() -> Iterator[None]:
    """In a page: draw the sentence here and go on after the block."""
    try:
        yield
    except PregonError as error:
        show(error)


@contextmanager
def kept(place: str) -> Iterator[None]:
    """In a callback: keep the sentence until the page draws it with `draw(place)`."""
    try:
        yield
    except PregonError as error:
        st.session_state[f"problem.{place}"] = error


def draw(place: str) -> None:
    """Show what a callback kept for this place, once."""
    error = st.session_state.pop(f"problem.{place}", None)
    if error is not None:
        show(error)


def unexpected(error: Exception) -> bool:
    """The studio's last resort: the log gets the traceback, the page a sentence."""
    if isinstance(error, PregonError):
        show(error)
        return True
    log.error("A page stopped.", exc_info=error)
    st.error(
        _("Something went wrong on this page; the log of the studio says what. Nothing was lost."),
        icon=":material/error:",
    )
    return True
