"""Files as they come: encodings, delimiters, quotes, workbooks, and what is broken in them."""

import contextlib
import datetime as dt
import io
import os
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Invalid, NotFound, PregonError
from engine.importing import sheet

SPANISH = "Nombre;Teléfono;Ciudad\n" + "".join(
    f"{name};+57 300 {number:07};{city}\n"
    for number, (name, city) in enumerate(
        [("José Muñoz", "Bogotá"), ("Ángel Peña", "Medellín"), ("Iñigo Gómez", "Cúcuta")]
    )
)


def workbook(*rows: list[object], **sheets: list[list[object]]) -> bytes:
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, lines in {"People": list(rows), **sheets}.items():
            page = book.add_worksheet(name)
            for line, cells in enumerate(lines):
                page.write_row(line, 0, cells)
    return written.getvalue()


@pytest.mark.parametrize(
    "encoding",
    [
        *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"),
        *("latin-1", "cp1252", "mac_roman", "cp850"),
    ],
)
def test_spanish_reads_in_any_usual_encoding(encoding: str) -> None:
    read = sheet.read(SPANISH.encode(encoding))
    assert read.columns == ("Nombre", "Teléfono", "Ciudad")
    assert read.rows.row(1) == ("Ángel Peña", "+57 300 0000001", "Medellín")
    assert (read.delimiter, read.problems) == (";", ())


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Имя,Город\nИван,Москва\nМария,Казань\nСергей,Новосибирск\n", "cp1251"),
        ("Имя,Город\nИван,Москва\nМария,Казань\nСергей,Новосибирск\n", "utf-16-le"),
        ("Imię,Miasto\nŁukasz,Łódź\nGrzegorz,Kraków\nŻaneta,Śląsk\n", "cp1250"),
        ("名前,電話\n田中太郎,090\n山田花子,080\nこんにちは,カタカナ\n" * 3, "shift_jis"),
        ("Nome,Cidade\nJoão,São Paulo\nConceição,Brasília\n", "latin-1"),
        ("Nombre,Nota\nAna “la jefa”,€ 5\nJosé,€ 7\n", "cp1252"),
    ],
)
def test_other_languages_read_too(text: str, encoding: str) -> None:
    read = sheet.read(text.encode(encoding))
    assert "\n".join([",".join(read.columns), *map(",".join, read.rows.rows()), ""]) == text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_recognised(delimiter: str, ending: str) -> None:
    lines = ["name", "note", "price"], ["Ana", '"a, b; c"', '"1,5"'], ["Luz", "", '"2,5"']
    read = sheet.read(ending.join(delimiter.join(cells) for cells in lines).encode())
    assert read.delimiter == delimiter
    assert read.rows.rows() == [("Ana", "a, b; c", "1,5"), ("Luz", None, "2,5")]
    assert read.lines.to_list() == [2, 3]


def test_decimal_commas_do_not_hide_the_semicolon() -> None:
    read = sheet.read(b"nombre;precio\nAna;1,5\nLuz;2,5\nEva;3,5\n")
    assert read.columns == ("nombre", "precio")


def test_excels_own_delimiter_line_is_honoured() -> None:
    read = sheet.read(b"sep=|\nname|note\nAna|a,b,c\n")
    assert (read.columns, read.lines.to_list()) == (("name", "note"), [3])


def test_lines_are_counted_as_an_editor_does() -> None:
    read = sheet.read(b'\n\nname,note\nAna,"two\nlines"\n\n,\nLuz,x\n')
    assert read.lines.to_list() == [4, 8]
    assert read.rows.rows() == [("Ana", "two\nlines"), ("Luz", "x")]


def test_column_names_become_unique_and_empty_columns_without_one_go() -> None:
    read = sheet.read(b"name,Name,name,,\nAna,b,c,,d\nLuz,,,,\n")
    assert read.columns == ("name", "Name", "name (2)", "Column 5")


def test_a_column_may_have_any_name() -> None:
    read = sheet.read(b"*,^a.*$,line\n1,2,3\n")
    assert (read.columns, read.rows.row(0)) == (("*", "^a.*$", "line"), ("1", "2", "3"))
    assert [read.cells(name).to_list() for name in read.columns] == [["1"], ["2"], ["3"]]


def test_a_quote_that_is_never_closed_harms_one_line() -> None:
    lines = ["name,note,city", 'Ana,"open,Lima', *(f"P{n},x,Quito" for n in range(5000))]
    read = sheet.read("\n".join(lines).encode())
    assert len(read) == 5001
    assert read.rows.row(0) == ("Ana", "open", "Lima")
    assert [(line, sentence) for line, _, sentence in read.problems] == [
        (2, "A quotation mark is never closed: read as a letter.")
    ]


