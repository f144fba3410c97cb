"""`pregon up` for real: what it starts, what it survives, and that nothing of it stays behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from engine import db, settings
from engine.errors import Conflict, Invalid
from engine.processes import lock, parts

Wait = Callable[[Callable[[], object]], object]


class Up:
    """One `pregon up` in a folder of its own, on free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PREGON_") and name != "REDIS_URL"
        }
        ports = parts.free_ports(3)
        for name, port in zip(("PORT", "DOOR_PORT", "SANDBOX_PORT"), ports, strict=True):
            self.environment[f"PREGON_{name}"] = str(port)
        self.door = ports[1]
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command("up", "--json"),
            cwd=db.ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "terminal").open("w"),
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.terminal()
        self.url = json.loads(line)["url"]

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "engine.cli", "--data", str(self.data), *words]

    def terminal(self) -> str:
        return (self.folder / "terminal").read_text()

    def living(self) -> dict[int, str]:
        """Processes that run in this data folder, the first one included: pid → command line."""
        mark = os.fsencode(self.data)
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (entry / "cmdline").read_bytes()
                if mark in line or mark in (entry / "environ").read_bytes():
                    found[int(entry.name)] = line.replace(b"\0", b" ").decode()
        return found

    def pid(self, words: str) -> int:
        """The process, not its leash, whose command line ends with these words."""
        return next(
            pid
            for pid, line in self.living().items()
            if line.rstrip().endswith(words) and "leash" not in line
        )

    def answers(self, port: int, path: str) -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False


@pytest.fixture
def up(short_folder: Path) -> Iterator[Up]:
    folder = short_folder / f"up{time.time_ns()}"
    folder.mkdir()
    one = Up(folder)
    yield one
    if one.process:
        one.process.kill()
        one.process.wait()
        end = time.monotonic() + 60
        while one.living() and time.monotonic() < end:
            time.sleep(0.1)


def test_up_starts_everything_restarts_what_crashes_and_stops_it_all(up: Up, eventually: Wait):
    up.start()
    assert up.process
    assert up.answers(int(up.url.rpartition(":")[2]), "/_stcore/health")
    assert up.answers(up.door, "/healthz")
    assert "Traceback" not in up.terminal()

    before = up.pid("engine.cli door")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: up.answers(up.door, "/healthz") and up.pid("engine.cli door") != before)
    assert "supervisor: door started again." in (up.data / "logs" / "door.log").read_text()
    assert "supervisor: door started again." in up.terminal()

    second = subprocess.run(
        up.command("up"), cwd=db.ROOT, env=up.environment, capture_output=True, text=True
    )
    assert second.returncode == 1
    assert up.url in second.stderr

    started = up.living()
    assert len(started) > 8
    up.process.send_signal(signal.SIGINT)
    up.process.send_signal(signal.SIGINT)  # people press ctrl-C twice
    assert up.process.wait(60) == 0
    assert up.living() == {}
    assert up.terminal().rstrip().endswith("Everything has stopped.")
    assert "Traceback" not in up.terminal()


def test_up_killed_leaves_no_process_and_loses_nothing(up: Up):
    up.start()
    assert up.process
    add = ["channel", "add", "email", "Correo", "--json"]
    subprocess.run(up.command(*add), cwd=db.ROOT, env=up.environment, check=True)
    killed = up.living()
    os.killpg(up.process.pid, signal.SIGKILL)
    up.process.wait()
    up.start()  # at once: waits by itself until the parts of the killed one have ended
    assert not killed.keys() & up.living().keys()
    listed = subprocess.run(
        up.command("channel", "list", "--json"),
        cwd=db.ROOT,
        env=up.environment,
        capture_output=True,
        check=True,
    )
    assert [row["name"] for row in json.loads(listed.stdout)] == ["Correo"]
    up.process.send_signal(signal.SIGHUP)
    assert up.process.wait(60) == 0
    assert up.living() == {}


# Ports, addresses, the lock


def taken(config: settings.Settings, name: str) -> socket.socket:
    """A listener on a port of these settings."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", getattr(config, name)))
    listener.listen()
    return listener


def with_ports(tmp_path: Path, *, chosen: bool) -> settings.Settings:
    """Settings with free ports, either set by somebody or as if they were the defaults."""
    ports = dict(zip(parts.PORTS, parts.free_ports(3), strict=True))
    if chosen:
        return settings.Settings(_env_file=None, data=tmp_path, **ports)
    return settings.Settings(_env_file=None, data=tmp_path).model_copy(update=ports)


def test_free_ports_stay_as_they_are(tmp_path: Path):
    config = with_ports(tmp_path, chosen=True)
    settled, moved = parts.settle_ports(config)
    assert moved == []
    assert [getattr(settled, name) for name in parts.PORTS] == [
        getattr(config, name) for name in parts.PORTS
    ]


@pytest.mark.parametrize("name", parts.PORTS)
def test_a_taken_port_nobody_chose_moves_on_and_is_said(tmp_path: Path, name: str):
    ports = dict(zip(parts.PORTS, parts.free_ports(3), strict=True))
    bare = settings.Settings.model_construct(_fields_set=set(), **ports)
    with closing(taken(bare, name)):
        settled, [(variable, wanted, used)] = parts.settle_ports(bare)
    assert variable == f"PREGON_{name.upper()}"
    assert wanted == ports[name]
    assert used == getattr(settled, name) != wanted
    assert len({getattr(settled, other) for other in parts.PORTS}) == 3


@pytest.mark.parametrize("name", parts.PORTS)
def test_a_taken_port_somebody_chose_is_an_error_that_names_the_setting(tmp_path: Path, name: str):
    config = with_ports(tmp_path, chosen=True)
    with closing(taken(config, name)), pytest.raises(Conflict) as caught:
        parts.settle_ports(config)
    assert f"PREGON_{name.upper()}" in caught.value.sentence
    assert str(getattr(config, name)) in caught.value.sentence


def test_port_zero_takes_any_free_one(tmp_path: Path):
    config = settings.Settings(_env_file=None, data=tmp_path, port=0, door_port=0, sandbox_port=0)
    settled, moved = parts.settle_ports(config)
    assert moved == []
    assert len({getattr(settled, name) for name in parts.PORTS} - {0}) == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_the_studio_listens_on_this_machine(host: str):
    parts.check_host(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_the_studio_listens_nowhere_else(host: str):
    with pytest.raises(Invalid):
        parts.check_host(host)


def test_one_holder_a_folder_and_the_next_is_told_where_the_first_is(tmp_path: Path):
    with lock.hold(tmp_path) as held:
        held.announce("http://127.0.0.1:8501")
        with pytest.raises(Conflict) as caught, lock.hold(tmp_path):
            pass
        assert "http://127.0.0.1:8501" in caught.value.sentence
        assert str(os.getpid()) in caught.value.sentence
    with lock.hold(tmp_path):
        pass
