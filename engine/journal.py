"""A dispatcher's own record of what left: after a crash it proves what provably did not.

One append-only file a dispatcher, locked while its owner lives. `F id attempt µs` is written just
before a request leaves, `D id attempt {outcome}` after its answer. A claimed message without an F
never left; an F without a D may have arrived. Written with one write(2) a line and no fsync: it
survives the process, and a machine that restarted is recognised by its boot id.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Record:
    """What a dead dispatcher left. Keys are (message id, attempt)."""

    token: str
    same_boot: bool
    """False: the page cache is gone, so a missing line proves nothing."""
    fired: dict[tuple[int, int], int]
    """When the request left, in epoch microseconds."""
    done: dict[tuple[int, int], bytes]
    """The outcome as it was written."""


@dataclass(slots=True)
class Journal:
    """The file of one living dispatcher. `token` is its name in message.claimed_by."""

    path: Path
    token: str
    _handle: int = field(default=-1, repr=False)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._handle = os.open(self.path, flags, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        os.write(self._handle, f"B {boot_id()}\n".encode())

    def fired(self, message: int, attempt: int, at: int) -> None:
        """`at` is epoch microseconds."""
        os.write(self._handle, b"F %d %d %d\n" % (message, attempt, at))

    def done(self, message: int, attempt: int, outcome: bytes) -> None:
        """`outcome` is one line of JSON."""
        os.write(self._handle, b"D %d %d %s\n" % (message, attempt, outcome))

    def close(self) -> None:
        """Let go of the file; whoever settles its claims removes it."""
        os.close(self._handle)


def open_journal(folder: Path, token: str) -> Journal:
    return Journal(folder / f"{token}.log", token)


def abandoned(folder: Path) -> Iterator[tuple[Record, Path]]:
    """The journals whose owner is dead, each locked while the caller settles it.

    The caller removes the file once its claims are settled.
    """
    for path in sorted(folder.glob("*.log")) if folder.exists() else []:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)  # its owner lives
            continue
        try:
            yield _read(path), path
        finally:
            os.close(handle)


def _read(path: Path) -> Record:
    lines = path.read_bytes().split(b"\n")[:-1]  # a last line without its end was cut: no line
    fired: dict[tuple[int, int], int] = {}
    done: dict[tuple[int, int], bytes] = {}
    boot = ""
    for line in lines:
        kind, _, rest = line.partition(b" ")
        if kind == b"B":
            boot = rest.decode()
            continue
        message, attempt, what = rest.split(b" ", 2)
        key = int(message), int(attempt)
        if kind == b"F":
            fired[key] = int(what)
        elif kind == b"D":
            done[key] = what
    same = bool(boot) and boot == boot_id()
    return Record(path.stem, same, fired, done)


def boot_id() -> str:
    """Changes with every start of the machine; empty where the system has none."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
