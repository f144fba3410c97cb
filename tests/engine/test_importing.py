"""People from files into the workspace: who is created, changed, recognised, left out and why."""

import os
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine import accounts, db
from engine.contacts import contacts
from engine.errors import Invalid
from engine.importing import importing

LEGISLATORS = Path(__file__).parents[2].parent / "shared" / "data" / "legislators-current.csv"


def load(database: db.Database, text: str, **options: object) -> importing.Report:
    options = {"country": "CO", **options}
    report = importing.run(database, importing.read(text.encode()), **options)
    counts = (report.created, report.updated, report.unchanged, report.merged, report.skipped)
    assert sum(counts) == report.rows
    return report


def people(database: db.Database) -> list[db.Contact]:
    with database.read() as session:
        return list(session.scalars(sa.select(db.Contact).order_by(db.Contact.id)))


def notes(report: importing.Report) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.column, problem.error.code) for problem in report.problems]


def test_the_real_file_of_legislators_imports_whole(any_database: db.Database) -> None:
    if not LEGISLATORS.exists():
        missing = f"The real contact file is not beside this clone: {LEGISLATORS.name}."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    sheet = importing.read(LEGISLATORS)
    report = importing.run(any_database, sheet, country="US", tags=["Congress"])
    assert (report.rows, report.created, report.problems) == (537, 537, ())
    found = people(any_database)
    assert len(found) == 537
    assert sum(person.phone is not None for person in found) == 536
    assert all(person.phone.startswith("+1202") for person in found if person.phone)
    first = found[0]
    assert (first.first_name, first.last_name, first.phone) == ("Maria", "Cantwell", "+12022243441")
    assert first.fields["birthday"] == "1958-10-13"
    with any_database.read() as session:
        fields = {row.key: row for row in contacts.fields(session)}
        tagged = session.scalar(sa.select(sa.func.count()).select_from(db.ContactTag))
    assert tagged == 537
    assert fields["birthday"].type == "date"
    assert fields["state"].type == fields["party"].type == "choice"
    assert fields["party"].options == ["Democrat", "Independent", "Republican"]
    assert fields["district"].type == "number"
    assert {fields[key].type for key in ("url", "bioguide_id", "govtrack_id", "twitter")} == {
        "text"
    }
    again = importing.run(any_database, sheet, country="US", tags=["Congress"])
    assert (again.unchanged, again.problems) == (537, ())
    assert len(people(any_database)) == 537


def test_one_rows_problem_never_stops_the_others(any_database: db.Database) -> None:
    report = load(
        any_database,
        "nombre,celular,correo,país,edad,fecha de nacimiento\n"
        "Ana Paz,0034 600-11-12-22,Ana@X.co,España,30,1990-02-28\n"
        "Luz Gil,12,luz@x.co,Perú,31,1991-02-28\n"
        "Eva Sol,600 11 12 23,not an email,ES,32,1992-02-29\n"
        "Leo Mar,300 123 4567,,Atlantis,33,29/02/1993\n"
        ",,,,,\n"
        ",,,CO,20,\n"
        "Pía Cruz,n/a,-,,,\n",
    )
    assert (report.created, report.skipped) == (5, 1)
    assert notes(report) == [
        (3, "celular", "contact.phone"),
        (4, "correo", "contact.email"),
        (5, "país", "contact.country"),
        (5, "fecha de nacimiento", "field.bad_value"),
        (7, "", "import.nobody"),
    ]
    assert [(p.first_name, p.phone, p.email, p.country) for p in people(any_database)] == [
        ("Ana", "+34600111222", "ana@x.co", "ES"),
        ("Luz", None, "luz@x.co", "PE"),
        ("Eva", "+34600111223", None, "ES"),
        ("Leo", "+573001234567", None, None),
        ("Pía", None, None, None),
    ]
    assert [p.fields for p in people(any_database)][3:] == [{"edad": 33}, {}]


