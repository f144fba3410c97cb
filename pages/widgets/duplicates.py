"""People who may be one: suggested with the reason, compared side by side, merged or kept apart."""

from __future__ import annotations

import streamlit as st

from engine.contacts import contacts, duplicates
from engine.contacts.duplicates import Group
from engine.language import N_
from engine.segments import frame, view
from engine.segments.view import View
from pages.widgets import duplicates_merge, problems, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain

LISTED = 200
PAGE = 20


def draw() -> None:
    asked = st.query_params.get("ids", "")
    if ids := [int(id) for id in asked.split(",") if id.isdecimal()]:
        st.button(_("All duplicates"), icon=":material/arrow_back:", type="tertiary", on_click=_all)
        with problems.shown():
            duplicates_merge.draw(ids, dismissed=_dismiss)
        return
    by = st.pills(
        _("Same"),
        list(duplicates.REASONS),
        default=list(duplicates.REASONS),
        selection_mode="multi",
        format_func=lambda kind: _(NAMES[kind]),
        key="duplicates.by",
    )
    groups = _suggested(tuple(by))
    if not groups:
        with st.container(border=True):
            st.markdown(_("**No duplicates found.** Nobody shares what is asked for above."))
        return
    _listed(groups)


NAMES = {
    "phone": N_("Phone"),
    "email": N_("Email"),
    "name_birthday": N_("Name and birthday"),
}


def _all() -> None:
    st.query_params.pop("ids", None)


def of(contact_id: int, email: str | None) -> Group | None:
    """The suggested group somebody stands in.

    Everybody is compared only if that was done since the last change, or their email is shared:
    a drawer must not wait for it.
    """
    database = workspace.database()
    version = frame.load(database).version
    known = _kept().get(tuple(duplicates.REASONS))
    fresh = known is not None and known[0] == version
    if not fresh and (not email or view.found(database, View(text=email)).total < 2):
        return None
    groups = _suggested(tuple(duplicates.REASONS))
    return next((group for group in groups if contact_id in group.ids), None)


def _suggested(by: tuple[str, ...]) -> list[Group]:
    """Kept as long as no contact changes."""
    version = frame.load(workspace.database()).version
    known = _kept().get(by)
    if known is None or known[0] != version:
        with st.spinner(_("Comparing everybody…")):
            found = duplicates.suggested(workspace.database(), by=by, limit=LISTED) if by else []
        known = _kept()[by] = (version, found)
    return known[1]


@st.cache_resource(show_spinner=False)
def _kept() -> dict[tuple[str, ...], tuple[int, list[Group]]]:
    """What was asked for → (version of the contacts, the groups)."""
    return {}


def _dismiss(ids: tuple[int, ...]) -> None:
    duplicates_merge.dismiss(ids)
    _kept().clear()


def _listed(groups: list[Group]) -> None:
    many = len(groups)
    st.caption(
        _("The first {count} groups.").format(count=number(many))
        if many == LISTED
        else counted(many, N_("1 group of people who may be one."),
                     N_("{count} groups of people who may be one."))
    )  # fmt: skip
    pages = -(-many // PAGE)
    at = st.session_state.get("duplicates.page", 1) if pages > 1 else 1
    first = (min(at, pages) - 1) * PAGE
    for group in groups[first : first + PAGE]:
        _line(group)
    if pages > 1:
        st.pagination(pages, key="duplicates.page")


def _line(group: Group) -> None:
    key = "_".join(map(str, group.ids))
    with workspace.database().read() as session:
        people = [contacts.get(session, id) for id in group.ids]
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"dup_{key}"):
        with st.container(width="stretch", gap=None):
            names = " · ".join(f"**{plain(contacts.name_of(person))}**" for person in people)
            st.markdown(names)
            st.caption(plain(reasons(group)))
        st.button(
            _("Compare"),
            icon=":material/compare_arrows:",
            key=f"compare.{key}",
            on_click=_compare,
            args=(group.ids,),
        )
        st.button(
            _("Not the same"),
            type="tertiary",
            key=f"apart.{key}",
            on_click=_dismiss,
            args=(group.ids,),
        )


def reasons(group: Group) -> str:
    """What they share: "the same email (ana@example.com)"."""
    return ", ".join(
        f"{_(duplicates.REASONS[reason.kind])} ({reason.value})" for reason in group.reasons
    )


def _compare(ids: tuple[int, ...]) -> None:
    st.query_params["ids"] = ",".join(map(str, ids))
