"""Values as people write them, made into what is stored, or refused with a sentence."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

import phonenumbers

from engine import db
from engine.contacts import cldr
from engine.contacts.cldr import plain
from engine.errors import Invalid
from engine.language import N_

BUILT_IN = {
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "phone": N_("Phone"),
    "email": N_("Email"),
    "language": N_("Language"),
    "country": N_("Country"),
    "timezone": N_("Time zone"),
    "external_id": N_("External ID"),
}
"""Columns of contact that people fill in."""

TYPES = {
    "text": N_("Text"),
    "number": N_("Number"),
    "date": N_("Date"),
    "datetime": N_("Date and time"),
    "yes_no": N_("Yes or no"),
    "choice": N_("Choice"),
}
"""Stored in contact_field.type: never rename a key."""

RESERVED = frozenset(BUILT_IN) | {"id", "contact_id", "name", "tags", "created_at", "updated_at"}
"""Names a custom field cannot take: they are variables or columns already."""

TEXT_MAX = 10_000
"""Longest value kept, in characters."""

_EMAIL = re.compile(r"[^\s@<>,;\"()]+@[^\s@<>,;\"()]+\.[^\s@<>,;\"().]{2,}")
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")
_YES = frozenset({"yes", "y", "true", "t", "1", "on", "si", "s", "verdadero", "v", "x", "✓"})
_NO = frozenset({"no", "n", "false", "f", "0", "off", "falso"})


def tidy(value: object) -> str:
    """One clean text: composed letters, no outer spaces, nothing a database refuses."""
    text = unicodedata.normalize("NFC", _UNWANTED.sub("", str(value))).strip()
    return text[:TEXT_MAX]


def normalise_phone(raw: str, country: str | None) -> str | None:
    """E.164, or None when the number is not valid. `country` reads numbers without a prefix."""
    text = raw.strip().removeprefix("tel:")
    digits = re.sub(r"[\s().\-–/·\u00a0]", "", text)
    if digits.startswith("00") and digits[2:].isdecimal():
        text = "+" + digits[2:]
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def clean_country(raw: str) -> str | None:
    """Two-letter code from a code or a name in a language of ours; None when unknown."""
    text = raw.strip()
    return cldr.territories().get(plain(text)) if text else None


def clean_language(raw: str) -> str | None:
    """Language code ("es", "pt-BR") from a code or a name in a language of ours, or None."""
    text = raw.strip().replace("_", "-")
    code, _, rest = text.partition("-")
    if named := cldr.languages().get(plain(code if rest else text)):
        region = rest.upper() if len(rest) == 2 and rest.isalpha() else ""
        return f"{named}-{region}" if region else named
    return None


def clean_timezone(raw: str) -> str | None:
    """IANA name whatever its case, or None."""
    return cldr.zones().get(plain(raw.strip().replace(" ", "_")))


def clean_email(raw: str) -> str | None:
    """Lower case, or None when it does not look like an address."""
    text = raw.strip().removeprefix("mailto:").casefold()
    return text if _EMAIL.fullmatch(text) and len(text) <= 254 else None


def split_name(name: str) -> tuple[str, str]:
    """(first, last): "Pérez, Ana" or "Ana Pérez"; of four words and more the last two are last."""
    last, comma, first = (part.strip() for part in name.partition(","))
    if comma and last and first and "," not in first:
        return first, last
    words = name.split()
    cut = 1 if len(words) < 4 else len(words) - 2
    return " ".join(words[:cut]), " ".join(words[cut:])


def clean_built_in(name: str, raw: str, *, country: str | None = None) -> str | None:
    """The value as stored, None when empty. Raises Invalid when it cannot be what `name` says."""
    text = tidy(raw)
    if not text:
        return None
    match name:
        case "phone":
            value = normalise_phone(text, country)
        case "email":
            value = clean_email(text)
        case "country":
            value = clean_country(text)
        case "language":
            value = clean_language(text)
        case "timezone":
            value = clean_timezone(text)
        case _:
            return text
    if value is None:
        raise _unusable(name, text)
    return value


def _unusable(name: str, text: str) -> Invalid:
    shown = text if len(text) <= 60 else text[:60] + "…"
    match name:
        case "phone":
            return Invalid("contact.phone", "“{value}” is not a valid phone number.", value=shown)
        case "email":
            return Invalid("contact.email", "“{value}” is not an email address.", value=shown)
        case "country":
            return Invalid("contact.country", "“{value}” is not a country.", value=shown)
        case "language":
            return Invalid("contact.language", "“{value}” is not a language.", value=shown)
    return Invalid("contact.timezone", "“{value}” is not a time zone.", value=shown)


# Custom values


def clean_custom(field: db.ContactField, raw: object) -> str | int | float | bool | None:
    """The value as stored in contact.fields, None when empty.

    date is "YYYY-MM-DD", datetime ISO in UTC. Raises Invalid when it cannot be of that type.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    value = _typed(field.type, raw)
    if value is None:
        raise unfit(field, tidy(raw))
    if field.type == "choice" and field.options and value not in field.options:
        raise Invalid(
            "field.not_an_option",
            "“{value}” is not one of the choices of “{label}”.",
            value=str(value)[:60],
            label=field.label,
        )
    return value


def unfit(field: db.ContactField, text: str) -> Invalid:
    return Invalid(
        "field.bad_value",
        "“{value}” does not fit the field “{label}” ({type}).",
        value=text[:60],
        label=field.label,
        type=field.type,
    )


def _typed(type: str, raw: object) -> str | int | float | bool | None:
    match type:
        case "number":
            return raw if _is_number(raw) else read_number(tidy(raw))  # type: ignore[return-value]
        case "yes_no":
            return raw if isinstance(raw, bool) else read_yes_no(tidy(raw))
        case "date":
            if isinstance(raw, dt.date):
                return (raw.date() if isinstance(raw, dt.datetime) else raw).isoformat()
            return read_date(tidy(raw))
        case "datetime":
            return _moment(raw)
    return tidy(raw)


def _is_number(raw: object) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool) and abs(raw) < float("inf")


def read_number(text: str) -> int | float | None:
    """A finite number written with a point and no thousands mark."""
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", text, re.ASCII):
        return None
    if re.fullmatch(r"[+-]?\d{1,15}", text):
        return int(text)
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def read_yes_no(text: str) -> bool | None:
    word = plain(text)
    return True if word in _YES else False if word in _NO else None


def read_date(text: str) -> str | None:
    """ISO dates only, a time after it passed over."""
    try:
        return dt.date.fromisoformat(text[:10]).isoformat() if len(text) >= 10 else None
    except ValueError:
        return None


def _moment(raw: object) -> str | None:
    try:
        value = raw if isinstance(raw, dt.datetime) else dt.datetime.fromisoformat(tidy(raw))
    except ValueError:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return aware.astimezone(dt.UTC).isoformat()
