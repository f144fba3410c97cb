"""What each column of a contact file means, guessed from its name first and its cells second."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import polars as pl
from sqlalchemy.orm import Session

from engine.contacts import attributes, cldr
from engine.errors import Invalid
from engine.importing import inference
from engine.importing.sheet import Sheet
from engine.language import N_

TARGETS = {
    "contact.first_name": N_("First name"),
    "contact.last_name": N_("Last name"),
    "contact.name": N_("Full name"),
    "contact.phone": N_("Phone"),
    "contact.email": N_("Email"),
    "contact.language": N_("Language"),
    "contact.country": N_("Country"),
    "contact.timezone": N_("Time zone"),
    "contact.external_id": N_("External ID"),
    "contact.id": N_("Contact number in this workspace"),
    "tags": N_("Tags"),
    "ignore": N_("Do not import"),
}
"""Where a column can go, besides "field.<key>"; "field.<key>:<type>" says the type of a new one."""

_NAMES = {
    "contact.first_name": "first name|first|firstname|fname|given name|forename|nombres"
    "|primer nombre|nombre de pila|nombre s|prenom|nome proprio",
    "contact.last_name": "last name|last|lastname|lname|surname|family name|apellido|apellidos"
    "|primer apellido|apellido paterno|apellido s|sobrenome",
    "contact.name": "full name|fullname|name|nombre|nome|nombre completo|nombre y apellido"
    "|nombre y apellidos|nombres y apellidos|apellidos y nombres|apellido y nombre|nome completo"
    "|contact name|contact|contacto|nombre del contacto|customer|customer name|client"
    "|client name|cliente|nombre del cliente|nombre cliente|display name|razon social",
    "contact.phone": "mobile|mobile phone|mobile number|mobile no|cell|cell phone|cellphone|celular"
    "|cel|movil|telefono movil|telefono celular|numero celular|numero de celular|numero movil"
    "|no celular|whatsapp|whatsapp number|numero de whatsapp|numero whatsapp|telefono whatsapp"
    "|phone|phone number|phone no|phonenumber|phone 1|telephone|telephone number|tel|tlf|tfno"
    "|telefono|telefonos|telefono 1|numero de telefono|numero telefono|numero telefonico"
    "|no telefono|telefone|msisdn|contact number|numero de contacto|telefono de contacto|e164",
    "contact.email": "email|e mail|mail|email address|e mail address|correo|correos"
    "|correo electronico|correo e|direccion de correo|direccion de correo electronico"
    "|direccion de email|email 1|correo 1",
    "contact.language": "language|lang|preferred language|locale|idioma|idioma preferido|lengua"
    "|lenguaje|codigo de idioma",
    "contact.country": "country|country code|country name|nation|pais|codigo de pais|codigo pais"
    "|pais de residencia",
    "contact.timezone": "timezone|time zone|tz|zona horaria|huso horario",
    "contact.external_id": "external id|externalid|id externo|identificador externo|id|customer id"
    "|client id|user id|crm id|id cliente|id de cliente|id del cliente|codigo cliente"
    "|codigo de cliente|codigo del cliente|numero de cliente|id usuario|id de usuario",
    "contact.id": "contact id|contacto id",
    "tags": "tags|tag|etiquetas|etiqueta|labels|tag list|tags list|lista de etiquetas",
    "field.birthday": "birthday|birthdate|birth date|date of birth|dob|bday|fecha de nacimiento"
    "|fecha nacimiento|fec nacimiento|fecha nac|fec nac|f nacimiento|nacimiento|cumpleanos"
    "|fecha de cumpleanos|data de nascimento|aniversario",
}
_KNOWN = {
    name: (target, rank)
    for target, names in _NAMES.items()
    for rank, name in enumerate(names.split("|"))
}
"""Plain header → (target, how good a match: of two columns for one target the lower wins)."""

OURS = ("import_line", "import_problem")
"""Columns that our own file of problems has besides the ones of the file."""

BIRTHDAY = "field.birthday"
"""A custom field of every workspace that imports one, whatever the file calls it."""


def guess(sheet: Sheet, session: Session | None = None) -> dict[str, str]:
    """Column → target for every column. With a session, custom fields there are recognised.

    A column without a cell is ignored, an unknown one becomes a custom field. A full name beside
    first and last names is used for the people who have neither.
    """
    existing = _existing(session)
    chosen = {
        name: "ignore" for name in sheet.columns if name in OURS or _is_empty(sheet.cells(name))
    }
    chosen |= _by_name(sheet, [name for name in sheet.columns if name not in chosen], existing)
    _by_cells(sheet, chosen)
    _settle_names(chosen)
    if "contact.id" in chosen.values() and "created_at" in sheet.columns:
        chosen["created_at"] = "ignore"
    keys = {target.removeprefix("field.") for target in chosen.values()}
    for name in sheet.columns:
        if name not in chosen:
            key = _unused(_own(name, existing), keys)
            keys.add(key)
            chosen[name] = f"field.{key}"
    return {name: chosen[name] for name in sheet.columns}


def _by_name(sheet: Sheet, names: Iterable[str], existing: Mapping[str, str]) -> dict[str, str]:
    """Columns whose header is known; of two for one target the better match."""
    taken: dict[str, tuple[int, str]] = {}
    for name in names:
        target, rank = _KNOWN.get(_words(name)) or _KNOWN.get(_words(name.lower())) or ("", 0)
        own_field = target.startswith("field.") and _own(name, existing) in existing.values()
        if not target or own_field or (_words(name) == "id" and _is_counter(sheet.cells(name))):
            continue
        if target not in taken or rank < taken[target][0]:
            taken[target] = (rank, name)
    return {name: target for target, (_, name) in taken.items()}


def _is_counter(cells: pl.Series) -> bool:
    """Row numbers: another file counts its own people with the same ones."""
    numbers = cells.drop_nulls().cast(pl.Int64, strict=False)
    return numbers.null_count() == 0 and not (numbers > 2 * len(cells)).any()


def types(sheet: Sheet, mapping: Mapping[str, str], *, country: str) -> dict[str, str]:
    """Column → inferred type, for the columns that go to custom fields."""
    found: dict[str, str] = {}
    for name, target in mapping.items():
        if target.startswith("field."):
            dates = 0.5 if target == BIRTHDAY else 0.95
            type = target.partition(":")[2]
            cells = sheet.cells(name)
            found[name] = type or inference.infer(name, cells, country=country, dates=dates)
    return found


def check(sheet: Sheet, mapping: Mapping[str, str]) -> None:
    """Raises Invalid for a column or a target that does not exist, and a target chosen twice."""
    used: dict[str, str] = {}
    for name, target in mapping.items():
        if name not in sheet.columns:
            raise Invalid("import.no_column", "The file has no column “{column}”.", column=name)
        base, _, type = target.partition(":")
        if not (target in TARGETS or _is_field(base, type)):
            raise Invalid(
                "import.bad_target",
                "The column “{column}” cannot go to “{target}”.",
                column=name,
                target=target,
            )
        if base in used and base not in ("ignore", "tags"):
            raise Invalid(
                "import.target_twice",
                "The columns “{first}” and “{second}” cannot both go to “{target}”.",
                first=used[base],
                second=name,
                target=base,
            )
        used[base] = name


def _is_field(target: str, type: str) -> bool:
    key = target.removeprefix("field.")
    named = target.startswith("field.") and re.fullmatch(r"[a-z][a-z0-9_]{0,62}", key)
    return bool(named) and key not in attributes.RESERVED and type in ("", *attributes.TYPES)


def _words(header: str) -> str:
    """ "E-mail_Address (work)" → "e mail address work"; firstName → "first name"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return " ".join(re.findall(r"[a-z0-9]+", cldr.plain(spaced)))


