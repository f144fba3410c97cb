"""The report for people: the segments, then the figures."""

from __future__ import annotations

from typing import Any

SIDES = ("cold", "warm", "duckdb", "duckdb_shaped", "sqlite", "postgresql")


def rounded(value: Any) -> Any:
    """Four significant digits everywhere."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return value


def of(report: dict[str, Any]) -> str:
    lines = [f"{'ms, median':26}" + "".join(f"{side:>15}" for side in SIDES)]
    for name, taken in report["ms"].items():
        cells = (f"{taken[side]:15.2f}" if side in taken else f"{'–':>15}" for side in SIDES)
        lines.append(f"{name:26}" + "".join(cells))
    lines.append("")
    for name, value in rounded(report).items():
        if not isinstance(value, dict):
            lines.append(f"{name:36} {'–' if value is None else value}")
    return "\n".join(lines)
