"""People to files: nothing is lost, nothing runs, and what went out comes in again."""

import zipfile
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from engine import db, settings
from engine.contacts import contacts, exported, exporting
from engine.errors import Invalid
from engine.importing import importing

HOSTILE = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "'=x", "''quoted", "'plain"]


@pytest.fixture
def filled(any_database: db.Database) -> db.Database:
    with any_database.write() as session:
        for key, type in (
            ("note", "text"),
            ("size", "choice"),
            ("score", "number"),
            ("born", "date"),
            ("seen", "datetime"),
            ("member", "yes_no"),
        ):
            contacts.define_field(session, key=key, label=key.title(), type=type)
        contacts.create(
            session,
            first_name="José, “Pepe”",
            last_name="O'Nil\nJr",
            phone="+573001234567",
            email="pepe@example.com",
            country="CO",
            language="es",
            timezone="America/Bogota",
            external_id="0007",
            tags=["VIP", "big spender"],
            fields={
                "note": 'línea 1\nlínea 2; "x"',
                "size": "M",
                "score": -12.5,
                "born": "1890-02-28",
                "seen": "2024-02-29T15:30:10+00:00",
                "member": False,
            },
        )
        for text in HOSTILE:
            contacts.create(session, first_name=text, fields={"note": text, "score": 3})
        contacts.create(session, first_name="-5", last_name="+12", fields={"seen": "2024-01-01"})
        contacts.create(session, email="only@example.com")
    return any_database


def everybody(database: db.Database, *, ids: bool = True) -> list[tuple[object, ...]]:
    with database.read() as session:
        rows = session.scalars(sa.select(db.Contact).order_by(db.Contact.id)).all()
        return [
            (
                *(row.id if ids else 0, row.first_name, row.last_name, row.phone, row.email),
                *(row.country, row.language, row.timezone, row.external_id, row.fields),
                sorted(contacts.tags_of(session, row.id)),
            )
            for row in rows
        ]


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_an_export_imports_again_without_a_change(
    filled: db.Database, tmp_path: Path, format: exporting.Format
) -> None:
    before, path = everybody(filled), tmp_path / f"people.{format}"
    count = contacts.export(filled, path, format=format)
    report = importing.run(filled, importing.read(path), country="US")
    assert (report.rows, report.unchanged, report.problems) == (count, count, ())
    assert count == len(before)
    assert everybody(filled) == before


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_an_export_fills_another_workspace_with_the_same_people(
    filled: db.Database, tmp_path: Path, format: exporting.Format
) -> None:
    path = tmp_path / f"people.{format}"
    contacts.export(filled, path, format=format)
    other = db.connect(settings.Settings(_env_file=None, data=tmp_path / "other"))
    db.migrate(other)
    with filled.read() as source, other.write() as session:
        for row in contacts.fields(source):
            contacts.define_field(session, key=row.key, label=row.label, type=row.type)
    report = importing.run(other, importing.read(path), country="US")
    assert (report.created, report.problems) == (report.rows, ())
    assert everybody(other, ids=False) == everybody(filled, ids=False)
    other.close()