def _is_empty(cells: pl.Series) -> bool:
    return len(cells) > 0 and cells.null_count() == len(cells)


def _by_cells(sheet: Sheet, chosen: dict[str, str]) -> None:
    """No column named like an email or a phone: one whose cells are."""
    for target, pattern in (
        ("contact.email", r"^[^\s@]+@[^\s@]+\.\w+$"),
        ("contact.phone", r"^\+\d[\d\s().\-]{6,18}$"),
    ):
        if target in chosen.values():
            continue
        for name in sheet.columns:
            sample = sheet.cells(name).drop_nulls().head(200)
            if name not in chosen and len(sample) and sample.str.contains(pattern).mean() > 0.8:  # type: ignore[operator]
                chosen[name] = target
                break


def _settle_names(chosen: dict[str, str]) -> None:
    """ "Nombre" beside "Apellidos" is the first name; alone it is the full one."""
    targets = {target: name for name, target in chosen.items()}
    full = targets.get("contact.name")
    lacks_first = "contact.last_name" in targets and "contact.first_name" not in targets
    if full and lacks_first and _words(full) in ("name", "nombre", "nome"):
        chosen[full] = "contact.first_name"


def _existing(session: Session | None) -> dict[str, str]:
    """Plain label or key → key of the custom fields there are."""
    rows = attributes.listing(session) if session else []
    return {cldr.plain(row.label): row.key for row in rows} | {r.key: r.key for r in rows}


def _own(name: str, existing: Mapping[str, str]) -> str:
    """The key of the custom field a column is named like, else the one it suggests."""
    key = attributes.key_for(name)
    return existing.get(cldr.plain(name)) or existing.get(key) or key


def _unused(key: str, keys: set[str]) -> str:
    count, name = 1, key
    while name in keys:
        count += 1
        name = f"{key}_{count}"
    return name
