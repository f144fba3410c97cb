"""Bring the Spanish catalogue up to date: new texts come in, those that are gone go out.

`python locales/update.py`: what is translated stays; what is new has an empty `msgstr` to be
filled in, and tests/test_catalogue.py fails until it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SPANISH = ROOT / "locales" / "es" / "LC_MESSAGES" / "pregon.po"
ROOMS = ("engine", "channels", "pages")
CALLS = {"N_": 0, "_": 0, "t": 0} | dict.fromkeys(
    ("PregonError", "NotFound", "Conflict", "Invalid", "Unavailable"), 1
)
"""What takes a text that people read, and which of its arguments that is."""


def texts() -> Iterator[tuple[str, str]]:
    """(file, text) of every text that people read, where it stands in quotes."""
    for file, argument in arguments():
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield file, argument.value


def arguments() -> Iterator[tuple[str, ast.expr]]:
    """(file, expression) of what is given to the calls above."""
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                place = CALLS.get(node.func.id if isinstance(node.func, ast.Name) else "")
                if place is not None and len(node.args) > place:
                    yield path.relative_to(ROOT).as_posix(), node.args[place]


def read() -> Catalog:
    with SPANISH.open("rb") as file:
        return read_po(file, locale="es")


def update() -> Catalog:
    """The catalogue with exactly the texts of now, sorted by the file they stand in."""
    old = {message.id: message.string for message in read() if message.id}
    new = Catalog(locale="es", project="pregon", charset="utf-8")
    for file, text in sorted(set(texts())):
        new.add(text, old.get(text, ""), locations=[(file, None)])
    return new


HEADER = """\
# Spanish for Pregón, as it is understood everywhere in Latin America.
msgid ""
msgstr ""
"Language: es\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def write(catalogue: Catalog) -> None:
    """Without dates and line numbers: a change of the file is a change of a text."""
    with SPANISH.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, catalogue, width=100, omit_header=True, include_lineno=False)


if __name__ == "__main__":
    made = update()
    write(made)
    empty = [message.id for message in made if message.id and not message.string]
    print(f"{len(made)} texts, {len(empty)} to translate")
    for text in empty:
        print(repr(text))
