"""Keeps the parts of an installation running, and ends them together.

Own code, because no library does what matters here: circus needs pyzmq, tornado and psutil,
supervisor is a daemon with a configuration file, honcho restarts nothing, and all three leave
their children behind when they are killed with -9 themselves. See `leash` for how ours do not.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import TracebackType

from engine.errors import Unavailable
from engine.processes import leash

TICK = 0.1
PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the 1st, 2nd, … restart in a row."""
SETTLED = 60.0
"""After this many seconds alive a crash counts as the first again."""
START_TRIES = 3
START_SECONDS = 120.0
LOG_BYTES = 5_000_000
NOTE = "supervisor: "
"""How our own lines in a part's log begin."""

Say = Callable[[str, str], None]
"""Takes the part's name and a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process of the installation."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(repr=False)
    """May hold credentials: never logged."""
    folder: Path
    log: Path
    healthy: Callable[[], bool]
    grace: float = 10.0
    """Seconds between asking it to stop and killing it."""
    linger: float = 0.0
    """Seconds it goes on when the supervisor was killed, because other parts need it to end."""
    quiet: bool = False
    """What it logs is not said, only what happens to it."""


class Running:
    """A part as it runs now: its process, its crashes, and how far its log has been shown."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.process: subprocess.Popen[bytes] | None = None
        self.crashes = 0
        self.healthy = False
        self.started_at = 0.0
        self.restart_at: float | None = None
        self._shown = 0
        self._cleared = False

    def start(self, hold: Sequence[int] = ()) -> None:
        """Start it in a session of its own, its output at the end of its log.

        Its leash keeps the descriptors of `hold` open until nothing of it is left.
        """
        log = self.part.log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        with log.open("ab") as output:
            self._shown = min(self._shown, output.tell()) if self.crashes else output.tell()
            self.process = subprocess.Popen(
                leash.command(self.part.command, grace=self.part.grace, linger=self.part.linger),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self.part.environment),
                cwd=self.part.folder,
                pass_fds=hold,
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        self.restart_at = None
        self.healthy = self._cleared = False

    @property
    def code(self) -> int | None:
        """How it ended, or None while it runs."""
        return self.process.poll() if self.process else None

    def ask(self) -> None:
        """Ask it to stop; it is killed after its grace."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """SIGKILL it and everything it started, the leash too."""
        if self.process and not self._cleared:
            leash.kill(self.process.pid)
            self.process.wait()
            self._cleared = True

    def lines(self) -> list[str]:
        """What it wrote to its log since the last call, whole lines only."""
        if not self.part.log.exists():
            return []
        with self.part.log.open("rb") as file:
            file.seek(self._shown)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._shown += len(whole)
        return whole.decode("utf-8", "replace").splitlines()


class Supervisor:
    """`with Supervisor(say) as running:` start parts in steps, tick or run; leaving stops all."""

    def __init__(self, say: Say, *, hold: Sequence[int] = ()) -> None:
        self._say = say
        self._hold = hold
        self._steps: list[list[Running]] = []
        self._pause = Event()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, parts: Sequence[Part]) -> None:
        """Start these together and wait until all are healthy.

        Raises Unavailable when one does not come up, with the end of its log.
        """
        step = [Running(part) for part in parts]
        self._steps.append(step)
        for running in step:
            running.start(self._hold)
        while waiting := [running for running in step if not running.healthy]:
            self.tick()
            for running in waiting:
                late = time.monotonic() - running.started_at > START_SECONDS
                if running.crashes >= START_TRIES or late:
                    raise _not_started(running)
                running.healthy = running.code is None and running.part.healthy()

    def running(self, name: str) -> Running:
        """The part of that name."""
        return next(one for step in self._steps for one in step if one.part.name == name)

    def kill(self, name: str) -> None:
        """kill -9 a part and everything it started, and start it again at once."""
        running = self.running(name)
        running.kill()
        running.start(self._hold)

    def tick(self, seconds: float = TICK) -> None:
        """Wait a moment, show what was logged, start again what crashed."""
        self._pause.wait(seconds)
        for running in (one for step in self._steps for one in step):
            self._tell(running)
            self._restart(running)

    def run(self) -> None:
        """Keep everything running until an exception (KeyboardInterrupt) ends it."""
        while True:
            self.tick()

    def stop(self) -> None:
        """Stop everything, what was started last first; returns when nothing is left.

        An exception meanwhile (a second ctrl-C) kills what still runs.
        """
        try:
            for step in reversed(self._steps):
                for running in step:
                    running.ask()
                while any(running.process and running.code is None for running in step):
                    self._pause.wait(0.05)
        finally:
            for running in (one for step in reversed(self._steps) for one in step):
                running.kill()
            self._steps.clear()

    def _restart(self, running: Running) -> None:
        code, now = running.code, time.monotonic()
        if code is None:
            return
        if running.restart_at is None:
            running.kill()  # what the dead part may have left behind
            running.crashes = 1 if now - running.started_at > SETTLED else running.crashes + 1
            pause = PAUSES[min(running.crashes, len(PAUSES)) - 1]
            running.restart_at = now + pause
            self._note(running, f"ended with code {code}; starting again in {pause:g} s.")
        elif now >= running.restart_at:
            running.start(self._hold)
            self._note(running, "started again.")

    def _note(self, running: Running, line: str) -> None:
        """Say it, and keep it in the part's log."""
        with running.part.log.open("a", encoding="utf-8") as log:
            log.write(f"{NOTE}{running.part.name} {line}\n")
        self._tell(running)

    def _tell(self, running: Running) -> None:
        for line in running.lines():
            if not running.part.quiet or line.startswith(NOTE):
                self._say(running.part.name, line)


def _not_started(running: Running) -> Unavailable:
    tail = running.part.log.read_text("utf-8", "replace").splitlines()[-3:]
    return Unavailable(
        "part.not_started",
        "The {part} does not start; its log {log} ends: {tail}",
        part=running.part.name,
        log=os.fspath(running.part.log),
        tail=" | ".join(line for line in tail if not line.startswith(NOTE)) or "empty.",
    )