@pytest.mark.parametrize("cell", ["x" * 5_000_000, '"' + "x" * 5_000_000 + '"'])
def test_a_monstrous_cell_costs_its_line_only(cell: str) -> None:
    read = sheet.read(f"name,note\nAna,1\n{cell},2\nLuz,3\n".encode())
    assert read.rows["name"].to_list() == ["Ana", "Luz"]
    assert read.lines.to_list() == [2, 4]
    assert (read.skipped, [problem.line for problem in read.problems]) == (1, [3])


def test_lines_that_do_not_fit_the_header_are_left_out_and_named() -> None:
    read = sheet.read(b"a,b,c\n1,2,3,4\n1,2\nTotal: 3\n1,2,3,,\n1,2")
    assert read.rows.rows() == [("1", "2", None), ("1", "2", "3"), ("1", "2", None)]
    assert read.skipped == 2
    assert [(problem.line, problem.error.code) for problem in read.problems] == [
        (2, "import.wrong_width"),
        (4, "import.wrong_width"),
        (6, "import.short_end"),
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_a_file_cut_in_a_letter_is_read_up_to_there(encoding: str) -> None:
    data = "name,note\nAna,é\nLuz,ñ".encode(encoding)[:-1]
    read = sheet.read(data)
    assert read.rows["name"].to_list()[0] == "Ana"
    assert [problem.error.code for problem in read.problems][:1] == ["import.cut"]


def test_a_few_wrong_bytes_do_not_change_the_encoding() -> None:
    read = sheet.read(("name,city\n" + "José,Bogotá\n" * 20).encode() + b"Ra\xfal,Lima\n")
    assert read.encoding == "utf-8"
    assert read.rows.row(-1) == ("Ra�l", "Lima")
    assert [problem.error.code for problem in read.problems] == ["import.unreadable_letters"]


def test_a_workbook_is_read_with_its_types_as_text() -> None:
    data = workbook(
        [],
        ["Name", "Phone", "Born", "Member", "Score"],
        ["Ana", 573001234567, dt.date(1958, 10, 13), True, 1.5],
        [],
        ["Luz", "'+57 300", None, None, 2],
    )
    read = sheet.read(data, name="p.xlsx")
    assert read.columns == ("Name", "Phone", "Born", "Member", "Score")
    assert read.rows.row(0) == ("Ana", "573001234567", "1958-10-13 00:00:00", "true", "1.5")
    assert read.rows.row(1) == ("Luz", "+57 300", None, None, "2")
    assert read.lines.to_list() == [3, 5]


def test_the_first_sheet_that_holds_anything_counts() -> None:
    assert len(sheet.read(workbook(Data=[["name"], ["Ana"]]))) == 1


def zipped(**parts: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return data.getvalue()


BOOK = "xl__workbook_dot_xml"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "import.empty"),
        (b"\xef\xbb\xbf\n\n", "import.empty"),
        ("\ufeff".encode("utf-16-le"), "import.empty"),
        (b",,\n,,\n", "import.empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "import.not_a_table"),
        (os.urandom(4000), "import.not_a_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "import.old_excel"),
        (b"ana@example.com,+573001234567\nluz@example.com,1\n", "import.no_header"),
        (b"Ana,1990-01-02\nLuz,1991-01-02\n", "import.no_header"),
        (",".join(f"c{n}" for n in range(600)).encode(), "import.too_wide"),
        (zipped(readme=b"x"), "import.not_a_table"),
        (zipped(**{BOOK: b"<nonsense"}), "import.broken_xlsx"),
        (workbook(["name"], ["Ana"])[:-200], "import.broken_xlsx"),
        (workbook(), "import.empty"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        sheet.read(data)
    assert refused.value.code == code
    assert refused.value.sentence.endswith(".")


def with_size(size: int) -> bytes:
    """A workbook that states another size of its one part than the million bytes it is."""
    data = zipped(**{BOOK: b"0" * 1_000_000})
    truth = (1_000_000).to_bytes(4, "little")
    assert data.count(truth) == 2
    return data.replace(truth, size.to_bytes(4, "little"))


def test_a_zip_bomb_is_refused_before_it_unpacks() -> None:
    with pytest.raises(Invalid) as refused:
        sheet.read(with_size(sheet.MAX_UNPACKED + 1))
    assert refused.value.code == "import.too_big_unpacked"


def test_a_workbook_that_lies_about_its_size_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        sheet.read(with_size(10))
    assert refused.value.code == "import.broken_xlsx"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"people\.csv"):
        sheet.read(tmp_path / "people.csv")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_table_or_a_sentence(data: bytes) -> None:
    with contextlib.suppress(PregonError):
        read = sheet.read(data)
        assert read.rows.width == len(read.columns)
        assert len(read.lines) == len(read)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=8)),
        max_size=6,
    )
)
def test_any_workbook_of_texts_ends_in_a_table_or_a_sentence(rows: list[list[str]]) -> None:
    with contextlib.suppress(PregonError):
        read = sheet.read(workbook(*rows))
        assert len(read.lines) == len(read)
