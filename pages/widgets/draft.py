"""A broadcast being edited in this tab: what is typed is saved at once, and two tabs never mix.

The database is the truth: a field starts from the stored draft whenever it is drawn anew. A save
names the version this tab has seen; when another tab was first, nothing is overwritten, and what
was typed here waits in `refused` until the person chooses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from channels.base import Content
from engine import db, drafts
from engine.errors import Conflict
from pages.widgets import problems, workspace
from pages.widgets.language import _

STALE = "broadcast.edited_elsewhere"


@dataclass(slots=True, kw_only=True)
class Draft:
    """One broadcast in one session."""

    id: int
    version: int
    """As this tab last read or wrote it."""
    revision: int = 0
    """Part of every field's key: a new one starts all fields from the database again."""
    refused: dict[str, Any] = field(default_factory=dict)
    """Changes that another tab's edit kept out."""
    lists: dict[int, list[int]] = field(default_factory=dict)
    """Channel id → a lasting number for each of its messages, in order."""
    waiting: dict[int, Content] = field(default_factory=dict)
    """A message's number → all it held before it became a kind that cannot carry it."""
    numbered: int = 0
    shown: int | None = None
    """The channel in view, on the phone too."""
    person: int | None = None
    """The contact whose phone is in view."""
    tests: list[int] = field(default_factory=list)
    """Tests sent from this session, the newest last."""
    open: set[str] = field(default_factory=set)
    """Keys of the cells that are open."""
    done: tuple[bool, ...] = ()
    """What was complete when the cells were last drawn."""
    row: db.Broadcast

    def key(self, name: str) -> str:
        return f"{name}.{self.id}.{self.revision}"

    def start(self, name: str, value: Any) -> str:
        """The key of a field that shows `value` when it is drawn for the first time."""
        key = self.key(name)
        st.session_state.setdefault(key, value)
        return key

    def value(self, name: str) -> Any:
        return st.session_state.get(self.key(name))

    def next_number(self) -> int:
        self.numbered += 1
        return self.numbered

    def save(self, place: str = "broadcast", **changes: Any) -> bool:
        """For callbacks: store changes now, or keep the sentence that says why not for `place`."""
        with problems.kept(place):
            try:
                with workspace.database().write() as session:
                    self.row = drafts.edit(session, self.id, version=self.version, **changes)
            except Conflict as error:
                if error.code != STALE:
                    raise
                self.refused |= changes
                return False
            self.version = self.row.version
            return True
        return False

    def read(self) -> None:
        with workspace.database().read() as session:
            self.row = db.get(session, db.Broadcast, self.id)

    @property
    def behind(self) -> bool:
        """Whether another tab edited it since."""
        return self.row.version != self.version

    def take_theirs(self) -> None:
        """Go on from what is stored; what was refused is dropped."""
        self.read()
        self.version, self.refused = self.row.version, {}
        self.revision += 1
        self.lists.clear()

    def keep_mine(self) -> None:
        """Store what was refused over what is stored."""
        self.read()
        self.version, changes, self.refused = self.row.version, self.refused, {}
        if changes:
            self.save(**changes)
        self.revision += 1
        self.lists.clear()


def open(id: int) -> Draft:
    """The draft as this session edits it, its row as it is stored now. Raises NotFound."""
    with workspace.database().read() as session:
        row = db.get(session, db.Broadcast, id)
    place = f"draft.{id}"
    if place not in st.session_state:
        st.session_state[place] = Draft(id=id, version=row.version, row=row)
    draft: Draft = st.session_state[place]
    draft.row = row
    return draft


def draw_conflict(draft: Draft) -> None:
    """One sentence and two ways on, when another tab edited this draft."""
    if not draft.behind:
        return
    with st.container(border=True, key="edited_elsewhere"):
        st.markdown(
            ":material/sync_problem: "
            + _("This broadcast was changed in another window; nothing of it was overwritten.")
        )
        with st.container(horizontal=True):
            st.button(
                _("Show what the other window saved"),
                key="take_theirs",
                type="primary",
                on_click=draft.take_theirs,
            )
            if draft.refused:
                st.button(_("Save what I typed here"), key="keep_mine", on_click=draft.keep_mine)
