"""Messages per second: one dispatcher with its ledger, beside the bare transport it uses."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from sending import ours

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pregon-bench-", dir="/tmp"))
    sink = subprocess.Popen(
        [sys.executable, HERE / "sending" / "sink.py"], stdout=subprocess.PIPE, text=True
    )
    redis, redis_url = ours.redis(folder)
    try:
        port = int(sink.stdout.readline())
        report = {}
        subprocess.run(
            [sys.executable, "-m", "sending.bare", f"http://127.0.0.1:{port}", str(asked.messages)],
            check=True,
            cwd=HERE,
        )
        report["transport"] = per_second(port, asked.messages)
        database = ours.workspace(folder / "sqlite", port, redis_url)
        broadcast = ours.plan(database, asked.messages)
        report["run"] = ours.send(database, broadcast)
        report["pregon"] = per_second(port, asked.messages)
    finally:
        sink.kill()
        redis.terminate()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))
    return 0


def per_second(port: int, messages: int) -> float:
    """What the sink has counted since it was last asked."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        seen = json.load(answer)
    assert seen["requests"] == messages, seen
    return round(seen["requests"] / seen["seconds"], 1)


if __name__ == "__main__":
    sys.exit(main())