def test_two_rows_of_one_person_become_one(any_database: db.Database) -> None:
    report = load(
        any_database,
        "name,phone,email,external id,city\n"
        "Ana,300 123 4567,,,Lima\n"
        "Luz,,luz@x.co,,Quito\n"
        "Eva,,,E-1,Cali\n"
        "Ana Paz,+57 300-123-4567,ana@x.co,A-1,\n"
        "Luz Gil,300 123 4568,LUZ@x.co,,\n"
        "Eva Sol,300 123 4569,,E-1,Bogotá\n",
    )
    assert (report.created, report.merged) == (3, 3)
    assert [sentence for *_, sentence in report.problems] == [
        "The same person as on line 2.",
        "The same person as on line 3.",
        "The same person as on line 4.",
    ]
    assert [
        (p.first_name, p.last_name, p.phone, p.email, p.external_id, p.fields["city"])
        for p in people(any_database)
    ] == [
        ("Ana", "Paz", "+573001234567", "ana@x.co", "A-1", "Lima"),
        ("Luz", "Gil", "+573001234568", "luz@x.co", None, "Quito"),
        ("Eva", "Sol", "+573001234569", None, "E-1", "Bogotá"),
    ]


def test_a_family_that_shares_an_email_stays_apart(any_database: db.Database) -> None:
    text = "name,phone,email\nAna,300 123 4567,home@x.co\nLeo,300 123 4568,home@x.co\n"
    assert load(any_database, text).created == 2
    assert load(any_database, text).unchanged == 2
    assert {p.phone for p in people(any_database)} == {"+573001234567", "+573001234568"}


def test_namesakes_without_a_phone_are_as_many_after_a_second_import(
    any_database: db.Database,
) -> None:
    text = "name,city\nAna Paz,Lima\nAna Paz,Quito\nLuz Gil,Cali\n"
    assert load(any_database, text).created == 3
    assert load(any_database, text).unchanged == 3
    assert [p.fields["city"] for p in people(any_database)] == ["Lima", "Quito", "Cali"]


def test_modes_add_and_update_leave_the_others_alone(any_database: db.Database) -> None:
    load(any_database, "name,phone,city\nAna,300 123 4567,Lima\n")
    text = "name,phone,city\nAna,300 123 4567,Cali\nLuz,300 123 4568,Cali\n"
    added = load(any_database, text, mode="add")
    assert (added.created, added.skipped, notes(added)) == (
        1,
        1,
        [(2, "", "import.known_person")],
    )
    assert people(any_database)[0].fields["city"] == "Lima"
    text += "Eva,300 123 4569,Cali\n"
    updated = load(any_database, text, mode="update")
    assert (updated.updated, updated.unchanged, updated.skipped) == (1, 1, 1)
    assert notes(updated) == [(4, "", "import.unknown_person")]
    assert [p.fields["city"] for p in people(any_database)] == ["Cali", "Cali"]


def test_an_empty_cell_erases_nothing_and_nothing_new_changes_nothing(
    any_database: db.Database,
) -> None:
    load(any_database, "name,phone,city\nAna Paz,300 123 4567,Lima\n")
    before = people(any_database)[0]
    report = load(any_database, "name,phone,city\n,300 123 4567,\n")
    assert report.unchanged == 1
    after = people(any_database)[0]
    assert (after.first_name, after.fields) == ("Ana", {"city": "Lima"})
    assert after.updated_at == before.updated_at
    load(any_database, "phone,city\n300 123 4567,Cali\n")
    assert people(any_database)[0].updated_at > before.updated_at


def test_tags_of_the_row_and_of_the_import_are_added(any_database: db.Database) -> None:
    text = (
        'name,phone,etiquetas\nAna,300 123 4567,"VIP, New"\nLuz,300 123 4568,vip;  big  spender\n'
    )
    load(any_database, text, tags=["March"])
    again = load(any_database, text, tags=["March", "april"])
    assert (again.updated, again.unchanged) == (2, 0)
    with any_database.read() as session:
        names = [list(contacts.tags_of(session, p.id).values()) for p in people(any_database)]
        assert [tag.name for tag in contacts.tags(session)] == [
            "april",
            "big spender",
            "March",
            "New",
            "VIP",
        ]
    assert names == [["april", "March", "New", "VIP"], ["april", "big spender", "March", "VIP"]]
    assert load(any_database, text).unchanged == 2


