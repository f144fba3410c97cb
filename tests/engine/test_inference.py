"""Types of columns, and the many ways to write a number or a date."""

import polars as pl
import pytest

from engine.importing import inference


def infer(name: str, cells: list[str | None], country: str = "CO") -> str:
    return inference.infer(name, pl.Series(cells, dtype=pl.String), country=country)


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("birthday", ["1958-10-13", "1960-05-25", None], "date"),
        ("fecha", ["13/10/1958", "1/2/1960"], "date"),
        ("born", ["Oct 13, 1958", "2 de enero de 1960", "1-feb-2001"], "date"),
        ("seen", ["2024-01-02 10:30", "2024-01-03"], "datetime"),
        ("seen", ["2024-01-02T10:30:00Z"], "datetime"),
        ("seen", ["2024-01-02 00:00:00", "2024-02-29 00:00:00"], "date"),
        ("born", [*(f"19{n}-10-13" for n in range(50, 80)), "unknown"], "date"),
        ("born", ["1958-10-13"] * 3 + ["unknown"], "text"),
        ("member", ["yes", "no", "Yes", None], "yes_no"),
        ("socio", ["Sí", "No"], "yes_no"),
        ("gender", ["F", "M"] * 10, "choice"),
        ("children", ["0", "1", "1", "0"], "number"),
        ("total", ["1.234,50", "12", "0,5"], "number"),
        ("total", ["$ 1,234.50", "N/A", "12"], "number"),
        ("total", ["12", "12 kg"], "text"),
        ("zip", ["28001", "28002"], "text"),
        ("reference", ["007", "008"], "text"),
        ("customer_id", ["1", "2"], "text"),
        ("card", ["4111111111111111", "4222222222222222"], "text"),
        ("site", ["https://a.co", "https://b.co"], "text"),
        ("city", ["Lima", "Quito", "Lima", "Lima"] * 5, "choice"),
        ("note", [f"note {n}" for n in range(40)], "text"),
        ("city", ["Lima", "Quito"], "text"),
        ("empty", [None, None], "text"),
    ],
)
def test_a_columns_type_is_inferred(name: str, cells: list[str | None], expected: str) -> None:
    assert infer(name, cells) == expected


@pytest.mark.parametrize(
    ("cells", "country", "expected"),
    [
        (["1,234.5", "2"], "CO", [1234.5, 2]),
        (["1.234,5", "2"], "US", [1234.5, 2]),
        (["1.234", "2"], "CO", [1234, 2]),
        (["1.234", "2"], "US", [1.234, 2]),
        (["1,234"], "US", [1234]),
        (["1,234"], "ES", [1.234]),
        (["1 234,5"], "ES", [1234.5]),
        (["-3", "+4", "5 €", "1e3"], "US", [-3, 4, 5, 1000]),
    ],
)
def test_numbers_are_read_as_the_column_or_the_country_writes_them(
    cells: list[str], country: str, expected: list[float]
) -> None:
    read = inference.number_reader(cells, country=country)
    assert [read(cell) for cell in cells] == expected


@pytest.mark.parametrize(
    ("cells", "country", "expected"),
    [
        (["02/03/2020"], "CO", ["2020-03-02"]),
        (["02/03/2020"], "US", ["2020-02-03"]),
        (["02/03/2020", "25/03/2020"], "US", ["2020-03-02", "2020-03-25"]),
        (["02/03/2020", "03/25/2020"], "CO", ["2020-02-03", "2020-03-25"]),
        (["2/3/58", "2/3/19"], "CO", ["1958-03-02", "2019-03-02"]),
        (["29.02.2024", "29-02-2023"], "CO", ["2024-02-29", None]),
        (["2020/3/2", "2020-3-2 11:59 p.m."], "CO", ["2020-03-02", "2020-03-02"]),
        (["13 de octubre de 1958", "October 13th, 1958"], "CO", ["1958-10-13"] * 2),
        (["13 Foo 1958", "soon", "1958", "10:30"], "CO", [None] * 4),
    ],
)
def test_dates_are_read_as_the_column_or_the_country_writes_them(
    cells: list[str], country: str, expected: list[str | None]
) -> None:
    read = inference.reader("date", cells, country=country, zone="America/Bogota")
    assert [read(cell) for cell in cells] == expected


def test_a_wall_time_is_the_workspaces_and_a_zone_is_kept() -> None:
    cells = ["2020-03-02 10:30", "2020-03-02T10:30:00Z", "02/03/2020 1:05 PM", "2020-03-02"]
    read = inference.reader("datetime", cells, country="CO", zone="America/Bogota")
    assert [read(cell) for cell in cells] == [
        "2020-03-02T15:30:00+00:00",
        "2020-03-02T10:30:00+00:00",
        "2020-03-02T18:05:00+00:00",
        "2020-03-02T05:00:00+00:00",
    ]
