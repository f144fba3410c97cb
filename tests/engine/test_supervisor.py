"""The supervisor with real processes: it restarts what crashes and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import Unavailable
from engine.processes import leash
from engine.processes.supervisor import Part, Supervisor

Wait = Callable[[Callable[[], object]], object]

FAMILY = textwrap.dedent(
    """
    import os, pathlib, subprocess, sys, time
    folder = pathlib.Path(sys.argv[1])
    other_group = subprocess.Popen(["sleep", "600"], process_group=0)
    deaf = subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
    (folder / "pids.tmp").write_text(f"{os.getpid()} {other_group.pid} {deaf.pid}")
    (folder / "pids.tmp").rename(folder / "pids")
    print("the family is here", flush=True)
    time.sleep(600)
    """
)


@pytest.fixture
def heard() -> list[tuple[str, str]]:
    return []


def family(folder: Path, *, name: str = "family", script: str = FAMILY, grace: float = 5) -> Part:
    """A part with a child in a process group of its own and one that ignores SIGTERM."""
    folder.mkdir(exist_ok=True)
    return Part(
        name=name,
        command=[sys.executable, "-c", script, str(folder)],
        environment=os.environ,
        folder=folder,
        log=folder / "logs" / f"{name}.log",
        healthy=(folder / "pids").exists,
        grace=grace,
    )


def pids(folder: Path) -> list[int]:
    return [int(word) for word in (folder / "pids").read_text().split()]


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_stopping_ends_grandchildren_in_other_groups_and_those_that_ignore_sigterm(
    tmp_path: Path, heard: list[tuple[str, str]]
) -> None:
    with Supervisor(lambda *line: heard.append(line)) as running:
        running.start([family(tmp_path)])
        started = pids(tmp_path)
        assert all(map(alive, started))
    assert not any(map(alive, started))


def test_a_part_that_ignores_sigterm_is_killed_after_its_grace(
    tmp_path: Path, heard: list[tuple[str, str]]
) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY
    with Supervisor(lambda *line: heard.append(line)) as running:
        running.start([family(tmp_path, script=deaf, grace=0.2)])
        started = pids(tmp_path)
    assert not any(map(alive, started))


@pytest.mark.parametrize("victim", ["part", "leash"])
def test_a_killed_part_is_started_again_without_its_orphans_and_with_a_line_in_the_log(
    tmp_path: Path, heard: list[tuple[str, str]], eventually: Wait, victim: str
) -> None:
    with Supervisor(lambda *line: heard.append(line)) as running:
        running.start([family(tmp_path)])
        before = pids(tmp_path)
        (tmp_path / "pids").unlink()
        process = running.running("family").process
        assert process
        os.kill(before[0] if victim == "part" else process.pid, signal.SIGKILL)

        def back() -> bool:
            running.tick()
            return (tmp_path / "pids").exists()

        eventually(back)
        assert not any(map(alive, before))
        assert all(map(alive, pids(tmp_path)))
        running.tick()
    log = (tmp_path / "logs" / "family.log").read_text()
    assert "supervisor: family ended with code" in log
    assert "supervisor: family started again." in log
    assert ("family", "supervisor: family started again.") in heard
    assert heard.count(("family", "the family is here")) == 2


def test_a_part_that_never_comes_up_ends_the_start_with_the_end_of_its_log(
    tmp_path: Path, heard: list[tuple[str, str]]
) -> None:
    broken = family(tmp_path, name="broken", script="print('no such thing'); raise SystemExit(3)")
    well = family(tmp_path / "well")
    with Supervisor(lambda *line: heard.append(line)) as running:
        running.start([well])
        started = pids(tmp_path / "well")
        with pytest.raises(Unavailable) as caught:
            running.start([broken])
    assert not any(map(alive, started))
    assert caught.value.sentence.startswith("The broken does not start")
    assert "no such thing" in caught.value.sentence
    assert any("ended with code 3" in line for _, line in heard)


HOLDER = textwrap.dedent(
    """
    import pathlib, sys
    sys.path.insert(0, sys.argv[2])
    from tests.engine import test_supervisor as here
    from engine.processes.supervisor import Supervisor
    folder = pathlib.Path(sys.argv[1])
    with Supervisor(lambda *line: None) as running:
        running.start([here.family(folder / "first"), here.family(folder / "second")])
        (folder / "ready").touch()
        running.run()
    """
)


def test_nothing_is_left_when_the_supervisor_itself_is_killed(
    tmp_path: Path, eventually: Wait
) -> None:
    root = Path(__file__).resolve().parents[2]
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path), str(root)], cwd=root)
    eventually((tmp_path / "ready").exists)
    started = pids(tmp_path / "first") + pids(tmp_path / "second")
    assert all(map(alive, started))
    holder.kill()
    holder.wait()
    eventually(lambda: not any(map(alive, started)))


def test_members_of_a_session_are_found_whatever_their_name(tmp_path: Path) -> None:
    script = tmp_path / "odd ) name"
    script.write_text("#!/bin/sh\nsleep 600\n")
    script.chmod(0o755)
    process = subprocess.Popen([str(script)], start_new_session=True)
    try:
        end = time.monotonic() + 30
        while len(leash.members(process.pid)) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert process.pid in leash.members(process.pid)
        assert len(leash.members(process.pid)) == 2
    finally:
        leash.kill(process.pid)
    process.wait()
    assert leash.members(process.pid) == []
