"""Sentences in English and Spanish: gettext catalogues read from `locales/`, none global."""

from __future__ import annotations

import gettext
import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from engine.errors import PregonError

LANGUAGES = {"en": "English", "es": "Español"}
LOCALES = Path(__file__).resolve().parent.parent / "locales"

Translate = Callable[[str], str]


def N_(text: str) -> str:
    """Mark a text for the catalogues where it is defined; it is translated where it is shown."""
    return text


@lru_cache
def translator(language: str) -> Translate:
    """The function that turns an English text into `language`; unknown languages get English."""
    path = LOCALES / language / "LC_MESSAGES" / "pregon.po"
    if language == "en" or not path.exists():
        return N_
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    catalogue = gettext.GNUTranslations(compiled)
    return lambda text: catalogue.gettext(text) if text else ""


def sentence(error: PregonError, language: str) -> str:
    """The error's sentence in `language`, with those it quotes."""
    details = {
        name: sentence(value, language) if isinstance(value, PregonError) else value
        for name, value in error.details.items()
    }
    return translator(language)(error.template).format(**details)
