"""Figures from counts and frames: ECharts options for live cells, Plotly for analysts' reports.

Pure. `t` translates; colours come from the page's theme, so both light and dark work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from engine.audience import REASONS
from engine.language import Translate
from engine.reports import FUNNEL, Report
from engine.segments.overlap import Overlap, Part

Option = dict[str, Any]
"""An ECharts option: JSON values, but for a polars frame in dataset.source."""

Number = Callable[[int], str]
"""How the page's language writes a count."""

ENGLISH: Number = "{:,}".format


def waterfall(
    *,
    matched: int,
    reasons: Mapping[str, int],
    recipients: int,
    t: Translate,
    number: Number = ENGLISH,
) -> Option:
    """From everybody in the segment, reason by reason, down to the recipients.

    Reasons nobody has are left out. A bar's `id` is its reason, for a click.
    """
    steps = [(reason, reasons[reason]) for reason in REASONS if reasons.get(reason)]
    left = matched
    bars = [{"id": "matched", "label": t("Matched"), "under": 0, "people": matched}]
    for reason, people in steps:
        left -= people
        bars.append({"id": reason, "label": t(REASONS[reason]), "under": left, "people": people})
    bars.append({"id": "recipients", "label": t("Recipients"), "under": 0, "people": recipients})
    return {
        "grid": {"left": 8, "right": 56, "top": 8, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "item", "valueFormatter": "localized"},
        "xAxis": {"type": "value", "minInterval": 1, "max": "dataMax", "show": False},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [bar["label"] for bar in bars],
            "axisTick": {"show": False},
            "axisLine": {"show": False},
        },
        "series": [_floor([bar["under"] for bar in bars]), _people(bars, t, number)],
    }


def _floor(values: list[Any]) -> Option:
    """The invisible bar that the visible one stands on."""
    return {
        "type": "bar",
        "stack": "people",
        "silent": True,
        "itemStyle": {"color": "transparent"},
        "emphasis": {"disabled": True},
        "tooltip": {"show": False},
        "data": values,
    }


def _people(bars: list[dict[str, Any]], t: Translate, number: Number) -> Option:
    kept = ("matched", "recipients")
    return {
        "type": "bar",
        "name": t("People"),
        "stack": "people",
        "barMaxWidth": 22,
        "label": {"show": True, "position": "right", "opacity": 1},
        "data": [
            {
                "id": bar["id"],
                "name": bar["label"],
                "value": bar["people"],
                "label": {"formatter": number(bar["people"])},
                "itemStyle": {"opacity": 1 if bar["id"] in kept else 0.55, "borderRadius": 3},
            }
            for bar in bars
        ],
    }


def waterfall_alt(
    *,
    matched: int,
    reasons: Mapping[str, int],
    recipients: int,
    t: Translate,
    number: Number = ENGLISH,
) -> str:
    """The same in words."""
    steps = {t(REASONS[reason]): reasons[reason] for reason in REASONS if reasons.get(reason)}
    told = {t("Matched"): matched, **steps, t("Recipients"): recipients}
    return "; ".join(f"{label}: {number(people)}" for label, people in told.items())


