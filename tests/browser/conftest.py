"""The studio in a real browser: a server on a free port, Chromium, and a page that keeps a record.

A page records console errors, uncaught exceptions and every request that left the loopback host;
`Screen.clean()` fails with them. Pictures go to the folder in PREGON_SHOTS when that is set.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine import db, settings
from engine.demo import demo
from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
IDLE = (
    '[data-testid="stApp"][data-test-script-state="notRunning"]'
    '[data-test-connection-state="CONNECTED"]'
)
LOOPBACK = {"127.0.0.1", "localhost", ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    url: str
    settings: settings.Settings
    database: db.Database


@dataclass(slots=True, kw_only=True)
class Screen:
    """A browser page and what went wrong on it."""

    page: Any
    studio: Studio
    problems: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.studio.url + path)
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run and everything it drew is there."""
        self.page.wait_for_selector(IDLE, timeout=60_000)
        self.page.wait_for_timeout(150)  # a debounced input starts its run within this
        self.page.wait_for_selector(IDLE, timeout=60_000)

    def shot(self, name: str) -> None:
        """Keep a picture of the page, if somebody asked for pictures."""
        folder = os.environ.get("PREGON_SHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)

    def clean(self) -> None:
        """Fail if the page showed an exception, logged an error or called another host."""
        shown = self.page.get_by_test_id("stException").all_inner_texts()
        assert not shown, shown
        assert not self.problems, self.problems


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One headless Chromium a module: while it runs, its event loop occupies the thread."""
    found = next(
        (
            path
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (path := shutil.which(name))
        ),
        None,
    )
    if found is None:
        missing("Chromium is not installed: apt-get install chromium.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def start_studio() -> Iterator[Callable[[settings.Settings], Studio]]:
    """Start a studio on these settings' workspace; all of them stop with the session."""
    running: list[tuple[subprocess.Popen[bytes], db.Database]] = []

    def start(config: settings.Settings) -> Studio:
        database = db.connect(config)
        db.migrate(database)
        port = _free_port()
        log = (config.folder / "studio.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=ROOT,
            env=settings.environment(config),
            stdout=log,
            stderr=log,
        )
        running.append((process, database))
        url = f"http://127.0.0.1:{port}"
        _wait_for(url + "/_stcore/health", process, config.folder / "studio.log")
        return Studio(url=url, settings=config, database=database)

    yield start
    for process, database in running:
        process.terminate()
        process.wait(20)
        database.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The studio did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def empty_studio(
    start_studio: Callable[[settings.Settings], Studio], tmp_path_factory: pytest.TempPathFactory
) -> Studio:
    """A studio on a fresh workspace: no contacts, no channels."""
    return start_studio(_config(tmp_path_factory.mktemp("empty")))


@pytest.fixture(scope="session")
def demo_studio(
    start_studio: Callable[[settings.Settings], Studio], tmp_path_factory: pytest.TempPathFactory
) -> Studio:
    """A studio on a small demo workspace: people, sandbox channels, segments, two broadcasts."""
    config = _config(tmp_path_factory.mktemp("demo"))
    database = db.connect(config)
    db.migrate(database)
    demo.populate(database, config, contacts=2_000)
    database.close()
    return start_studio(config)


def _config(folder: Path, **values: object) -> settings.Settings:
    return settings.Settings(
        _env_file=None, data=folder / "data", sqlite_synchronous="NORMAL", **values
    )


@pytest.fixture
def screen(chromium: Any) -> Iterator[Callable[..., Screen]]:
    """Open a screen on a studio: `screen(studio, width=390, dark=True, locale="es-CO")`."""
    contexts: list[Any] = []

    def make(
        studio: Studio,
        *,
        width: int = 1360,
        height: int = 900,
        dark: bool = False,
        locale: str = "en-US",
    ) -> Screen:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=locale,
            timezone_id="America/Bogota",
        )
        contexts.append(context)
        page = context.new_page()
        made = Screen(page=page, studio=studio)
        _record(made)
        return made

    yield make
    for context in contexts:
        context.close()


def _record(made: Screen) -> None:
    def heard(message: Any) -> None:
        if message.type == "error" and not _is_probe(message.location.get("url", "")):
            made.problems.append(f"console: {message.text}")

    def asked(request: Any) -> None:
        host = urlsplit(request.url).hostname or ""
        if host not in LOOPBACK:
            made.problems.append(f"request to another host: {request.url}")

    made.page.on("console", heard)
    made.page.on("request", asked)
    made.page.on("pageerror", lambda error: made.problems.append(f"exception: {error}"))


def _is_probe(url: str) -> bool:
    """Opened at /segments, Streamlit's page first looks for its server below that path: a 404."""
    parts = urlsplit(url).path.split("/")
    return "_stcore" in parts and parts[1] != "_stcore"
