"""One command on a leash: it ends, with everything it started, when whoever holds the leash goes.

The holder runs this file in a session of its own and keeps a pipe to our standard input. The pipe
ends however the holder ended, kill -9 included; then, or on SIGTERM, the command is asked to stop,
and after the grace whatever is left of the session is killed. Standard library only, so that it
starts in milliseconds (`python -I -S`) and holds on macOS too.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PROC = Path("/proc/self/stat")


def command(inner: list[str], *, grace: float, linger: float = 0.0) -> list[str]:
    """The arguments that run `inner` on a leash; start them with a pipe as standard input.

    `grace` is the seconds between asking and killing; `linger`, how long it goes on when the
    holder has gone, for what others need while they end.
    """
    return [sys.executable, "-I", "-S", __file__, str(grace), str(linger), *inner]


def members(session: int) -> list[int]:
    """The living processes of a session, its leader included; needs /proc to see every one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = entry.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue  # it ended while we looked
        if int(of) == session and state not in "ZX":
            found.append(int(entry.parent.name))
    return found


def kill(session: int, *, spare: int = 0) -> None:
    """SIGKILL a session until nothing of it lives, whatever process groups it made."""
    if not PROC.exists() and not spare:
        os.killpg(session, signal.SIGKILL)  # without /proc only its first process group is known
    end = time.monotonic() + 5
    while time.monotonic() < end:
        rest = [pid for pid in members(session) if pid != spare]
        if not rest:
            return
        for pid in rest:
            _signal(pid, signal.SIGKILL)
        select.select([], [], [], 0.02)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone, its number perhaps another's
        os.kill(pid, number)


def _main(grace: float, linger: float, inner: list[str]) -> int:
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    for number in (*STOP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    child = subprocess.Popen(inner, stdin=subprocess.DEVNULL)
    while child.poll() is None:
        ready, _, _ = select.select([0, wake], [], [], 5)
        if wake in ready and any(number in STOP for number in os.read(wake, 64)):
            break
        if 0 in ready:
            select.select([wake], [], [], linger)
            break
    child.terminate()
    try:
        code = child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()
        code = child.wait()
    kill(os.getsid(0), spare=os.getpid())
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(_main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
