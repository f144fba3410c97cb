"""The cells of the notebook: numbered, one line when closed, and the next opens by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.widgets import problems
from pages.widgets.draft import Draft
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
    _arrange(steps, done, look.draft)
    for place, step in enumerate(steps):
        following = steps[place + 1] if place + 1 < len(steps) else None
        _cell(step, look, done=done[place], following=following)


def _arrange(steps: Sequence[Step], done: Sequence[bool], draft: Draft) -> None:
    """At first the first cell that lacks something is open; one just completed opens the next."""
    if not draft.done:
        first = done.index(False) if False in done else len(steps) - 1
        draft.open = {steps[first].key}
    for place, step in enumerate(steps[1:], 1):
        if draft.done and all(done[:place]) and not draft.done[place - 1]:
            draft.open.add(step.key)
    draft.done = tuple(done)


def _cell(step: Step, look: Outlook, *, done: bool, following: Step | None) -> None:
    open = step.key in look.draft.open
    label = f"**{step.number}. {_(step.title)}**"
    if not open and (summary := step.summary(look)):
        label += f"  :small[:gray[{plain(summary)}]]"
    icon = OPEN if open else DONE if done else WAITING
    st.session_state[step.place] = open  # label and icon make a new widget, without memory
    cell = st.expander(
        label, type="step", key=step.place, icon=icon, on_change=_turn, args=(step, look.draft)
    )
    if not open:
        cell.empty()  # without content a step is no button
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
                args=(step, following, look.draft),
            )


def _turn(step: Step, draft: Draft) -> None:
    if st.session_state[step.place]:
        draft.open.add(step.key)
    else:
        draft.open.discard(step.key)


def _go_on(step: Step, following: Step, draft: Draft) -> None:
    draft.open.discard(step.key)
    draft.open.add(following.key)
