"""Pages run by Streamlit's own test harness on a workspace of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine import db, settings

PAGES = Path(__file__).resolve().parents[2] / "pages"
Open = Callable[..., AppTest]


@pytest.fixture
def workspace(
    config: settings.Settings, database: db.Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[db.Database]:
    """The database that the pages of this test open."""
    monkeypatch.setenv("PREGON_DATA", str(config.folder))
    monkeypatch.setenv("PREGON_REDIS_URL", "")
    monkeypatch.setenv("PREGON_SQLITE_SYNCHRONOUS", "NORMAL")
    monkeypatch.delenv("REDIS_URL", raising=False)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield database
    st.cache_resource.clear()


@pytest.fixture
def open_page(workspace: db.Database) -> Open:
    """Open a page as the browser would: `open_page("segments.py", lang="es", id="3")`."""

    def open(page: str = "home.py", *, locale: str = "en-US", **query: str) -> AppTest:
        app = AppTest.from_file(str(PAGES / "_frame.py"), default_timeout=60)
        app.context = {"locale": locale}
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if page != "home.py":
            app.switch_page(page)
            for name, value in query.items():
                app.query_params[name] = value
            app.run()
        assert not app.exception, app.exception
        return app

    return open


def text(app: AppTest) -> str:
    """Everything the page says, one element a line."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "error", "warning", "success")
    said = [str(element.value) for kind in kinds for element in getattr(app, kind)]
    said += [f"{metric.label}: {metric.value}" for metric in app.metric]
    return "\n".join([*said, *(button.label for button in app.button)])
