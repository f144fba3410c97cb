"""Figures from counts and frames: ECharts options for live cells, Plotly for analysts' reports.

Pure. `t` translates; colours come from the page's theme, so both light and dark work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import plotly.graph_objects as go
import polars as pl

from engine.audience import REASONS
from engine.language import Translate
from engine.reports import FUNNEL, Report

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
