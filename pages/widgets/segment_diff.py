"""A segment beside what it was: who came in, who left, and which conditions did it."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine import db
from engine.contacts import exporting
from engine.language import N_
from engine.segments import comparing, frame, frozen, segment, versions
from engine.segments.comparing import CHANGES, Diff, Flip
from pages.widgets import language, problems, query_builder, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain

PEOPLE_SHOWN = 200
Choice = tuple[str, int]
"""("version", its number), ("broadcast", its id), or ("saved", 0): as it is saved now."""
SIDES = {"entered": N_("Came in"), "left": N_("Left")}


def draw(id: int, tree: dict[str, Any]) -> None:
    """`tree` is the segment as it stands in the builder, saved or not."""
    with problems.shown():
        choices = _choices(id, tree)
        if not choices:
            st.info(
                _(
                    "Nothing to compare with yet: change the segment, or send a broadcast to it, "
                    "and who came in and who left is shown here."
                )
            )
            return
        chosen = st.selectbox(
            _("Compare with"),
            list(choices),
            format_func=lambda choice: choices.get(choice, ""),
            key=f"segment.{id}.diff.with.{language.current()}",
        )
        found = comparing.compare(workspace.database(), _before(id, chosen), _group(tree))
        _draw_numbers(found)
        if found.entered.height or found.left.height:
            _draw_flips(found)
            _draw_people(id, found)


def _group(tree: dict[str, Any]) -> segment.Group:
    return segment.from_json(tree)


def _choices(id: int, tree: dict[str, Any]) -> dict[Choice, str]:
    """What there is to compare with, the nearest first; not what is the same as `tree`."""
    with workspace.database().read() as session:
        saved = segment.get(session, id).tree
        kept = versions.listing(session, id)
        own = frozen.listing(session, id)
        others = [row for row in frozen.listing(session) if row not in own]
    found: dict[Choice, str] = {}
    if not query_builder.same(saved, tree):
        found["saved", 0] = _("As it is saved now")
    for place, row in enumerate(kept):
        if not query_builder.same(row.tree, tree) and (place or ("saved", 0) not in found):
            number = len(kept) - place
            found["version", number] = _("Version {number}, saved {time}").format(
                number=number, time=language.moment(row.created_at)
            )
    for broadcast, name, at in (*own, *others):
        found["broadcast", broadcast] = _("Broadcast “{name}”, {time}").format(
            name=name, time=language.moment(at)
        )
    return found


def _before(id: int, choice: Choice) -> comparing.Before:
    kind, number = choice
    with workspace.database().read() as session:
        if kind == "broadcast":
            return db.get(session, db.FrozenAudience, number)
        if kind == "version":
            return versions.get(session, id, number)
        return segment.from_json(segment.get(session, id).tree)


def _draw_numbers(found: Diff) -> None:
    shown = (
        (N_("Before"), number(found.before)),
        (N_("Came in"), f"+{number(found.entered.height)}"),
        (N_("Left"), f"−{number(found.left.height)}"),
        (N_("Now"), number(found.after)),
    )
    cells = st.grid(4, min_column_width=120)
    for label, value in shown:
        with cells.container(height="stretch"):
            st.metric(_(label), value, border=True, height="stretch")
    told = []
    if found.created:
        told.append(
            counted(
                found.created,
                N_("1 of those who came in is a new contact."),
                N_("{count} of those who came in are new contacts."),
            )
        )
    if found.deleted:
        told.append(
            counted(
                found.deleted,
                N_("1 of those who left was deleted."),
                N_("{count} of those who left were deleted."),
            )
        )
    if told:
        st.caption(" ".join(told))
    if not found.entered.height and not found.left.height:
        st.success(_("Nobody came in and nobody left."), icon=":material/check_circle:")


def _words(flip: Flip) -> str:
    catalogue = frame.load(workspace.database(), stale=5).catalogue
    return segment.words(flip.condition, catalogue, language.current())


def _draw_flips(found: Diff) -> None:
    """The conditions that moved most people first."""
    if not found.flips:
        return
    st.subheader(_("Which conditions did it"), anchor=False)
    st.table(
        [
            {
                _("Condition"): plain(_words(flip)),
                _("What changed"): _(CHANGES[flip.change]),
                _("Came in"): number(flip.entered) if flip.entered else "",
                _("Left"): number(flip.left) if flip.left else "",
            }
            for flip in found.flips
        ],
        border="horizontal",
        hide_index=True,
    )
    st.caption(_("A person can count under several conditions."))


def _draw_people(id: int, found: Diff) -> None:
    key = f"segment.{id}.diff"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        side = st.segmented_control(
            _("Who"),
            list(SIDES),
            format_func=lambda side: _(SIDES[side]),
            required=True,
            default="entered" if found.entered.height else "left",
            key=f"{key}.side.{language.current()}",
        )
        because = st.selectbox(
            _("Because of"),
            [None, *range(len(found.flips))],
            format_func=lambda place: _because(found, place),
            key=f"{key}.because.{language.current()}.{_signature(found)}",
        )
        picked = comparing.because(found.entered if side == "entered" else found.left, because)
        st.download_button(
            _("Export"),
            partial(_exported, picked["id"].to_list()),
            file_name=f"segment-{id}-{side}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key=f"{key}.export",
            disabled=picked.is_empty(),
        )
    rows = comparing.people(workspace.database(), picked, limit=PEOPLE_SHOWN)
    st.dataframe(
        [
            {
                _("Name"): row.name or _("(deleted)"),
                _("Phone"): row.phone,
                _("Email"): row.email,
                _("Why"): _why(found, row),
            }
            for row in rows
        ],
        hide_index=True,
        height=min(420, 38 + 35 * max(1, len(rows))),
        column_config={_("Why"): st.column_config.Column(width="large")},
        placeholder="",
        key=f"{key}.people",
    )
    if picked.height > len(rows):
        st.caption(
            _("The first {shown} of {count}; the export has everybody.").format(
                shown=number(len(rows)), count=number(picked.height)
            )
        )


def _signature(found: Diff) -> int:
    """The list of conditions, so that a place in it never means another condition."""
    return hash(tuple((flip.condition, flip.change) for flip in found.flips))


def _because(found: Diff, place: int | None) -> str:
    return _("Any condition") if place is None else _told(found.flips[place])


def _told(flip: Flip) -> str:
    """“Country is Colombia: no longer holds”."""
    return f"{_words(flip)}: {_(CHANGES[flip.change])}"


def _why(found: Diff, row: comparing.Person) -> str:
    if row.fresh:
        return _("Deleted since") if row.name is None else _("New contact")
    return "; ".join(_told(found.flips[place]) for place in row.flipped)


def _exported(ids: list[int]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        exporting.export(workspace.database(), path, ids=ids, format="csv")
        return path.read_bytes()
