"""Who imports: a worker, or the studio itself where none is running."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from engine import db, jobs
from engine.importing.history import Import
from pages.widgets import workspace


@st.cache_resource(show_spinner=False)
def _background() -> tuple[ThreadPoolExecutor, dict[int, Future[bool]]]:
    """One import at a time, and what became of each; it goes on when its page is left."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="import"), {}


def begin(id: int) -> None:
    """Have an import, or its undoing, worked on.

    Without a worker it is done here: the embedded studio imports also while nothing can be sent.
    Two that do the same import are harmless; the database lets one of them go on.
    """
    if not jobs.ask_import(workspace.settings(), id):
        _here(id)


def look_after(item: Import) -> None:
    """An import that nobody works on is done here; a worker, if there is one, finds it itself."""
    if item.is_silent(db.now()) and not has_worker():
        _here(item.id)


def has_worker() -> bool:
    return bool(jobs.workers(workspace.settings()))


def _here(id: int) -> None:
    pool, running = _background()
    known = running.get(id)
    if known is None or known.done():
        running[id] = pool.submit(jobs.run_import, workspace.database(), id)
