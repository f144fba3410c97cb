"""Private services for the tests, each on a socket of its own in a temp folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from engine import db, settings
from engine.processes import redis_server


def missing(what: str) -> None:
    """Skip at home with a sentence; fail where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A temp folder whose path is short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="pregon-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql(short_folder: Path) -> Iterator[str]:
    """URL of a private PostgreSQL without a TCP port."""
    binary = _postgres_folder()
    if binary is None:
        missing("PostgreSQL is not installed: apt-get install postgresql.")
    home = short_folder / "pg"
    home.mkdir()
    user = "postgres" if os.geteuid() == 0 else ""
    if user:
        shutil.chown(home, user)
        short_folder.chmod(0o755)

    def run(*command: str) -> None:
        prefix = ["runuser", "-u", user, "--"] if user else []
        subprocess.run(
            [*prefix, *command], check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=120
        )

    data = str(home / "data")
    run(
        f"{binary}/initdb",
        "-D",
        data,
        "-U",
        "pregon",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    )
    options = f"-k {home} -c listen_addresses='' -c fsync=off -c max_connections=200"
    run(f"{binary}/pg_ctl", "-D", data, "-w", "-l", str(home / "log"), "-o", options, "start")
    yield f"postgresql://pregon@/postgres?host={home}"
    run(f"{binary}/pg_ctl", "-D", data, "-m", "immediate", "stop")


def _postgres_folder() -> str | None:
    for version in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True):
        return str(version.parent)
    found = shutil.which("initdb")
    return str(Path(found).parent) if found else None


@pytest.fixture(scope="session")
def redis_url(short_folder: Path) -> Iterator[str]:
    """URL of a private Redis on a unix socket."""
    socket = short_folder / "r.sock"
    process = subprocess.Popen(
        redis_server.command(folder=short_folder, socket=socket, durable=False),
        stdout=subprocess.DEVNULL,
    )
    url = f"unix://{socket}"
    client = redis.Redis.from_url(url)
    for _ in range(400):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    yield url
    process.send_signal(signal.SIGTERM)
    process.wait(10)


@pytest.fixture
def config(tmp_path: Path) -> settings.Settings:
    """Settings of a fresh workspace on SQLite."""
    return settings.Settings(_env_file=None, data=tmp_path / "data", sqlite_synchronous="NORMAL")


@pytest.fixture
def database(config: settings.Settings) -> Iterator[db.Database]:
    """A fresh workspace's database on SQLite."""
    opened = db.connect(config)
    db.migrate(opened)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[db.Database]:
    """A fresh workspace's database, once on each engine."""
    values: dict[str, object] = {"data": tmp_path / "data", "sqlite_synchronous": "NORMAL"}
    name = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        name = f"t{time.time_ns()}_{os.getpid()}"
        _postgres_admin(url, f"CREATE DATABASE {name}")
        values["database_url"] = url.replace("/postgres?", f"/{name}?")
    opened = db.connect(settings.Settings(_env_file=None, **values))
    db.migrate(opened)
    yield opened
    opened.close()
    if name:
        _postgres_admin(url, f"DROP DATABASE {name} WITH (FORCE)")


def _postgres_admin(url: str, statement: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


Wait = Callable[[Callable[[], object]], object]


@pytest.fixture(scope="session")
def eventually() -> Wait:
    """Wait until a condition holds and return its value; fail after a generous while."""

    def wait(condition: Callable[[], object], seconds: float = 60.0) -> object:
        end = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > end:
                pytest.fail("The condition never held.")
            time.sleep(0.02)
        return value

    return wait
