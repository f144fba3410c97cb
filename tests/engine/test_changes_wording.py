"""What a change did is said in the reader's language: labels, numbers, values and one person."""

from __future__ import annotations

import pytest

from engine import db, language
from engine.contacts import bulk, changes, contacts, wording


def listed(kind: str, people: int, **about: object) -> changes.Listed:
    return changes.Listed(id=1, kind=kind, about=about, people=people, at=db.now(), undone_at=None)


@pytest.fixture
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue that marks what went through it."""
    monkeypatch.setattr(wording, "translator", lambda code: lambda text: text and f"¡{text}!")


def test_numbers_are_written_as_the_language_does():
    assert changes.sentence(listed("delete", 12_345), "en") == "Deleted 12,345 contacts"
    locale = {"en": "1,234.5", "es": "1,234.5"}  # es-419 writes numbers as Mexico does
    for code, shown in locale.items():
        about = {"key": "spent", "label": "Gasto", "of_type": "number", "value": 1234.5}
        assert f"“{shown}”" in changes.sentence(listed("set_field", 2, **about), code)


def test_labels_of_ours_are_translated_and_those_of_people_are_not(spanish: None):
    built_in = listed("clear_field", 2, key="first_name", label="First name")
    assert "¡First name!" in changes.sentence(built_in, "es")
    custom = listed("clear_field", 2, key="city", label="City")
    assert "¡City!" not in changes.sentence(custom, "es")
    typed = listed("field_type", 2, label="City", type="Yes or no")
    assert "¡Yes or no!" in changes.sentence(typed, "es")
    assert "“¡yes!”" in changes.sentence(
        listed("set_field", 2, key="vip", label="VIP", of_type="yes_no", value=True), "es"
    )


def test_dates_are_written_out():
    about = {"key": "born", "label": "Born", "of_type": "date", "value": "2026-03-01"}
    assert "“Mar 1, 2026”" in changes.sentence(listed("set_field", 2, **about), "en")
    assert "“1 mar 2026”" in changes.sentence(listed("set_field", 2, **about), "es")
    odd = listed("set_field", 2, **(about | {"value": "no day"}))
    assert "“no day”" in changes.sentence(odd, "en")


def test_one_person_is_not_people():
    for kind, text in wording.KINDS.items():
        if "{people}" in text and kind != "merge":
            assert "1 contacts" not in changes.sentence(listed(kind, 1), "en"), kind
    assert set(wording.NAMED) <= set(wording.ONE) <= set(wording.KINDS)


def test_a_bulk_action_keeps_what_its_sentence_needs(any_database: db.Database):
    with any_database.write() as session:
        contacts.define_field(session, key="ok", label="Agreed", type="yes_no")
        ids = [contacts.create(session, first_name=name).id for name in ("Ana", "Luz")]
    bulk.set_field(any_database, ids, "ok", "yes")
    bulk.set_field(any_database, ids, "language", "es")
    with any_database.read() as session:
        last, before, *_ = changes.listing(session)
    assert changes.sentence(last, "en") == "Set Language to “es” for 2 contacts"
    assert changes.sentence(before, "en") == "Set Agreed to “yes” for 2 contacts"
    assert changes.sentence(last, "es").count(language.translator("es")("Language"))
