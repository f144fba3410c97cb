"""People pinned in tests of segments: a merge takes the pin along, a deletion leaves the name."""

from __future__ import annotations

from engine import db
from engine.contacts import changes, contacts, duplicates
from engine.segments import expectations, segment


def made(database: db.Database, **pinned: list[int]) -> tuple[int, list[int]]:
    """A segment of everybody with its tests, and the ids of three people; `pinned` by place."""
    with database.write() as session:
        people = (("Ana", "Ruiz"), ("Anita", "Ruiz"), ("Luz", "Paz"))
        ids = [contacts.create(session, first_name=f, last_name=n).id for f, n in people]
        row = segment.create(session, name="Everybody")
        places = {side: [ids[place] for place in places] for side, places in pinned.items()}
        expectations.put(session, row.id, least=1, **places)
        return row.id, ids


def pins(database: db.Database, id: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    with database.read() as session:
        found = expectations.get(session, id)
    return found.inside, found.outside


def merged(database: db.Database, ids: list[int], keep: int) -> int:
    with database.write() as session:
        return duplicates.merge(session, ids, keep).id


def test_a_pin_follows_to_who_stays_and_goes_back_when_they_are_split(any_database: db.Database):
    id, (ana, anita, luz) = made(any_database, inside=[1, 2])
    change = merged(any_database, [ana, anita], ana)
    assert pins(any_database, id) == ((ana, luz), ())
    assert all(verdict.ok for verdict in expectations.run(any_database, id))
    assert changes.undo(any_database, change).kept == 0
    assert pins(any_database, id) == ((anita, luz), ())


def test_a_pin_of_both_stays_one_and_is_two_again(any_database: db.Database):
    id, (ana, anita, _) = made(any_database, inside=[0, 1])
    change = merged(any_database, [ana, anita], anita)
    assert pins(any_database, id) == ((anita,), ())
    changes.undo(any_database, change)
    assert pins(any_database, id) == ((ana, anita), ())


def test_who_is_pinned_in_and_out_is_left_for_somebody_to_decide(any_database: db.Database):
    id, (ana, anita, _) = made(any_database, inside=[0], outside=[1])
    merged(any_database, [ana, anita], ana)
    assert pins(any_database, id) == ((ana,), (anita,))
    assert [verdict.deleted for verdict in expectations.run(any_database, id)][:2] == [False, True]


def test_tests_that_were_changed_since_stay_as_they_are(any_database: db.Database):
    id, (ana, anita, luz) = made(any_database, inside=[1])
    change = merged(any_database, [ana, anita], ana)
    with any_database.write() as session:
        expectations.put(session, id, inside=[ana, luz])
    undone = changes.undo(any_database, change)
    assert [(kept.contact_id, kept.key) for kept in undone.some_kept] == [(ana, "pin")]
    assert pins(any_database, id) == ((ana, luz), ())


def test_who_was_deleted_is_named_as_long_as_the_change_is_kept(any_database: db.Database):
    id, (_, _, luz) = made(any_database, inside=[2])
    with any_database.write() as session:
        change = contacts.delete(session, [luz]).id
    verdict = expectations.run(any_database, id)[0]
    assert (verdict.ok, verdict.deleted, verdict.name) == (False, True, "Luz Paz")
    changes.forget(any_database, change)
    assert expectations.run(any_database, id)[0].name == ""
