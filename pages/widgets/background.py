"""Long work on many people: it goes on while the page is used, and when the page is left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from pages.widgets import problems
from pages.widgets.language import _, number
from pages.widgets.markdown import plain

LONG = 20_000
"""People above which work is done in the background."""

Progress = Callable[[int, int], None]
"""Told how many are done, of how many."""
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Work:
    label: str
    total: int
    done: int = 0
    finished: Callable[[Any], None]
    """Called in the page with what the work gave."""
    future: Future[Any] = field(default_factory=Future)


@st.cache_resource(show_spinner=False)
def _threads() -> ThreadPoolExecutor:
    """One at a time: the database has one writer."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="people")


def run(
    label: str, people: int, work: Callable[[Progress], T], *, finished: Callable[[T], None]
) -> None:
    """Do the work now, or in the background when it is long. Raises what short work raises."""
    if people <= LONG:
        finished(work(lambda done, total: None))
        return
    made = Work(label=label, total=people, finished=finished)
    made.future = _threads().submit(_work, made, work)
    _mine().append(made)


def _work(made: Work, work: Callable[[Progress], T]) -> T:
    def progress(done: int, total: int) -> None:
        made.done, made.total = done, total

    return work(progress)


def draw() -> None:
    """What is under way in this session, a bar each; the rest of the page stays usable."""
    for work in [work for work in _mine() if work.future.done()]:
        _mine().remove(work)
        _settle(work)
    if _mine():
        st.fragment(_bars, run_every="1s")()


def _bars() -> None:
    if any(work.future.done() for work in _mine()):
        st.rerun(scope="app")
    for work in _mine():
        share = min(1.0, work.done / work.total) if work.total else 0.0
        text = _("{what}: {done} of {total}")
        st.progress(
            share,
            text=text.format(
                what=plain(work.label), done=number(work.done), total=number(work.total)
            ),
        )
    st.caption(_("You can go on working, or leave this page."))


def _settle(work: Work) -> None:
    """Hand over what has ended, or tell what went wrong."""
    with problems.shown():
        work.finished(work.future.result())


def _mine() -> list[Work]:
    mine: list[Work] = st.session_state.setdefault("background", [])
    return mine
