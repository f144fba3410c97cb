"""The twelve segments that are asked of everybody, from one tag to thirty conditions."""

from __future__ import annotations

from typing import Any

from crowd import names, people
from engine.segments.tree import Condition, Group, Node

TAG = {name: id for id, name in enumerate(names.TAGS, 1)}
WHATSAPP, SMS, TELEGRAM, MESSENGER = 1, 2, 3, 4
TODAY = people.TODAY


def where(field: str, op: str, value: Any = None) -> Condition:
    return Condition(field, op, value)


def all_of(*nodes: Node) -> Group:
    return Group("all", nodes)


def any_of(*nodes: Node) -> Group:
    return Group("any", nodes)


def none_of(*nodes: Node) -> Group:
    return Group("none", nodes)


def tagged(op: str, *tags: str) -> Condition:
    return where("tag", f"has_{op}", tuple(TAG[tag] for tag in tags))


LONG_LIST = tuple(f"crm-{number * 37}" for number in range(1, 2001))
CITIES = (
    "Bogotá", "Medellín", "Cali", "Ñuñoa", "México", "Guadalajara", "Mérida", "Madrid", "Málaga",
    "Gijón", "Lima", "Cusco", "Rosario", "Tucumán", "Valparaíso", "Quito", "Ambato", "Miami",
    "Pasto", "Popayán", "Itagüí", "Torreón", "Querétaro", "León", "Cádiz", "Vigo", "Piura",
)  # fmt: skip

SEGMENTS: dict[str, Group] = {
    "one tag": all_of(tagged("any", "cliente")),
    "country and language": all_of(
        where("contact.country", "is", "CO"), where("contact.language", "is_not", "es")
    ),
    "name contains": all_of(where("contact.name", "contains", "ñáñez")),
    "phone starts with": any_of(
        where("contact.phone", "starts_with", "+57310"),
        where("contact.phone", "starts_with", "+5255123"),
    ),
    "email ends with": all_of(
        where("contact.email", "ends_with", "@empresa.com.co"),
        where("contact.email", "not_contains", "maria"),
    ),
    "tags any, all, none": all_of(
        tagged("any", "vip", "mayorista", "app"),
        tagged("all", "cliente", "newsletter"),
        tagged("none", "moroso", "queja"),
    ),
    "dates": all_of(
        where("activity.created_at", "after", "2022-06-30"),
        where("activity.last_inbound_at", "in_last_days", 90),
        where("field.birthday", "between", ("1980-01-01", "1999-12-31")),
        where("field.last_purchase", "more_than_days_ago", 30),
    ),
    "numbers and nulls": all_of(
        where("field.spent", "between", (50, 250)),
        where("field.visits", "gte", 10),
        where("field.tier", "is_not", "Oro"),
        where("field.city", "is_not", "Lima"),
    ),
    "any of many": any_of(
        where("field.city", "is_any_of", CITIES),
        where("contact.external_id", "is_any_of", LONG_LIST),
    ),
    "reachable and opted out": all_of(
        where("channel.reachable", "has_any", (WHATSAPP, TELEGRAM)),
        where("channel.opted_out", "has_none", (WHATSAPP, SMS, TELEGRAM)),
        where("channel.last_interacted", "is_any_of", (WHATSAPP, MESSENGER)),
    ),
    "nested none": none_of(
        all_of(tagged("any", "moroso"), where("field.spent", "lt", 20)),
        any_of(
            where("contact.email", "contains", ".garcia"),
            none_of(where("field.consent", "is_true"), tagged("any", "newsletter")),
        ),
        where("field.company", "contains", "s n.º 7"),
    ),
    "thirty conditions": all_of(
        where("contact.country", "is_any_of", ("CO", "MX", "ES", "PE")),
        where("channel.reachable", "has_any", (WHATSAPP, SMS, TELEGRAM)),
        where("channel.opted_out", "has_none", (WHATSAPP,)),
        any_of(
            tagged("any", "cliente", "vip"),
            where("field.tier", "is_any_of", ("Oro", "Diamante")),
            where("field.spent", "gte", 400),
            where("field.visits", "gt", 25),
            all_of(
                tagged("any", "carrito"),
                where("field.last_purchase", "in_last_days", 180),
                where("field.city", "starts_with", "b"),
            ),
        ),
        none_of(
            tagged("any", "moroso", "queja"),
            where("contact.first_name", "is", "guadalupe"),
            where("contact.last_name", "contains", "muñoz"),
            where("contact.email", "ends_with", ".org"),
            where("contact.phone", "starts_with", "+573200"),
            where("field.company", "contains", "taller"),
            where("field.consent", "is_false"),
        ),
        any_of(
            where("activity.last_inbound_at", "in_last_days", 365),
            where("activity.created_at", "on", "2025-12-24"),
            where("activity.created_at", "before", "2024-01-01"),
            where("field.birthday", "is_set"),
        ),
        any_of(
            where("contact.language", "is_none_of", ("en", "pt")),
            where("contact.timezone", "is_not_set"),
            none_of(where("field.city", "contains", "ñ"), where("contact.external_id", "is_set")),
        ),
        where("contact.email", "is_set"),
        where("field.visits", "not_between", (3, 4)),
        where("field.spent", "lte", 5000),
        where("field.tier", "is_not", "Básico"),
        where("channel.last_interacted", "is_none_of", (MESSENGER,)),
    ),
}
