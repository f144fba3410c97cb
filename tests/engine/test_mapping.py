"""What the columns of a file mean."""

import pytest

from engine import db
from engine.contacts import contacts
from engine.errors import Invalid
from engine.importing import mapping, sheet


def guess(header: str, *rows: str) -> dict[str, str]:
    return mapping.guess(sheet.read("\n".join([header, *rows]).encode()))


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("First Name", "contact.first_name"),
        ("firstName", "contact.first_name"),
        ("Nombres", "contact.first_name"),
        ("LAST_NAME", "contact.last_name"),
        ("Apellidos", "contact.last_name"),
        ("Full name", "contact.name"),
        ("Nombre y Apellidos", "contact.name"),
        ("Nombre", "contact.name"),
        ("phone", "contact.phone"),
        ("Teléfono", "contact.phone"),
        ("N. Celular", "field.n_celular"),
        ("Número de celular", "contact.phone"),
        ("Móvil", "contact.phone"),
        ("WhatsApp", "contact.phone"),
        ("E-mail", "contact.email"),
        ("Correo Electrónico", "contact.email"),
        ("Birthday", "field.birthday"),
        ("Fecha de nacimiento", "field.birthday"),
        ("Cumpleaños", "field.birthday"),
        ("Etiquetas", "tags"),
        ("Tags", "tags"),
        ("Idioma", "contact.language"),
        ("País", "contact.country"),
        ("Zona horaria", "contact.timezone"),
        ("External ID", "contact.external_id"),
        ("contact_id", "contact.id"),
        ("Ciudad", "field.ciudad"),
        ("2024 (€)", "field.field_2024"),
        ("名前", "field.field"),
    ],
)
def test_headers_in_english_and_spanish_are_known(header: str, target: str) -> None:
    assert guess(header, "x")[header] == target


def test_a_name_beside_a_last_name_is_the_first_name() -> None:
    assert guess("Nombre,Apellido")["Nombre"] == "contact.first_name"
    assert guess("Nombres,Apellido,Nombre completo") == {
        "Nombres": "contact.first_name",
        "Apellido": "contact.last_name",
        "Nombre completo": "contact.name",
    }


def test_of_two_phones_the_mobile_one_is_the_address() -> None:
    assert guess("Teléfono,Celular,Phone (2)") == {
        "Teléfono": "field.telefono",
        "Celular": "contact.phone",
        "Phone (2)": "field.phone_2",
    }


def test_cells_tell_what_a_strange_header_does_not() -> None:
    found = guess("A,B,C", "x,ana@x.co,+57 300 123 4567", "y,luz@x.co,+57 300 123 4568")
    assert found == {"A": "field.a", "B": "contact.email", "C": "contact.phone"}


def test_row_numbers_are_no_ids_but_codes_are() -> None:
    assert guess("id,name", "1,a", "2,b", "3,c")["id"] == "field.id_field"
    assert guess("id,name", "C-001,a", "C-002,b")["id"] == "contact.external_id"
    assert guess("id,name", "90871,a", "91022,b")["id"] == "contact.external_id"


def test_columns_without_a_cell_are_ignored() -> None:
    assert guess("name,fax", "Ana,", "Luz,")["fax"] == "ignore"


def test_custom_fields_that_exist_are_recognised_by_key_or_label(database: db.Database) -> None:
    with database.write() as session:
        contacts.define_field(session, key="town", label="Ciudad", type="text")
        contacts.define_field(session, key="fecha_de_nacimiento", label="Nacida", type="date")
        read = sheet.read(b"ciudad,TOWN,Fecha de nacimiento\nLima,x,2000-01-01\n")
        assert mapping.guess(read, session) == {
            "ciudad": "field.town",
            "TOWN": "field.town_2",
            "Fecha de nacimiento": "field.fecha_de_nacimiento",
        }


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({"nope": "tags"}, "import.no_column"),
        ({"a": "contact.shoe"}, "import.bad_target"),
        ({"a": "field.Bad Key"}, "import.bad_target"),
        ({"a": "field.phone"}, "import.bad_target"),
        ({"a": "field.x:colour"}, "import.bad_target"),
        ({"a": "contact.phone", "b": "contact.phone"}, "import.target_twice"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(chosen: dict[str, str], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        mapping.check(sheet.read(b"a,b\n1,2\n"), chosen)
    assert refused.value.code == code