def test_a_contact_number_counts_only_when_something_else_agrees(
    any_database: db.Database,
) -> None:
    load(any_database, "name,phone\nAna Paz,300 123 4567\nLuz Gil,300 123 4568\n")
    ana, luz = people(any_database)
    report = load(
        any_database,
        "contact_id,name,phone\n"
        f"{ana.id},Ana Paz,300 999 0000\n"
        f"{luz.id},Somebody Else,300 999 0001\n"
        "x,Eva Sol,\n",
    )
    assert (report.updated, report.created) == (1, 2)
    assert notes(report) == [(4, "contact_id", "import.bad_id")]
    assert [(p.first_name, p.phone) for p in people(any_database)] == [
        ("Ana", "+573009990000"),
        ("Luz", "+573001234568"),
        ("Somebody", "+573009990001"),
        ("Eva", None),
    ]


def test_a_phone_or_id_of_somebody_else_is_not_taken(any_database: db.Database) -> None:
    load(any_database, "name,phone,external id\nAna,300 123 4567,A\nLuz,300 123 4568,B\n")
    report = load(any_database, "name,phone,external id\nAnita,300 123 4567,B\n")
    assert report.updated == 1
    assert notes(report) == [(2, "external_id", "import.taken")]
    assert [(p.first_name, p.external_id) for p in people(any_database)] == [
        ("Anita", "A"),
        ("Luz", "B"),
    ]


def test_a_phone_that_passes_from_one_person_to_another_arrives(any_database: db.Database) -> None:
    load(any_database, "name,phone\nAna Paz,300 123 4567\nLuz Gil,300 123 4568\n")
    ana, luz = people(any_database)
    report = load(
        any_database,
        "contact_id,name,phone,city\n"
        f"{ana.id},Ana Paz,,Lima\n"
        f"{luz.id},Luz Gil,300 999 0000,Lima\n"
        f"{ana.id},Ana Paz,300 123 4568,Lima\n",
    )
    assert (report.updated, report.merged) == (2, 1)
    assert [p.phone for p in people(any_database)] == ["+573001234568", "+573009990000"]


def test_a_changed_phone_keeps_the_opt_out(any_database: db.Database) -> None:
    load(any_database, "name,phone,external id\nAna,300 123 4567,A\n")
    with any_database.write() as session:
        channel = accounts.add(
            session,
            any_database.settings,
            kind="twilio_sms",
            name="SMS",
            values={"account_sid": "AC1", "auth_token": "t", "sender": "+15005550006"},
        )
        who = people(any_database)[0].id
        contacts.opt_out(session, contact_id=who, channel_id=channel.id, source="person")
    load(any_database, "name,phone,external id\nAna,300 999 0000,A\n")
    with any_database.read() as session:
        row = session.scalars(sa.select(db.ContactChannel)).one()
    assert row.address == "+573009990000"
    assert row.opted_out_at is not None


def test_columns_become_fields_and_existing_fields_keep_their_type(
    any_database: db.Database,
) -> None:
    with any_database.write() as session:
        contacts.define_field(session, key="size", label="Size", type="choice", options=["M"])
        contacts.define_field(session, key="since", label="Cliente desde", type="date")
    report = load(
        any_database,
        "name,size,cliente desde,Puntos de fidelidad,Ingreso (US$)\n"
        'Ana,m,03/02/2020,10,"1.234,50"\nLuz,XL,25/02/2020,x,7\n',
    )
    assert report.fields_created == {"puntos_de_fidelidad": "text", "ingreso_us": "number"}
    with any_database.read() as session:
        fields = {row.key: row for row in contacts.fields(session)}
    assert fields["size"].options == ["M", "XL"]
    assert fields["puntos_de_fidelidad"].label == "Puntos de fidelidad"
    assert [p.fields for p in people(any_database)] == [
        {"size": "M", "since": "2020-02-03", "puntos_de_fidelidad": "10", "ingreso_us": 1234.5},
        {"size": "XL", "since": "2020-02-25", "puntos_de_fidelidad": "x", "ingreso_us": 7},
    ]


