"""Streamlit servers on free ports of the loopback address, with the studio's own settings."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crowd import workspace
from engine import db, settings

ROOT = db.ROOT
STILL = Path(__file__).with_name("still.py")


@contextmanager
def studio(folder: Path) -> Iterator[str]:
    """The studio on a workspace; its address."""
    config = workspace.settings(folder)
    with _serving(ROOT / "app.py", folder, settings.environment(config)) as url:
        yield url


@contextmanager
def still(folder: Path) -> Iterator[str]:
    """The page that does nothing; its address."""
    with _serving(STILL, folder, None) as url:
        yield url


@contextmanager
def _serving(script: Path, folder: Path, environment: dict[str, str] | None) -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    log = folder / f"{script.stem}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The server did not start: {log.read_text()[-2000:]}")
