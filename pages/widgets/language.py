"""The language of this session, and numbers and times as its readers write them.

Asked in this order: `?lang=`, the cookie that the switch sets, the settings, the browser.
"""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
import streamlit as st
from babel import Locale, dates, numbers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine import language
from engine.contacts.cldr import plain
from pages.widgets import workspace

COOKIE = "pregon_language"
YEAR = 365 * 24 * 3600
LINK = "color:inherit"


def current() -> str:
    """The language code of this session: "en" or "es"."""
    asked = st.query_params.get("lang", "")
    if asked in language.LANGUAGES:
        st.session_state["language"] = asked
    if "language" not in st.session_state:
        st.session_state["language"] = _first_choice()
    code: str = st.session_state["language"]
    return code


def _first_choice() -> str:
    browser = (st.context.locale or "en").split("-")[0].lower()
    chosen = (st.context.cookies.get(COOKIE, ""), workspace.settings().language, browser)
    return next((code for code in chosen if code in language.LANGUAGES), "en")


def _(text: str) -> str:
    """The English text in the language of this session."""
    return language.translator(current())(text)


def counted(count: int, one: str, many: str) -> str:
    """`one` or `many` (marked with N_) in this language, `{count}` filled in."""
    return _(one if count == 1 else many).format(count=number(count))


def number(value: float, *, digits: int = 0) -> str:
    """1234.5 → "1,235" or "1.235"."""
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return numbers.format_decimal(value, format=pattern, locale=_locale())


def share(part: float, whole: float) -> str:
    """The part as a percentage of the whole; a part of nothing is 0 %."""
    value = part / whole if whole else 0.0
    pattern = "#,##0.0%" if 0 < value < 0.1 else "#,##0%"
    return numbers.format_percent(value, format=pattern, locale=_locale())


def moment(value: dt.datetime | None, *, zone: str = "", format: str = "medium") -> str:
    """A UTC moment as wall time to the minute in the workspace's zone (or `zone`); "" for None."""
    if value is None:
        return ""
    there = value.astimezone(ZoneInfo(zone or workspace.settings().timezone))
    time = dates.format_time(there, format="short", locale=_locale())
    return f"{dates.format_date(there, format=format, locale=_locale())}, {time}"


def day(value: dt.date) -> str:
    """A calendar day, which has no zone."""
    return dates.format_date(value, locale=_locale())


def country(code: str) -> str:
    """CO → "Colombia"."""
    return Locale.parse(_locale()).territories.get(code, code)


def countries() -> list[str]:
    """Codes of the countries that have phone numbers, by their names."""
    return sorted(phonenumbers.SUPPORTED_REGIONS, key=lambda code: plain(country(code)))


def tag() -> str:
    """The same for a browser: "en" or "es-419"."""
    return _locale().replace("_", "-")


def _locale() -> str:
    return {"es": "es_419"}.get(current(), "en")


def switch() -> None:
    """Links to the other languages. They start a new session: no text of the old one stays."""
    links = " · ".join(
        f"<b>{name}</b>"
        if code == current()
        else f'<a href="/language/{code}" target="_self" lang="{code}" style="{LINK}">{name}</a>'
        for code, name in language.LANGUAGES.items()
    )
    st.html(f"<nav aria-label='Language · Idioma' style='font-size:.85rem'>{links}</nav>")


async def _choose(request: Request) -> Response:
    """Keep the language in a cookie and go back to the page it was chosen on."""
    code = request.path_params["code"]
    if code not in language.LANGUAGES:
        return Response(status_code=404)
    came = urlsplit(request.headers.get("referer", ""))
    same = came.netloc == request.headers.get("host") and came.path.startswith("/")
    back = "/" + came.path.lstrip("/") if same else "/"
    query = "&".join(part for part in came.query.split("&") if part and "lang=" not in part)
    answer = RedirectResponse(back + (f"?{query}" if same and query else ""), status_code=303)
    answer.set_cookie(COOKIE, code, max_age=YEAR, httponly=True, samesite="lax")
    return answer


routes = [Route("/language/{code}", _choose)]
