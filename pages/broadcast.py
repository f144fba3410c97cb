"""One broadcast (`?id=`): a notebook while it is a draft, its live view from then on."""

from __future__ import annotations

import streamlit as st

from engine import broadcast, drafts
from engine.language import N_
from pages import (
    beside,
    live,
    steps_audience,
    steps_channel,
    steps_messages,
    steps_people,
    steps_sending,
    steps_trial,
)
from pages.widgets import draft, problems, step, workspace
from pages.widgets.language import _
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook, look

STEPS = (
    step.Step(
        key="name",
        number="1–3",
        title=N_("Name and labels"),
        draw=steps_people.draw_name,
        summary=steps_people.sum_up_name,
        done=lambda look: True,
    ),
    step.Step(
        key="segment",
        number="4",
        title=N_("Segment"),
        draw=steps_people.draw_segment,
        summary=steps_people.sum_up_segment,
        done=lambda look: look.segment is not None,
    ),
    step.Step(
        key="channel",
        number="5",
        title=N_("Channel"),
        draw=steps_channel.draw_channel,
        summary=steps_channel.sum_up_channel,
        done=lambda look: bool(look.selected),
    ),
    step.Step(
        key="messages",
        number="6",
        title=N_("Messages"),
        draw=steps_messages.draw_messages,
        summary=steps_messages.sum_up_messages,
        done=lambda look: look.written,
    ),
    step.Step(
        key="preview",
        number="7",
        title=N_("Preview"),
        draw=steps_trial.draw_preview,
        summary=steps_trial.sum_up_preview,
        done=lambda look: look.written,
    ),
    step.Step(
        key="test",
        number="8",
        title=N_("Test"),
        draw=steps_trial.draw_test,
        summary=steps_trial.sum_up_test,
        done=lambda look: look.written,
    ),
    step.Step(
        key="audience",
        number="9",
        title=N_("Audience"),
        draw=steps_audience.draw_audience,
        summary=steps_audience.sum_up_audience,
        done=lambda look: bool(look.count and look.count.messages),
    ),
    step.Step(
        key="start",
        number="10",
        title=N_("When"),
        draw=steps_sending.draw_start,
        summary=steps_sending.sum_up_start,
        done=lambda look: look.in_time,
    ),
    step.Step(
        key="speed",
        number="11",
        title=N_("Speed"),
        draw=steps_sending.draw_speed,
        summary=steps_sending.sum_up_speed,
        done=lambda look: look.rate_problem is None,
    ),
    step.Step(
        key="confirm",
        number="12",
        title=N_("Confirm and send"),
        draw=steps_sending.draw_confirm,
        summary=steps_sending.sum_up_confirm,
        done=lambda look: False,
    ),
)


def main() -> None:
    asked = st.query_params.get("id", "")
    if not asked.isdecimal():
        st.switch_page("broadcasts.py")
    st.page_link("broadcasts.py", label=_("All broadcasts"), icon=":material/arrow_back:")
    with problems.shown():
        opened = draft.open(int(asked))
        if opened.row.state == "draft":
            notebook(look(opened))
        else:
            live.draw(look(opened, people=False))


def notebook(outlook: Outlook) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(plain(outlook.row.name), width="content")
        st.badge(_(broadcast.STATES["draft"]), color="gray")
        st.space("stretch")
        with st.popover(_("Delete"), icon=":material/delete:"):
            st.markdown(_("Delete this draft? What it says is gone for good."))
            st.button(
                _("Delete draft"),
                key="delete",
                type="primary",
                on_click=delete,
                args=(outlook.draft.id,),
            )
    with st.container():  # always there, so that nothing below is drawn anew when it speaks
        draft.draw_conflict(outlook.draft)
        problems.draw("broadcast")
    cells, side = st.columns([7, 4], gap="large")
    with cells:
        step.draw(STEPS, outlook)
    with side:
        beside.draw(outlook)


def delete(id: int) -> None:
    with problems.kept("broadcast"):
        with workspace.database().write() as session:
            drafts.delete(session, id)
        st.query_params.clear()


main()