def test_a_spreadsheet_runs_nothing_and_phones_stay_readable(
    filled: db.Database, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    contacts.export(filled, path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    table = pl.read_csv(path, infer_schema=False)
    assert table["phone"][0] == "+573001234567"
    assert table["first_name"].to_list()[1:9] == [
        "'=1+1",
        "'+1+cmd|' /C calc'!A0",
        "'-2+3",
        "'@SUM(A1)",
        "''=x",
        "''quoted",
        "'plain",
        "-5",
    ]
    assert table["score"].to_list()[:2] == ["-12.5", "3"]
    assert table["member"][0] == "no"
    assert table["tags"][0] == "big spender, VIP"


@given(st.text(max_size=6) | st.text("'=+-@\t\r\n1.,a", max_size=6))
def test_a_harmless_cell_is_harmless_and_gives_its_text_back(text: str) -> None:
    cell = exporting.harmless(text)
    assert cell is not None
    assert exporting.original(cell) == text or cell == text
    if cell[:1] in ("=", "@", "\t", "\r", "\n"):
        pytest.fail("A spreadsheet would run it.")
    if cell[:1] in ("+", "-"):
        assert cell[1:].replace(".", "", 1).replace(",", "", 1).isdecimal()


def test_a_workbook_holds_no_formula(filled: db.Database, tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"
    contacts.export(filled, path, format="xlsx")
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_parquet_keeps_the_types(filled: db.Database, tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    count = contacts.export(filled, path, format="parquet")
    table = pl.read_parquet(path)
    assert table.height == count
    assert table.schema["born"] == pl.Date
    assert table.schema["seen"] == pl.Datetime("us", "UTC")
    assert table.schema["score"] == pl.Float64
    assert table.schema["member"] == pl.Boolean
    assert table["first_name"][1] == "=1+1"


def test_only_the_people_asked_for_are_written(filled: db.Database, tmp_path: Path) -> None:
    ids = [int(str(row[0])) for row in everybody(filled)]
    path = tmp_path / "people.csv"
    assert contacts.export(filled, path, ids=[ids[2], ids[0], ids[2], 9999]) == 2
    assert pl.read_csv(path)["contact_id"].to_list() == [ids[0], ids[2]]
    assert contacts.export(filled, path, ids=[]) == 0
    assert pl.read_csv(path).columns[:2] == ["contact_id", "first_name"]


def test_an_unknown_format_is_refused(filled: db.Database, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        contacts.export(filled, tmp_path / "people.ods", format="ods")  # type: ignore[arg-type]


def test_the_columns_asked_for_are_written_in_their_order(
    filled: db.Database, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    contacts.export(filled, path, columns=["score", "tags", "first_name"])
    table = pl.read_csv(path)
    assert table.columns == ["contact_id", "score", "tags", "first_name"]
    assert table["tags"][0] == "big spender, VIP"


def test_a_column_that_does_not_exist_is_refused(filled: db.Database, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="“shoe_size”"):
        contacts.export(filled, tmp_path / "people.csv", columns=["shoe_size"])


def test_channels_are_those_that_reach_the_person(filled: db.Database, tmp_path: Path) -> None:
    with filled.write() as session:
        session.add(db.Channel(key="sms", name="SMS", kind="twilio_sms", ceiling=1.0))
        session.add(db.Channel(key="=chat", name="=Chat", kind="telegram", ceiling=1.0))
        session.flush()
        row = db.ContactChannel(contact_id=1, channel_id=2, address="77", last_inbound_at=db.now())
        session.add(row)
    path = tmp_path / "people.csv"
    contacts.export(filled, path, columns=["channels", "last_inbound_at"])
    table = pl.read_csv(path)
    assert table["channels"].to_list()[:2] == ["'=Chat, SMS", ""]
    assert table["last_inbound_at"][0].startswith("20")
    with filled.write() as session:
        contacts.opt_out(session, contact_id=1, channel_id=1, source="person")
    contacts.export(filled, path, columns=["channels"])
    assert pl.read_csv(path)["channels"][0] == "'=Chat"


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_batches_make_the_same_file_as_one(
    any_database: db.Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    format: exporting.Format,
) -> None:
    with any_database.write() as session:
        for number in range(11):
            contacts.create(session, first_name=f"n{number}", tags=["a", "b"][: number % 3])
        contacts.delete(session, [4])
    whole, parts, some = (tmp_path / name for name in ("whole", "parts", "some"))
    count = contacts.export(any_database, whole, format=format)
    monkeypatch.setattr(exported, "BATCH", 2)
    monkeypatch.setattr(exported, "FEW", 3)
    assert contacts.export(any_database, parts, format=format) == count
    assert contacts.export(any_database, some, ids=range(1, 50), format=format) == count
    read = pl.read_csv if format == "csv" else pl.read_parquet
    assert read(parts).equals(read(whole))
    assert read(some).equals(read(whole))


def test_a_tag_that_looks_like_a_formula_runs_nothing_and_comes_back(
    any_database: db.Database, tmp_path: Path
) -> None:
    with any_database.write() as session:
        contacts.create(session, first_name="Ana", phone="+573001234567", tags=["=1+1", "@x"])
    for format in ("csv", "xlsx"):
        path = tmp_path / f"people.{format}"
        contacts.export(any_database, path, format=format)
        report = importing.run(any_database, importing.read(path), country="US")
        assert (report.rows, report.unchanged) == (1, 1)
    assert pl.read_csv(tmp_path / "people.csv")["tags"][0] == "'=1+1, @x"


def test_a_header_runs_nothing(tmp_path: Path, database: db.Database) -> None:
    with database.write() as session:
        row = contacts.define_field(session, key="total", label="Total", type="text")
        row.key = "=cmd()"
    for format in ("csv", "xlsx"):
        path = tmp_path / f"people.{format}"
        contacts.export(database, path, format=format)
    assert "'=cmd()" in pl.read_csv(tmp_path / "people.csv").columns


def test_an_excel_sheet_that_would_be_cut_is_refused(
    filled: db.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "XLSX_ROWS", 5)
    path = tmp_path / "people.xlsx"
    with pytest.raises(Invalid, match="export as CSV"):
        contacts.export(filled, path, format="xlsx")
    assert contacts.export(filled, path, ids=[1, 2], format="xlsx") == 2
