"""One `pregon up` a data folder, held by a lock that outlives it until its parts have ended."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from engine.errors import Conflict

STOPPING_SECONDS = 45.0
"""How long to wait for the parts of one that was killed."""


class Lock:
    """The lock as held; leashes of the parts keep `descriptor` open too."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self.descriptor = descriptor

    def announce(self, url: str) -> None:
        """Say who holds it and where the studio is, for whoever tries next."""
        self._path.with_suffix(".txt").write_text(f"{os.getpid()} {url}", "utf-8")


@contextmanager
def hold(folder: Path) -> Iterator[Lock]:
    """Raises Conflict while another one runs there.

    When that one was killed, wait a while for its parts to end first.
    """
    path = folder / "up.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        pause, waited = Event(), 0.0
        while not _take(descriptor):
            process, url = _holder(path)
            if _alive(process) or waited > STOPPING_SECONDS:
                raise Conflict(
                    "up.running",
                    "Pregón is running in {folder} already (process {process}): {url}",
                    folder=os.fspath(folder),
                    process=process or "unknown",
                    url=url or "it is still starting.",
                )
            pause.wait(0.2)
            waited += 0.2
        lock = Lock(path, descriptor)
        lock.announce("")
        yield lock
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> tuple[int, str]:
    try:
        process, _, url = path.with_suffix(".txt").read_text("utf-8").partition(" ")
        return int(process), url
    except (OSError, ValueError):
        return 0, ""


def _alive(process: int) -> bool:
    if not process:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
