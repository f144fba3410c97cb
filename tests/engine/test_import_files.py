"""Files as programs really write them, and as accidents and attackers leave them."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
import xlsxwriter

from engine import db
from engine.errors import Invalid
from engine.importing import importing, sheet, work
from engine.importing.importing import Report

TABLE = "Nombre;Apellido;Celular;Ciudad\nAna;Muñoz Ñáñez;0034 600-11-12-22;Bogotá\n"


def load(database: db.Database, data: bytes, **options: Any) -> Report:
    return importing.run(database, importing.read(data), country="CO", **options)


def people(database: db.Database) -> list[db.Contact]:
    with database.read() as session:
        return list(session.scalars(sa.select(db.Contact).order_by(db.Contact.id)))


def codes(report: Report) -> list[tuple[int, str]]:
    return [(problem.line, problem.error.code) for problem in report.problems]


def workbook(rows: Sequence[Sequence[Any]], *, from_1904: bool = False) -> bytes:
    """An XLSX; dates typed as dates."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "date_1904": from_1904})
    page = book.add_worksheet()
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for at, row in enumerate(rows):
        for place, cell in enumerate(row):
            if isinstance(cell, dt.date):
                page.write_datetime(at, place, cell, day)
            else:
                page.write(at, place, cell)
    book.close()
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe" + TABLE.encode("utf-16-le"),
        b"\xfe\xff" + TABLE.encode("utf-16-be"),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-8"),
        TABLE.encode("latin-1"),
        TABLE.encode("cp1252"),
        TABLE.replace("\n", "\r\n").encode("cp1252"),
        TABLE.replace(";", "\t").encode("utf-16"),
    ],
    ids=["utf-16-le", "utf-16-be", "bom", "utf-8", "latin-1", "cp1252", "crlf", "unicode-text"],
)
def test_every_usual_encoding_is_read_the_same(data: bytes, database: db.Database) -> None:
    assert load(database, data).problems == ()
    [ana] = people(database)
    assert (ana.first_name, ana.last_name, ana.phone) == ("Ana", "Muñoz Ñáñez", "+34600111222")
    assert ana.fields == {"ciudad": "Bogotá"}


@pytest.mark.parametrize(
    ("phone", "stored"),
    [
        ("0034 600-11-12-22", "+34600111222"),
        ("+57 (300) 123 4567", "+573001234567"),
        ("300.123.4567", "+573001234567"),
        ("tel:+573001234567", "+573001234567"),
        ("'+57 300 123 4567", "+573001234567"),
        ("573001234567", "+573001234567"),
        ("\u202a+57 300 123 4567\u202c", "+573001234567"),
        ("3.001234567E+9", None),
        ("12", None),
    ],
)
def test_phones_as_people_write_them(phone: str, stored: str | None, database: db.Database) -> None:
    load(database, f"name,phone\nAna,{phone}\n".encode())
    assert [person.phone for person in people(database)] == [stored]


@pytest.mark.parametrize("from_1904", [False, True])
def test_spreadsheet_dates_are_dates_typed_or_not(from_1904: bool, database: db.Database) -> None:
    birth = dt.date(1990, 2, 28)
    serial = (birth - (dt.date(1904, 1, 1) if from_1904 else dt.date(1899, 12, 30))).days
    typed = workbook([["name", "birthday"], ["Ana", birth]], from_1904=from_1904)
    plain = workbook([["name", "birthday"], ["Luz", serial]], from_1904=from_1904)
    assert load(database, typed).problems == ()
    assert load(database, plain).problems == ()
    assert [p.fields for p in people(database)] == [{"birthday": "1990-02-28"}] * 2


def test_headers_that_repeat_or_are_empty_lose_no_cell(database: db.Database) -> None:
    load(database, b"name,city,city,,city\nAna,Lima,Cali,x,Quito\n")
    [ana] = people(database)
    assert ana.fields == {"city": "Lima", "city_2": "Cali", "column_4": "x", "city_3": "Quito"}