def throughput(frame: pl.DataFrame, limit: float | None, t: Translate) -> Option:
    """Messages a second over time, against the limit in messages a second, if there is one.

    `frame` is reports.throughput: at, messages, seconds.
    """
    name = t("Messages per second")
    source = frame.select("at", (pl.col("messages") / pl.col("seconds")).round(2).alias(name))
    series: Option = {
        "type": "line",
        "step": "end",
        "showSymbol": False,
        "areaStyle": {"opacity": 0.15},
        "encode": {"x": "at", "y": name, "tooltip": [name]},
        "name": name,
    }
    if limit is not None:
        series["markLine"] = {
            "silent": True,
            "symbol": "none",
            "lineStyle": {"type": "dashed"},
            "label": {"formatter": t("Limit") + " {c}", "position": "insideEndTop"},
            "data": [{"yAxis": round(limit, 2)}],
        }
    return {
        "grid": {"left": 8, "right": 16, "top": 24, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "dataset": {"source": source},
        "xAxis": {"type": "time"},
        "yAxis": {
            "type": "value",
            "min": 0,
            "max": _top(source[name], limit),
            "axisLabel": {"showMaxLabel": False},
        },
        "series": [series],
    }


def _top(rates: pl.Series, limit: float | None) -> float:
    """Room above the tallest of the line and the limit, so that neither touches the edge."""
    tallest = max(float(rates.max() or 0), limit or 0.0)  # type: ignore[arg-type]
    return round(tallest * 1.15 + 0.05, 2)


def throughput_alt(frame: pl.DataFrame, limit: float | None, t: Translate) -> str:
    """The same in words."""
    rates = frame["messages"] / frame["seconds"]
    told = [f"{t('Messages')}: {frame['messages'].sum()}"]
    told.append(f"{t('Messages per second')}: ≤ {float(rates.max() or 0):.2f}")  # type: ignore[arg-type]
    return "; ".join(told if limit is None else [*told, f"{t('Limit')}: {limit:.2f}"])


# Segments

PARTS_SHOWN = 15
"""Bars of an overlap that fit side by side, also on a phone."""


def overlap(found: Overlap, t: Translate, number: Number = ENGLISH) -> Option:
    """UpSet: bars of exclusive parts over a matrix of dots, and the segments' sizes at the left.

    A bar's `id` is its place in `found.parts`, for a click; at most PARTS_SHOWN are drawn.
    """
    parts = found.parts[:PARTS_SHOWN]
    bottom = 16 + OVERLAP_ROW * len(found.names)
    columns: Option = {
        "type": "category",
        "data": [str(place) for place in range(len(parts))],
        "axisTick": {"show": False},
        "axisLabel": {"show": False},
        "axisLine": {"show": False},
        "splitLine": {"show": False},
    }
    return {
        "grid": [
            {"left": 196, "right": 8, "top": 24, "bottom": bottom + 8},
            {"left": 196, "right": 8, "height": bottom - 16, "bottom": 8},
            {"left": 8, "width": 64, "height": bottom - 16, "bottom": 8},
        ],
        "tooltip": {"trigger": "item", "formatter": "{b}: {c}"},
        "xAxis": [
            {**columns, "gridIndex": 0},
            {**columns, "gridIndex": 1},
            {"type": "value", "gridIndex": 2, "inverse": True, "show": False, "min": 0},
        ],
        "yAxis": [
            {"type": "value", "gridIndex": 0, "show": False, "min": 0},
            _names(found, number),
            {**columns, "gridIndex": 2, "data": list(found.names), "inverse": True},
        ],
        "series": [
            _parts(found, parts, t, number),
            *_matrix(found, parts, t),
            _sizes(found, t),
        ],
    }


OVERLAP_ROW = 40
"""Height of a segment's line in pixels: its name and its size under it."""


def overlap_height(found: Overlap) -> int:
    """In pixels."""
    return 24 + 190 + 24 + OVERLAP_ROW * len(found.names)


def part_label(found: Overlap, part: Part, t: Translate) -> str:
    """Which segments: “A and B, and no other”."""
    names = " + ".join(found.names[place] for place in part.members)
    return t("Only {names}").format(names=names) if len(part.members) < len(found.names) else names


def _names(found: Overlap, number: Number) -> Option:
    """The lines of the matrix: a segment's name, and how many it holds."""
    return {
        "type": "category",
        "gridIndex": 1,
        "inverse": True,
        "data": [
            f"{_short(name)}\n{number(size)}"
            for name, size in zip(found.names, found.sizes, strict=True)
        ],
        "axisTick": {"show": False},
        "axisLine": {"show": False},
        "axisLabel": {"width": 104, "overflow": "truncate", "interval": 0, "lineHeight": 15},
        "splitLine": {"show": False},
    }


def _short(name: str) -> str:
    return name if len(name) <= 17 else name[:16] + "…"


def _parts(found: Overlap, parts: Sequence[Part], t: Translate, number: Number) -> Option:
    return {
        "id": "parts",
        "type": "bar",
        "name": t("People"),
        "xAxisIndex": 0,
        "yAxisIndex": 0,
        "barMaxWidth": 40,
        "selectedMode": "single",
        "label": {"show": True, "position": "top", "opacity": 1},
        "labelLayout": {"hideOverlap": True},
        "data": [
            {
                "id": str(place),
                "name": part_label(found, part, t),
                "value": part.people,
                "label": {"formatter": number(part.people)},
                "itemStyle": {"borderRadius": [3, 3, 0, 0]},
            }
            for place, part in enumerate(parts)
        ],
    }


def _matrix(found: Overlap, parts: Sequence[Part], t: Translate) -> list[Option]:
    """A dot a segment under every bar, faint where it is not in; a line joins those that are."""
    quiet = {"silent": True, "tooltip": {"show": False}, "xAxisIndex": 1, "yAxisIndex": 1}
    dots: Option = {
        **quiet,
        "id": "dots",
        "type": "scatter",
        "name": t("People"),
        "symbolSize": 12,
        "data": [
            {
                "value": [column, line],
                "itemStyle": {"opacity": 1 if line in part.members else 0.15},
            }
            for column, part in enumerate(parts)
            for line in range(len(found.names))
        ],
    }
    joins: list[Option] = [
        {
            **quiet,
            "id": f"join {column}",
            "type": "line",
            "name": t("People"),
            "showSymbol": False,
            "lineStyle": {"width": 3},
            "data": [[column, part.members[0]], [column, part.members[-1]]],
        }
        for column, part in enumerate(parts)
        if len(part.members) > 1
    ]
    return [*joins, dots]


def _sizes(found: Overlap, t: Translate) -> Option:
    return {
        "id": "sizes",
        "type": "bar",
        "name": t("People"),
        "xAxisIndex": 2,
        "yAxisIndex": 2,
        "barMaxWidth": 16,
        "silent": True,
        "itemStyle": {"opacity": 0.55, "borderRadius": [3, 0, 0, 3]},
        "data": [
            {"name": name, "value": size}
            for name, size in zip(found.names, found.sizes, strict=True)
        ],
    }


def overlap_alt(found: Overlap, t: Translate, number: Number = ENGLISH) -> str:
    """The same in words."""
    sizes = [f"{n}: {number(size)}" for n, size in zip(found.names, found.sizes, strict=True)]
    parts = [
        f"{part_label(found, part, t)}: {number(part.people)}" for part in found.parts[:PARTS_SHOWN]
    ]
    return "; ".join((*sizes, *parts))


# Reports


def funnel(report: Report, t: Translate, number: Number = ENGLISH) -> go.Figure:
    """How many messages came at least how far."""
    counts = [report.funnel[step] for step in FUNNEL]
    whole = counts[0] or 1
    figure = go.Figure(
        go.Funnel(
            y=[t(label) for label in FUNNEL.values()],
            x=counts,
            text=[f"{number(count)} · {count / whole:.0%}" for count in counts],
            textinfo="text",
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    return _calm(figure, places=len(counts))


def left_out(report: Report, t: Translate, number: Number = ENGLISH) -> go.Figure:
    """People left out by reason, in the order in which the reasons are asked; zeros left away."""
    found = {reason: count for reason, count in report.left_out.items() if count}
    labels = [t(REASONS.get(reason, reason)) for reason in found]
    return _bars(labels, list(found.values()), number)


def failures(report: Report, t: Translate, number: Number = ENGLISH) -> go.Figure:
    """Failed and unknown messages by the provider's reason, at most the ten most frequent."""
    most = report.failures[:10]
    labels = [one.text or one.code or t(one.reason_class) or t("Unknown") for one in most]
    return _bars([plain(label) for label in labels], [one.count for one in most], number)


def _bars(labels: list[str], counts: list[int], number: Number) -> go.Figure:
    """Horizontal bars from the top down, one a place, also where two labels are alike."""
    places = list(range(len(labels)))
    figure = go.Figure(
        go.Bar(
            y=places,
            x=counts,
            orientation="h",
            text=[number(count) for count in counts],
            textposition="outside",
            cliponaxis=False,
            customdata=labels,
            hovertemplate="%{customdata}: %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(autorange="reversed", tickvals=places, ticktext=labels, automargin=True)
    return _calm(figure, places=len(places))


def plain(text: str, *, longest: int = 60) -> str:
    """A provider's text as a label: Plotly reads HTML tags and entities, so none are left."""
    text = " ".join(text.split())
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _calm(figure: go.Figure, *, places: int) -> go.Figure:
    """As high as its bars need, without zooming by accident."""
    figure.update_layout(
        margin={"l": 8, "r": 56, "t": 8, "b": 8}, showlegend=False, height=32 + 44 * max(places, 1)
    )
    figure.update_xaxes(rangemode="tozero", fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    return figure
