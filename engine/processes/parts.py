"""The processes an installation consists of, where each listens, and when it is healthy."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import redis as redis_client
import sqlalchemy as sa

from engine import db, settings
from engine.errors import Conflict, Invalid
from engine.processes import redis_server
from engine.processes.supervisor import Part
from engine.settings import Settings

PORTS = ("port", "door_port", "sandbox_port")
PORTS_TRIED = 100


def redis(config: Settings) -> Part:
    """The embedded Redis."""
    config.redis_socket.unlink(missing_ok=True)  # left by one that was killed; the lock is ours
    command = redis_server.command(folder=config.folder, socket=config.redis_socket)
    return _part(config, "redis", command, lambda: answers(config), linger=5.0, quiet=True)


def door(config: Settings) -> Part:
    """The process providers call."""
    return _part(config, "door", cli("door"), _http(config.door_port, "/healthz"))


def worker(config: Settings) -> Part:
    """The RQ workers and their periodic jobs."""
    from engine import jobs  # here, because RQ is slow to import and most commands need none

    others = set(jobs.workers(config))  # on other machines, or a sign left by one that was killed

    def healthy() -> bool:
        return bool(set(jobs.workers(config)) - others)

    return _part(config, "worker", cli("worker"), healthy, grace=30.0)


def sandbox(config: Settings) -> Part:
    """The stand-in for the providers."""
    return _part(config, "sandbox", cli("sandbox"), _http(config.sandbox_port, "/"))


def studio(config: Settings) -> Part:
    """The pages."""
    return _part(config, "studio", studio_command(config), _http(config.port, "/_stcore/health"))


def after_redis(config: Settings, *, sandboxed: bool) -> list[Part]:
    """All the parts that need Redis and the tables."""
    rest = [door(config), worker(config), studio(config)]
    return [*rest, sandbox(config)] if sandboxed else rest


def needs_sandbox(database: db.Database) -> bool:
    """Whether any channel lives in the sandbox."""
    with database.read() as session:
        return bool(session.scalar(sa.select(sa.exists().where(db.Channel.sandbox.is_(True)))))


def studio_command(config: Settings) -> list[str]:
    """The arguments that serve app.py on the settings' address. Raises Invalid, see check_host."""
    check_host(config.host)
    return [
        sys.executable, "-m", "streamlit", "run", str(db.ROOT / "app.py"),
        "--server.address", config.host,
        "--server.port", str(config.port),
        "--server.headless", "true",
        "--browser.gatherUsageStats", "false",
        "--logger.hideWelcomeMessage", "true",
    ]  # fmt: skip


def cli(*words: str) -> list[str]:
    """The arguments that run another `pregon` command in this very Python."""
    return [sys.executable, "-m", "engine.cli", *words]


def check_host(host: str) -> None:
    """Raises Invalid for an address other machines could reach: there is no sign-in yet."""
    with suppress(ValueError):
        if host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return
    raise Invalid(
        "studio.not_loopback",
        "PREGON_HOST is {host}, but until the studio has a sign-in it listens on this machine"
        " only: use 127.0.0.1.",
        host=host,
    )


def studio_url(config: Settings) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"http://{host}:{config.port}"


def settle_ports(config: Settings) -> tuple[Settings, list[tuple[str, int, int]]]:
    """Settings whose ports are free, and what was moved: (variable, wanted, used).

    A port nobody chose moves on to the next free one; a chosen one that is taken raises Conflict.
    """
    used: dict[str, int] = {}
    moved = []
    for name in PORTS:
        wanted: int = getattr(config, name)
        others = {getattr(config, other) for other in PORTS if other != name} | set(used.values())
        used[name] = port = wanted if wanted and _free(wanted) else _next_free(wanted, others)
        if port == wanted or not wanted:
            continue
        variable = f"PREGON_{name.upper()}"
        if name in config.model_fields_set:
            raise Conflict(
                "port.taken",
                "Port {port} is taken by another program: set {variable} to a free one.",
                port=wanted,
                variable=variable,
            )
        moved.append((variable, wanted, port))
    return config.model_copy(update=used), moved


def in_use(port: int) -> bool:
    """Whether something listens on the port of the loopback address."""
    return bool(port) and not _free(port)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answers(config: Settings) -> bool:
    """Whether Redis answers."""
    client = redis_client.Redis.from_url(config.redis, socket_connect_timeout=1, socket_timeout=1)
    with closing(client):
        try:
            return bool(client.ping())
        except (redis_client.RedisError, OSError):
            return False


def _part(
    config: Settings, name: str, command: list[str], healthy: Callable[[], bool], **options: Any
) -> Part:
    return Part(
        name=name,
        command=command,
        environment=settings.environment(config),
        folder=db.ROOT,
        log=config.folder / "logs" / f"{name}.log",
        healthy=healthy,
        **options,
    )


def _http(port: int, path: str) -> Callable[[], bool]:
    def healthy() -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status < 500
            except (http.client.HTTPException, OSError):
                return False

    return healthy


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _next_free(wanted: int, others: set[int]) -> int:
    nearby = range(wanted + 1, min(wanted + PORTS_TRIED, 65535)) if wanted else ()
    return next((port for port in nearby if port not in others and _free(port)), free_ports(1)[0])
