"""Figures show the counts they are given, in any language and either theme."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace

import polars as pl
import pytest

from engine import audience, charts, reports

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
REASONS = dict.fromkeys(audience.REASONS, 0) | {"opted_out": 30, "not_on_channel": 100}


def shout(text: str) -> str:
    """A language in which everything is upper case."""
    return text.upper()


def report(**values: object) -> reports.Report:
    whole = reports.Report(
        id=1,
        name="Otoño",
        state="completed",
        recipients=70,
        left_out=REASONS,
        states=dict.fromkeys(reports.STATES, 0) | {"read": 40, "failed": 30},
        funnel=dict(zip(reports.FUNNEL, [70, 60, 50, 40, 10], strict=True)),
        channels=(),
        failures=(
            reports.Failure(reason_class="permanent", code="1", text="<b>No & never</b>", count=20),
            reports.Failure(reason_class="permanent", code="2", text="", count=7),
            reports.Failure(reason_class="unclear", code="", text="", count=3),
        ),
        rate=None,
        largest_window=None,
        first_sent_at=None,
        last_sent_at=None,
    )
    return replace(whole, **values)


def rates(messages: list[int], seconds: int = 2) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "at": [START + dt.timedelta(seconds=seconds * n) for n in range(len(messages))],
            "messages": messages,
            "seconds": [seconds] * len(messages),
        },
        schema=reports.THROUGHPUT,
    )


def test_the_waterfall_steps_down_to_the_recipients() -> None:
    option = charts.waterfall(matched=200, reasons=REASONS, recipients=70, t=shout)
    floor, people = (series["data"] for series in option["series"])
    assert [(bar["id"], bar["value"]) for bar in people] == [
        ("matched", 200),
        ("not_on_channel", 100),
        ("opted_out", 30),
        ("recipients", 70),
    ]
    assert floor == [0, 100, 70, 0]
    assert option["yAxis"]["data"] == ["MATCHED", "NOT ON THE CHANNEL", "OPTED OUT", "RECIPIENTS"]
    json.dumps(option)


def test_the_waterfall_of_nobody_is_drawn_too() -> None:
    option = charts.waterfall(matched=0, reasons={}, recipients=0, t=shout)
    assert [bar["value"] for bar in option["series"][1]["data"]] == [0, 0]
    words = charts.waterfall_alt(matched=0, reasons={}, recipients=0, t=shout)
    assert words == "MATCHED: 0; RECIPIENTS: 0"


def test_the_waterfall_can_be_told_in_words() -> None:
    words = charts.waterfall_alt(matched=200, reasons=REASONS, recipients=70, t=shout)
    assert words == "MATCHED: 200; NOT ON THE CHANNEL: 100; OPTED OUT: 30; RECIPIENTS: 70"


def test_counts_are_written_as_the_page_writes_them() -> None:
    def spanish(count: int) -> str:
        return f"{count:,}".replace(",", ".")

    told = {"matched": 1200, "reasons": {"opted_out": 1100}, "recipients": 100, "t": shout}
    option = charts.waterfall(**told, number=spanish)
    written = [bar["label"]["formatter"] for bar in option["series"][1]["data"]]
    assert written == ["1.200", "1.100", "100"]
    assert "MATCHED: 1.200" in charts.waterfall_alt(**told, number=spanish)
    many = report(left_out={"opted_out": 1100}, funnel=dict.fromkeys(reports.FUNNEL, 1200))
    assert list(charts.left_out(many, shout, spanish).data[0].text) == ["1.100"]
    assert charts.funnel(many, shout, spanish).data[0].text[0] == "1.200 · 100%"


def test_throughput_is_drawn_per_second_against_the_limit() -> None:
    option = charts.throughput(rates([10, 0, 5]), 6.0, shout)
    source = option["dataset"]["source"]
    assert source["MESSAGES PER SECOND"].to_list() == [5, 0, 2.5]
    (series,) = option["series"]
    assert series["encode"]["y"] == "MESSAGES PER SECOND"
    assert series["markLine"]["data"] == [{"yAxis": 6.0}]
    assert option["yAxis"]["max"] > 6.0
    told = charts.throughput_alt(rates([10, 0, 5]), 6.0, shout)
    assert told == "MESSAGES: 15; MESSAGES PER SECOND: ≤ 5.00; LIMIT: 6.00"


def test_throughput_without_a_limit_or_messages_is_an_empty_line() -> None:
    option = charts.throughput(rates([]), None, shout)
    assert "markLine" not in option["series"][0]
    assert option["dataset"]["source"].is_empty()
    assert option["yAxis"]["max"] > 0
    assert charts.throughput_alt(rates([]), None, shout).startswith("MESSAGES: 0")


def test_the_funnel_narrows_as_the_report_says() -> None:
    (trace,) = charts.funnel(report(), shout).data
    assert list(trace.x) == [70, 60, 50, 40, 10]
    assert trace.y[0] == "MESSAGES"
    assert list(trace.text)[-1] == "10 · 14%"


def test_people_left_out_are_drawn_by_reason_in_order() -> None:
    (trace,) = charts.left_out(report(), shout).data
    assert list(trace.x) == [100, 30]
    assert list(trace.customdata) == ["NOT ON THE CHANNEL", "OPTED OUT"]


def test_a_providers_words_are_shown_and_never_read_as_markup() -> None:
    (trace,) = charts.failures(report(), shout).data
    assert list(trace.x) == [20, 7, 3]
    assert list(trace.customdata) == ["&lt;b&gt;No &amp; never&lt;/b&gt;", "2", "UNCLEAR"]
    assert charts.plain("a\n  b", longest=9) == "a b"
    assert charts.plain("x" * 99, longest=9) == "x" * 8 + "…"


@pytest.mark.parametrize("draw", [charts.funnel, charts.left_out, charts.failures])
def test_a_figure_leaves_its_colours_to_the_theme(draw: object) -> None:
    empty = report(left_out={}, failures=())
    for one in (report(), empty):
        drawn = draw(one, shout).to_json()  # type: ignore[operator]
        found = json.loads(drawn)
        found["layout"].pop("template", None)
        assert not re.search(r"#[0-9a-f]{3,8}|rgb|color", json.dumps(found), re.IGNORECASE)