def test_quotes_and_line_ends_inside_cells_stay(database: db.Database) -> None:
    load(database, b'name,note\r\n"Ana ""la"" Paz","one\r\ntwo, three"\r\nLuz,"x"\r\n')
    assert [(p.first_name, p.last_name, p.fields["note"]) for p in people(database)] == [
        ("Ana", '"la" Paz', "one\r\ntwo, three"),
        ("Luz", "", "x"),
    ]


def test_a_monstrous_cell_costs_one_line(database: db.Database) -> None:
    report = load(database, b"name,note\nAna,x\nLuz," + b"y" * 5_000_000 + b"\nEva,z\n")
    assert codes(report) == [(3, "import.long_cell")]
    assert [person.first_name for person in people(database)] == ["Ana", "Eva"]


def test_a_monstrous_cell_of_a_workbook_is_cut(database: db.Database) -> None:
    data = workbook([["name", "note"], ["Ana", "SMALL"]])
    huge = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(huge, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "xl/sharedStrings.xml":
                text = text.replace(b"SMALL", b"y" * 5_000_000)
            new.writestr(name, text, zipfile.ZIP_DEFLATED)
    report = load(database, huge.getvalue())
    assert codes(report) == [(2, "import.cut_text")]
    assert len(people(database)[0].fields["note"]) == 10_000


def test_nul_bytes_are_dropped(database: db.Database) -> None:
    filler = b"".join(b"P%d,x\n" % n for n in range(400))
    load(database, b"name,note\n" + filler + b"Z\x00oe,a\x00b\n")
    last = people(database)[-1]
    assert (last.first_name, last.fields["note"]) == ("Zoe", "ab")


def test_a_csv_cut_in_a_quote_loses_only_its_end(database: db.Database) -> None:
    rows = b"".join(b'P%d,"a note",x\n' % n for n in range(100))
    report = load(database, b"name,note,more\n" + rows + b'Last,"a no')
    assert len(people(database)) == 101
    assert codes(report) == [(102, "import.short_end")]
    assert people(database)[-1].fields["note"] == "a no"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_workbook_cut_anywhere_is_refused_in_one_sentence(share: float) -> None:
    data = workbook([["name"], *([f"P{n}"] for n in range(500))])
    with pytest.raises(Invalid) as refused:
        importing.read(data[: int(len(data) * share)])
    assert refused.value.code == "import.broken_xlsx"


def test_a_zip_bomb_is_refused_before_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MAX_UNPACKED", 50 * 1024 * 1024)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * 60 * 1024 * 1024)
    assert len(bomb.getvalue()) < 200_000
    with pytest.raises(Invalid) as refused:
        importing.read(bomb.getvalue())
    assert refused.value.code == "import.too_big_unpacked"


def test_an_opendocument_file_and_an_old_excel_say_what_to_do() -> None:
    ods = io.BytesIO()
    with zipfile.ZipFile(ods, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<x/>")
    for data, code in (
        (ods.getvalue(), "import.opendocument"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "import.old_excel"),
    ):
        with pytest.raises(Invalid) as refused:
            importing.read(data)
        assert refused.value.code == code
        assert "save it as" in refused.value.sentence


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xff\xfe\n\x00", b" \r\n\r\n"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        importing.read(data)
    assert refused.value.code == "import.empty"


def test_a_header_alone_imports_nobody(database: db.Database) -> None:
    report = load(database, b"name,phone\n")
    assert (report.rows, report.created) == (0, 0)


def test_three_hundred_columns_become_fields(database: db.Database) -> None:
    head = ",".join(["name", *(f"c{n}" for n in range(1, 300))])
    row = ",".join(["Ana", *(str(n) for n in range(1, 300))])
    report = load(database, f"{head}\n{row}\n".encode())
    assert len(report.fields_created) == 299
    assert people(database)[0].fields["c299"] == 299


def test_two_hundred_thousand_rows_come_in_whole(
    database: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 20_000)
    rows = "".join(f"P{n};ñ\n" for n in range(200_000))
    data = b"\xff\xfe" + ("ID externo;nota\n" + rows).encode("utf-16-le")
    report = load(database, data)
    assert (report.rows, report.created, report.problems) == (200_000, 200_000, ())
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(db.Contact)) == 200_000
