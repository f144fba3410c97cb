"""The cells of the notebook: numbered, one line when closed, and the next opens by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.widgets import problems
from pages.widgets.language import _
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook

DONE, OPEN, WAITING = (
    ":material/check_circle:",
    ":material/radio_button_checked:",
    ":material/radio_button_unchecked:",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    key: str
    number: str
    title: str
    """Marked with N_."""
    draw: Callable[[Outlook], None]
    summary: Callable[[Outlook], str]
    """One line, plain text, in the session's language."""
    done: Callable[[Outlook], bool]

    @property
    def place(self) -> str:
        """Key of the cell, and where callbacks keep its problems."""
        return f"step_{self.key}"


def draw(steps: Sequence[Step], look: Outlook) -> None:
    """All cells. Each is open or closed as the person left it in this session."""
    done = [step.done(look) for step in steps]
    _arrange(steps, done, look.draft.id)
    for place, step in enumerate(steps):
        following = steps[place + 1] if place + 1 < len(steps) else None
        _cell(step, look, done=done[place], following=following)


def _arrange(steps: Sequence[Step], done: Sequence[bool], id: int) -> None:
    """At first the first cell that lacks something is open; one just completed opens the next."""
    before = st.session_state.get("steps_done")
    if before is None or before[0] != id or steps[0].place not in st.session_state:
        first = done.index(False) if False in done else len(steps) - 1
        for place, step in enumerate(steps):
            st.session_state[step.place] = place == first
    else:
        for place, step in enumerate(steps[1:], 1):
            if done[place - 1] and not before[1][place - 1] and all(done[:place]):
                st.session_state[step.place] = True
    st.session_state["steps_done"] = (id, tuple(done))


def _cell(step: Step, look: Outlook, *, done: bool, following: Step | None) -> None:
    open = st.session_state[step.place]
    label = f"**{step.number}. {_(step.title)}**"
    if not open and (summary := step.summary(look)):
        label += f"  :small[:gray[{plain(summary)}]]"
    icon = DONE if done else OPEN if open else WAITING
    cell = st.expander(label, type="step", key=step.place, icon=icon, on_change="rerun")
    if not cell.open:
        return
    with cell:
        step.draw(look)
        problems.draw(step.place)
        if following is not None:
            st.button(
                _("Continue"),
                key=f"continue_{step.key}",
                type="primary" if done else "secondary",
                on_click=_go_on,
                args=(step, following),
            )


def _go_on(step: Step, following: Step) -> None:
    st.session_state[step.place] = False
    st.session_state[following.place] = True
