"""What the demo shop does: five segments, a broadcast that is sent first, and one ready to send."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels.base import Content
from engine import db, drafts
from engine.demo import people as demo_people
from engine.language import N_, Translate
from engine.segments import expectations, segment
from engine.segments.segment import Condition, Group
from engine.segments.tree import Node

FIRST, DRAFT = N_("Welcome to the new season"), N_("Weekend offer for loyal customers")
SENDABLE = ("whatsapp", "telegram", "twilio_sms")

# Segments


def _all(*of: Node) -> Group:
    return Group("all", of)


def _any(*of: Node) -> Group:
    return Group("any", of)


def _none(*of: Node) -> Group:
    return Group("none", of)


def add_segments(
    session: Session, t: Translate, *, channels: Mapping[str, int], tags: Mapping[str, int]
) -> dict[str, int]:
    """Five segments, nested and one inside another, two of them with tests; English name → id."""
    made: dict[str, int] = {}

    def add(name: str, tree: Group) -> None:
        made[name] = segment.create(session, name=t(name), tree=tree).id

    sendable = tuple(channels[kind] for kind in SENDABLE)
    upper = tuple(t(tier) for tier in ("Gold", "Platinum"))
    often = _all(Condition("field.orders", "gte", 8), Condition("field.lifetime_value", "gt", 250))
    loyal = _any(Condition("field.loyalty_tier", "is_any_of", upper), often)
    unhappy = _none(Condition("tag", "has_any", (tags[demo_people.COMPLAINT],)))
    add(
        N_("Loyal in Mexico and Colombia"),
        _all(Condition("contact.country", "is_any_of", ("MX", "CO")), loyal, unhappy),
    )
    quiet = Condition("activity.last_inbound_at", "more_than_days_ago", 90)
    silent = Condition("activity.last_inbound_at", "is_not_set")
    add(
        N_("Gone quiet"),
        _all(Condition("field.last_purchase", "more_than_days_ago", 180), _any(quiet, silent)),
    )
    add(
        N_("Subscribed and reachable"),
        _all(
            Condition("field.newsletter", "is_true"),
            Condition("channel.reachable", "has_any", sendable),
            _none(Condition("channel.opted_out", "has_any", sendable)),
        ),
    )
    wholesale = Condition("tag", "has_any", (tags["Wholesale"],))
    fresh = Condition("activity.created_at", "in_last_days", 5)
    add(
        N_("Talked to us this week"),
        _all(
            Condition("activity.last_inbound_at", "in_last_days", 7),
            _any(wholesale, fresh, Condition("field.orders", "gte", 14)),
        ),
    )
    recent = Condition("field.last_purchase", "in_last_days", 90)
    add(
        N_("Loyal and active, not answered yet"),
        _all(
            Condition("segment", "in_segment", made["Loyal in Mexico and Colombia"]),
            _any(recent, Condition("activity.last_inbound_at", "in_last_days", 45)),
            _none(Condition("broadcast.replied", "in_last_days", 7)),
        ),
    )
    complained = _somebody_with(session, tags[demo_people.COMPLAINT])
    for name in ("Loyal in Mexico and Colombia", "Loyal and active, not answered yet"):
        expectations.put(session, made[name], outside=complained, least=1)
    return made


def _somebody_with(session: Session, tag_id: int) -> list[int]:
    """The first person with a tag, if anybody has it."""
    first = sa.select(sa.func.min(db.ContactTag.contact_id)).filter_by(tag_id=tag_id)
    return [id for id in session.scalars(first) if id is not None]


# Broadcasts


def add_broadcasts(
    session: Session, t: Translate, *, channels: Mapping[str, int], segments: Mapping[str, int]
) -> None:
    """One for send_first, and one draft that lacks nothing but the click."""
    _draft(
        session,
        t(FIRST),
        labels=[t(N_("Season"))],
        segment_id=segments["Talked to us this week"],
        channels=channels,
        texts=(
            "Hola {{ first_name | default: 'amiga' }}, la nueva temporada ya esta en tienda.",
            "Muestra este mensaje hasta el domingo y llevate un 15 % de descuento.",
        ),
        templates=("new_season", "new_season_discount"),
        rate=80,
    )
    _draft(
        session,
        t(DRAFT),
        labels=[t(N_("Loyalty")), t(N_("Weekend"))],
        segment_id=segments["Loyal and active, not answered yet"],
        channels=channels,
        texts=(
            "{{ first_name | default: 'Hola' }}, gracias por tus {{ orders | default: 'muchas' }}"
            " compras: este fin de semana tienes 2x1 en {{ city | default: 'tu tienda' }}.",
            "Responde SI y te apartamos la tuya. BAJA para no recibir mas.",
        ),
        templates=("weekend_offer", "weekend_offer_reminder"),
        rate=60,
    )


def _draft(
    session: Session,
    name: str,
    *,
    labels: list[str],
    segment_id: int,
    channels: Mapping[str, int],
    texts: tuple[str, ...],
    templates: tuple[str, ...],
    rate: int,
) -> None:
    row = drafts.create(session, name=name, labels=labels)
    plain = [Content(text=text) for text in texts]
    approved = [
        Content(
            kind="template",
            template=template,
            language="es_MX",
            parameters=("{{ first_name | default: 'amiga' }}",),
        )
        for template in templates
    ]
    chosen = {kind: channels[kind] for kind in SENDABLE}
    by_kind = {"whatsapp": approved, "telegram": plain, "twilio_sms": plain}
    drafts.edit(
        session,
        row.id,
        segment_id=segment_id,
        mode="last_interacted",
        channels=list(chosen.values()),
        content={id: by_kind[kind] for kind, id in chosen.items()},
        only_interacted=True,
        rate_count=rate,
        rate_per="second",
    )
