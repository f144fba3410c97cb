"""Names of countries, languages and time zones, from CLDR (through babel) and the tz database."""

from __future__ import annotations

import re
import unicodedata
import zoneinfo
from collections.abc import Mapping
from functools import cache

import babel
from babel.core import get_global

from engine.language import LANGUAGES


def plain(text: str) -> str:
    """Case and accents folded: "Perú" → "peru"."""
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in split if not unicodedata.combining(letter))


@cache
def territories() -> dict[str, str]:
    """Plain name or code → ISO 3166 alpha-2, in every language of ours."""
    places = {language: _named(babel.Locale(language).territories) for language in LANGUAGES}
    codes = {code for code in places["en"].values() if re.fullmatch("[A-Z]{2}", code)}
    codes -= {"ZZ", "XA", "XB", "EU", "EZ", "UN", "QO"}
    known = {name: code for names in places.values() for name, code in names.items()}
    known = {name: code for name, code in known.items() if code in codes}
    for alias, targets in get_global("territory_aliases").items():
        if re.fullmatch("[A-Z]{3}", alias) and targets and targets[0] in codes:
            known.setdefault(plain(alias), targets[0])
    known |= {"eeuu": "US", "ee. uu.": "US", "ee.uu.": "US", "england": "GB"}
    known |= {"estados unidos de america": "US", "united states of america": "US"}
    return known | {plain(code): code for code in codes} | {"usa": "US", "uk": "GB"}


@cache
def languages() -> dict[str, str]:
    """Plain name or code → ISO 639 code, in every language of ours and in its own name."""
    known: dict[str, str] = {}
    for language in LANGUAGES:
        known |= _named(babel.Locale(language).languages)
    for code in ("pt", "fr", "it", "de", "ca", "eu", "gl", "qu", "gn"):
        known.setdefault(plain(str(babel.Locale(code).get_language_name(code))), code)
    known = {name: code for name, code in known.items() if re.fullmatch("[a-z]{2,3}", code)}
    known |= {code: code for code in known.values()}
    return known | {"eng": "en", "spa": "es", "por": "pt", "castellano": "es"}


def _named(names: Mapping[str, str | int | None]) -> dict[str, str]:
    """CLDR's code → name turned round."""
    return {plain(str(name)): code for code, name in names.items()}


@cache
def zones() -> Mapping[str, str]:
    return {plain(name): name for name in zoneinfo.available_timezones()}