def test_a_mapping_decides_and_can_say_a_types_name(any_database: db.Database) -> None:
    sheet = importing.read(b"a,b,c,d\nAna,300 123 4567,12,x\n")
    mapping = {"a": "contact.first_name", "b": "contact.phone", "c": "field.code:text"}
    report = importing.run(any_database, sheet, mapping, country="CO")
    assert report.fields_created == {"code": "text"}
    [ana] = people(any_database)
    assert (ana.first_name, ana.phone, ana.fields) == ("Ana", "+573001234567", {"code": "12"})


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"mode": "replace"}, "import.bad_mode"),
        ({"country": "Atlantis"}, "contact.country"),
        ({"tags": ["a,b"]}, "tag.bad_name"),
        ({"mapping": {"name": "contact.shoe"}}, "import.bad_target"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_written(
    any_database: db.Database, options: dict[str, object], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        load(any_database, "name,city\nAna,Lima\n", **options)
    assert refused.value.code == code
    assert people(any_database) == []
    with any_database.read() as session:
        assert contacts.fields(session) == []


def test_hostile_texts_are_kept_as_texts(any_database: db.Database) -> None:
    nasty = "Robert'); DROP TABLE contact;--", "<script>alert(1)</script>", "{{ phone }}", "😀ñ"
    load(any_database, "name,*\n" + "".join(f'"{n}",{n}\n' for n in nasty))
    assert {p.fields["field"] for p in people(any_database)} == set(nasty)


def test_long_cells_are_cut_and_said_so(any_database: db.Database) -> None:
    report = load(any_database, f"name,note\nAna,{'x' * 20_000}\n")
    assert notes(report) == [(2, "note", "import.cut_text")]
    assert len(people(any_database)[0].fields["note"]) == 10_000


def test_a_report_is_plain_json(any_database: db.Database) -> None:
    report = load(any_database, "name,phone\nAna,12\n").to_json()
    assert report["created"] == 1
    assert report["problems"] == [
        {"line": 2, "column": "phone", "problem": "“12” is not a valid phone number."}
    ]


def test_thousands_of_rows_are_written_and_recognised_in_bulk(any_database: db.Database) -> None:
    text = "name,phone,tags\n" + "".join(
        f'P{n} X,+57 300 {n:07},"all, t{n % 7}"\n' for n in range(5001)
    )
    with any_database.read() as session:
        version = session.scalars(sa.select(db.Workspace.contacts_version)).one()
    assert load(any_database, text).created == 5001
    assert load(any_database, text).unchanged == 5001
    changed = text.replace("X,", "Y,")
    assert load(any_database, changed).updated == 5001
    assert {p.last_name for p in people(any_database)} == {"Y"}
    with any_database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(db.ContactTag)) == 10_002
        assert session.scalars(sa.select(db.Workspace.contacts_version)).one() > version


def test_two_imports_of_one_file_at_once_make_each_person_once(any_database: db.Database) -> None:
    text = "name,phone,tags,city\n" + "".join(
        f"P{n},+57 300 {n:07},t{n % 5},Lima\n" for n in range(3000)
    )
    start = threading.Barrier(2)
    reports: list[importing.Report] = []
    wrong: list[Exception] = []

    def work() -> None:
        start.wait()
        try:
            reports.append(load(any_database, text))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must say it
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(people(any_database)) == 3000
    assert sum(report.created for report in reports) == 3000
    assert sum(report.unchanged for report in reports) == 3000
