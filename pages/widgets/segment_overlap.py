"""How a segment shares its people with others: an UpSet figure, and the people of a part of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine import charts
from engine.language import N_
from engine.segments import overlap, segment
from engine.segments.overlap import Overlap
from pages.widgets import language, people_export, people_table, person, problems, workspace
from pages.widgets.language import _, counted, number, share

AT_FIRST = 2
"""Other segments compared before anybody chose."""


def draw(id: int, tree: dict[str, Any]) -> None:
    """`tree` is the segment as it stands in the builder, saved or not."""
    with problems.shown():
        with workspace.database().read() as session:
            rows = {row.id: (row.name, row.tree) for row in segment.listing(session)}
        names = {other: name for other, (name, _tree) in rows.items() if other != id}
        if not names:
            st.info(_("There is no other segment yet to compare this one with."))
            return
        chosen = st.multiselect(
            _("Compare with up to four other segments"),
            list(names),
            default=list(names)[:AT_FIRST],
            format_func=lambda other: names.get(other, ""),
            max_selections=overlap.SEGMENTS_MAX - 1,
            placeholder=_("Choose segments"),
            key=f"segment.{id}.overlap.with",
        )
        trees = [(rows[id][0], segment.from_json(tree))]
        trees += [(rows[one][0], segment.from_json(rows[one][1])) for one in chosen if one in rows]
        found = overlap.of(workspace.database(), trees)
        _draw_told(found)
        if found.parts:
            _draw_part(id, found, trees, _draw_figure(id, found))


def _draw_told(found: Overlap) -> None:
    people = counted(found.union, N_("1 contact"), N_("{count} contacts"))
    told = [
        _("**{people}** in at least one of them, {share} of all.").format(
            people=people, share=share(found.union, found.everybody)
        )
    ]
    if len(found.names) > 1:
        told.append(_("**{count}** in all of them.").format(count=number(found.common)))
    st.markdown(" ".join(told))


def _draw_figure(id: int, found: Overlap) -> int | None:
    """The place of the bar that was clicked."""
    key = f"segment.{id}.overlap.figure.{hash((found.names, found.parts))}"
    state = st.echarts_chart(
        charts.overlap(found, _, number),
        key=key,
        height=charts.overlap_height(found),
        on_select="rerun",
        alt=charts.overlap_alt(found, _, number),
    )
    return _clicked(state, len(found.parts))


def _clicked(state: Any, parts: int) -> int | None:
    for selected in state["selection"]["selected"]:
        for place in selected.get("data_indices", ()):
            if 0 <= place < parts:
                return int(place)
    return None


def _draw_part(
    id: int, found: Overlap, trees: list[tuple[str, segment.Group]], clicked: int | None
) -> None:
    """The people of one part: the bar clicked, or one chosen from the list."""
    labels = [f"{charts.part_label(found, part, _)}: {number(part.people)}" for part in found.parts]
    chosen_part = st.selectbox(
        _("People of"),
        range(len(labels)),
        index=clicked or 0,
        format_func=lambda place: labels[place],
        key=f"segment.{id}.overlap.part.{language.current()}.{hash(found.parts)}.{clicked}",
    )
    tree = overlap.tree_of([node for _name, node in trees], found.parts[chosen_part].members)
    place = f"segment.{id}.overlap.person"
    people_table.draw(
        tree,
        key=f"segment.{id}.overlap.people",
        opened=lambda person_id: st.session_state.update({place: person_id}),
        toolbar=lambda chosen: people_export.popover(
            chosen, name=labels[chosen_part], key=f"segment.{id}.overlap"
        ),
        with_facets=False,
    )
    if (opened := st.session_state.pop(place, None)) is not None:
        person.show(opened)
