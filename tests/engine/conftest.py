"""A running sandbox, and a door that remembers what it was told."""

from __future__ import annotations

import itertools
import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import uvicorn

from engine import accounts, db
from engine.sandbox import sandbox
from engine.sandbox.population import Population
from engine.settings import Settings

PHONE_ID, TOKEN, APP_SECRET = "106540352242922", "EAAB-token", "app-secret"
BOT = "123456:AAF-token"
WEBHOOK_SECRET = "hook_secret-1"
SID, AUTH_TOKEN, SENDER = "AC" + "a" * 32, "twilio-token", "+15005550006"

CHANNELS = {
    "whatsapp": {
        "phone_number_id": PHONE_ID,
        "access_token": TOKEN,
        "app_secret": APP_SECRET,
        "verify_token": "verify",
    },
    "telegram": {"token": BOT, "webhook_secret": WEBHOOK_SECRET},
    "twilio_sms": {"account_sid": SID, "auth_token": AUTH_TOKEN, "sender": SENDER},
}


@dataclass
class Told:
    """One webhook call that reached the door."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Door:
    """Answers webhook calls with `status(number of the call)`; keeps what it took."""

    status: Callable[[int], int] = lambda _: 200
    taken: list[Told] = field(default_factory=list)
    refused: int = 0
    calls: Iterator[int] = field(default_factory=itertools.count)
    port: int = 0

    def open(self, port: int = 0) -> None:
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = door.status(next(door.calls))
                if status == 200:
                    named = {name.lower(): value for name, value in self.headers.items()}
                    door.taken.append(Told(self.path, named, body))
                else:
                    door.refused += 1
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Running:
    """A workspace with one sandboxed channel a kind, and its sandbox on a free port."""

    phone_id, token, app_secret = PHONE_ID, TOKEN, APP_SECRET
    bot, webhook_secret = BOT, WEBHOOK_SECRET
    sid, auth_token, sender = SID, AUTH_TOKEN, SENDER

    def __init__(self, folder: Path, door: Door, population: Population) -> None:
        self.door = door
        self.settings = Settings(
            _env_file=None, data=folder, door_port=door.port, sqlite_synchronous="NORMAL"
        )
        self.database = db.connect(self.settings)
        db.migrate(self.database)
        self.population = population
        self.log = sandbox.log_path(self.settings)
        self.channels: dict[str, int] = {}
        with self.database.write() as session:
            for kind, values in CHANNELS.items():
                row = accounts.add(
                    session, self.settings, kind=kind, name=kind, values=values, sandbox=True
                )
                self.channels[kind] = row.id
        self.start()

    def start(self) -> None:
        self.server: uvicorn.Server = sandbox.server(
            self.settings, database=self.database, population=self.population, port=0
        )
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        while not self.server.started:
            assert self._thread.is_alive()
            time.sleep(0.005)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def stop(self) -> None:
        """Returns when the server has finished and its log is whole."""
        self.http.close()
        self.server.should_exit = True
        self._thread.join()

    def close(self) -> None:
        self.stop()
        self.database.close()

    def hook_url(self, kind: str) -> str:
        return accounts.hook_url(self.settings, self.channels[kind])

    def stats(self) -> Any:
        return self.http.get("/_sandbox/stats").json()

    # one plain message by each provider

    def whatsapp(self, to: str = "573001112233", **changes: Any) -> httpx.Response:
        document = {
            "messaging_product": "whatsapp",
            "to": to,
            "type": "text",
            "text": {"body": "Hola"},
            **changes,
        }
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return self.http.post(f"/v23.0/{PHONE_ID}/messages", json=document, headers=headers)

    def telegram(self, chat_id: object = 5501, **changes: Any) -> httpx.Response:
        document = {"chat_id": chat_id, "text": "Hola", **changes}
        return self.http.post(f"/bot{BOT}/sendMessage", json=document)

    def twilio(self, to: str = "+573001112233", **changes: Any) -> httpx.Response:
        fields = {
            "To": to,
            "From": SENDER,
            "Body": "Hola",
            "StatusCallback": self.hook_url("twilio_sms") + "?ref=77",
            **changes,
        }
        basic = b64encode(f"{SID}:{AUTH_TOKEN}".encode()).decode()
        return self.http.post(
            f"/2010-04-01/Accounts/{SID}/Messages.json",
            data={name: value for name, value in fields.items() if value is not None},
            headers={"Authorization": f"Basic {basic}"},
        )


@pytest.fixture
def door() -> Iterator[Door]:
    """An open door that takes every webhook call."""
    opened = Door()
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def run_sandbox(tmp_path: Path, door: Door) -> Iterator[Callable[..., Running]]:
    """Start a sandbox whose people behave as told; calm ones where nothing is said."""
    started: list[Running] = []

    def start(population: Population | None = None) -> Running:
        folder = tmp_path / f"sandboxed{len(started)}"
        started.append(Running(folder, door, population or Population.calm()))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.fixture(scope="module")
def calm_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One sandbox of calm people for every test of a module that only asks it something."""
    door = Door()
    door.open()
    running = Running(tmp_path_factory.mktemp("calm"), door, Population.calm())
    yield running
    running.close()
    door.close()
