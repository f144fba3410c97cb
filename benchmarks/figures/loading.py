"""Loads a workspace's frame in a process of its own and prints how long that took."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from crowd import workspace
from engine import db
from engine.segments import frame

database = db.connect(workspace.settings(Path(sys.argv[1])))
start = time.perf_counter()
loaded = frame.load(database)
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "people": loaded.people.height}))
