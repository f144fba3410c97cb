"""The picture of the code is held here: who may import whom, and who alone may do what."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE = sorted(
    path.stem
    for path in (ROOT / "engine").iterdir()
    if path.stem not in ("__init__", "__pycache__") and path.suffix in ("", ".py")
)
"""Modules and rooms: a folder of the engine counts as one."""

ROWS = [
    # ways in, and what runs them
    {"cli"},
    {"demo"},
    {"processes"},
    {"worker"},
    {"jobs", "webhooks"},
    # what happens to a broadcast
    {"outbox", "trial", "inbox", "charts"},
    {"ledger", "reports", "broadcast_file"},
    {"broadcast", "receipts", "replies", "overview"},
    {"checks"},
    {"drafts", "dispatch"},
    # how it is sent, to whom, when
    {"audience", "pace", "plan", "journal"},
    # what things are
    {"importing", "sandbox", "template"},
    {"segments", "contacts", "filters", "accounts"},
    {"db"},
    {"tables"},
    {"settings", "language"},
    {"errors"},
]
"""Each row imports only rows below it."""

OWNERS = {
    "rq": {"engine/jobs.py"},
    "streamlit": {"pages/", "app.py"},
    "pyreqwest": {"engine/dispatch.py", "engine/sandbox/hooks.py"},
}
"""Package → the only places that import it."""


def imports(path: Path) -> set[str]:
    """Every module a file imports, with the names imported from engine and channels."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def row_of(module: str) -> int:
    return next(place for place, row in enumerate(ROWS) if module in row)


def engine_modules(names: set[str]) -> set[str]:
    return {part.split(".")[1] for part in names if part.startswith("engine.")} & set(ENGINE)


def files_of(module: str) -> list[Path]:
    room = ROOT / "engine" / module
    return list(room.glob("*.py")) if room.is_dir() else [room.with_suffix(".py")]


def test_every_engine_module_has_a_row():
    assert sorted(name for row in ROWS for name in row) == ENGINE


@pytest.mark.parametrize("module", ENGINE)
def test_engine_modules_import_only_rows_below(module: str):
    used = set().union(*(engine_modules(imports(path)) for path in files_of(module))) - {module}
    assert not {other for other in used if row_of(other) <= row_of(module)}


def test_channels_import_only_the_standard_library_and_channels():
    for path in (ROOT / "channels").glob("*.py"):
        roots = {name.split(".")[0] for name in imports(path)}
        assert roots <= sys.stdlib_module_names | {"channels", "__future__"}, path.name


def test_the_engine_never_imports_pages():
    for path in (ROOT / "engine").rglob("*.py"):
        assert "pages" not in {name.split(".")[0] for name in imports(path)}, path.name


def test_some_packages_have_one_owner():
    for path in [ROOT / "app.py", *ROOT.glob("engine/**/*.py"), *ROOT.glob("pages/**/*.py")]:
        place = path.relative_to(ROOT).as_posix()
        for name in {name.split(".")[0] for name in imports(path)} & OWNERS.keys():
            assert any(place.startswith(owner) for owner in OWNERS[name]), (place, name)


def test_only_settings_reads_the_environment():
    for path in ROOT.glob("engine/**/*.py"):
        if path.stem != "settings":
            text = path.read_text(encoding="utf-8")
            assert "os.environ" not in text, path.name
            assert "getenv" not in text, path.name


def test_only_tables_declares_tables():
    for path in ROOT.glob("engine/**/*.py"):
        if path.stem != "tables":
            assert "__tablename__ =" not in path.read_text(encoding="utf-8"), path.name


def test_only_broadcast_writes_a_broadcasts_state():
    for path in [*ROOT.glob("engine/**/*.py"), *ROOT.glob("pages/**/*.py")]:
        if path.stem == "broadcast":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("sa.update"):
                assert "db.Broadcast" not in ast.unparse(node), path.name


def test_pages_hold_no_queries_and_no_network():
    for path in ROOT.glob("pages/**/*.py"):
        roots = {name.split(".")[0] for name in imports(path)}
        assert not roots & {"sqlalchemy", "redis", "httpx", "polars", "pyreqwest"}, path.name
