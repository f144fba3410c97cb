"""The app around the pages: addresses, headers, the language switch, the last resort."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx
import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware

from engine import db, settings
from engine.errors import Invalid
from pages._headers import SecurityHeaders
from pages.widgets import language, markdown, problems
from tests.pages.conftest import Open

HERE = "http://127.0.0.1:8501"
ROOT = Path(__file__).resolve().parents[2]


def get(path: str, **headers: str) -> httpx.Response:
    """The answer of the studio's own routes behind its headers."""
    app = Starlette(routes=language.routes, middleware=[Middleware(SecurityHeaders)])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def test_choosing_a_language_sets_a_cookie_and_returns_to_the_page() -> None:
    answer = get("/language/es", referer=f"{HERE}/segments?id=3")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/segments?id=3"
    assert "pregon_language=es" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "referer", ["http://evil.example/x", "http://127.0.0.1:8501//evil.example/x", "", "nonsense"]
)
def test_choosing_a_language_never_leads_elsewhere(referer: str) -> None:
    place = get("/language/es", referer=referer).headers["location"]
    assert place.startswith("/")
    assert not place.startswith("//")


def test_an_unknown_language_is_not_found() -> None:
    assert get("/language/xx").status_code == 404


def test_every_answer_forbids_other_hosts_and_frames() -> None:
    policy = get("/language/es").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy


def test_the_app_is_found_by_streamlit_and_mounts_the_door(
    workspace: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    sys.modules.pop("app", None)
    import app

    paths = [getattr(route, "path", "") for route in app.app._user_routes]
    assert isinstance(app.app, st.App)
    assert paths.index("/hooks/{channel_id:int}") < paths.index("/hooks/{path:path}")
    assert "/healthz" in paths


@pytest.mark.parametrize(
    ("asked", "browser", "expected"),
    [("", "es-CO", "Inicio"), ("", "de-DE", "Home"), ("en", "es-CO", "Home")],
)
def test_the_language_is_asked_for_else_the_browsers(
    asked: str, browser: str, expected: str, open_page: Open
) -> None:
    app = open_page(locale=browser, **({"lang": asked} if asked else {}))
    assert app.title[0].value == expected


def test_the_workspaces_language_wins_over_the_browsers(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREGON_LANGUAGE", "es")
    assert open_page().title[0].value == "Inicio"


def test_bad_settings_are_one_sentence(monkeypatch: pytest.MonkeyPatch, open_page: Open) -> None:
    monkeypatch.setenv("PREGON_PORT", "many")
    with pytest.raises(Invalid, match="port"):
        settings.load()


@pytest.mark.parametrize(
    "name", ["![x](http://e.example)", "**a**", "$x$", ":red[x]", "<b>", "a_b_c", "# t", "1. x"]
)
def test_a_name_is_escaped_wherever_markdown_is_read(name: str) -> None:
    shown = markdown.plain(name)
    assert shown.replace("\\", "") == name
    for before, sign in zip(" " + shown, shown, strict=False):
        assert sign not in "*_[]<>$:#" or before == "\\"


def test_a_kept_problem_is_shown_once(workspace: db.Database) -> None:
    st.session_state.clear()
    with problems.kept("here"):
        raise Invalid("x.y", "A segment needs a name.")
    assert "problem.here" in st.session_state
    problems.draw("here")
    assert "problem.here" not in st.session_state
