"""What every peer can do: be filled with the crowd, and be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from engine.segments.tree import Group


class Peer(Protocol):
    """Contacts laid out its own way. `open` fills it; `count` is one statement, planned anew."""

    name: str

    def open(self, folder: Path, rows: int) -> None: ...

    def count(self, tree: Group) -> int: ...

    def close(self) -> None: ...
