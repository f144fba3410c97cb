"""`pregon up` and the processes it starts; slow imports wait until a command needs them."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from engine import db, settings
from engine.cli import terminal
from engine.errors import Conflict
from engine.processes import leash, lock, parts
from engine.processes.supervisor import Supervisor
from engine.settings import Settings

SANDBOX_LOOK = 20
"""Ticks between two looks whether somebody added the first sandbox channel."""


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(studio)
    app.command()(worker)
    app.command()(door)
    app.command()(sandbox)
    app.command()(demo)
    app.command()(doctor)


@terminal.guarded
def up(
    context: terminal.Context,
    demo: Annotated[bool, typer.Option(help="Fill an empty workspace with a demo shop.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """Start everything on this machine; ctrl-C stops it all."""
    config = terminal.config(context)
    parts.check_host(config.host)
    try:
        with _stop_signals(), lock.hold(config.folder) as held:
            config, moved = parts.settle_ports(config)
            for variable, wanted, port in moved:
                terminal.note(f"Port {wanted} is taken; using {port} instead (see {variable}).")
            with Supervisor(terminal.part_line, hold=(held.descriptor,)) as running:
                _run(running, config, held, demo=demo, as_json=as_json)
    except KeyboardInterrupt:
        terminal.note("Everything has stopped.")


def _run(
    running: Supervisor, config: Settings, held: lock.Lock, *, demo: bool, as_json: bool
) -> NoReturn:
    terminal.note("Starting…")
    if not config.redis_url.get_secret_value():
        running.start([parts.redis(config)])
    elif not parts.answers(config):
        raise terminal.no_redis()
    database = db.connect(config)
    try:
        db.migrate(database)
        if demo:
            _populate(database, config)
        sandboxed = demo or parts.needs_sandbox(database)
        running.start(parts.after_redis(config, sandboxed=sandboxed))
        url = parts.studio_url(config)
        held.announce(url)
        terminal.show({"url": url}, f"Pregón is ready: {url} (ctrl-C stops it)", as_json=as_json)
        if demo:
            _send_first(database, config)
        _keep(running, config, database, sandboxed=sandboxed)
    except KeyboardInterrupt:
        terminal.note("Stopping…")
        raise
    finally:
        database.close()


def _keep(
    running: Supervisor, config: Settings, database: db.Database, *, sandboxed: bool
) -> NoReturn:
    ticks = 0
    while True:
        running.tick()
        ticks += 1
        if not sandboxed and ticks % SANDBOX_LOOK == 0 and parts.needs_sandbox(database):
            running.start([parts.sandbox(config)])
            sandboxed = True


def _populate(database: db.Database, config: Settings) -> None:
    from engine.demo import demo as shop

    if shop.is_empty(database):
        terminal.note(f"Making a demo shop with {shop.CONTACTS:,} contacts…")
        shop.populate(database, config)


def _send_first(database: db.Database, config: Settings) -> None:
    from engine.demo import demo as shop

    if shop.send_first(database, config):
        terminal.note("The demo's first broadcast is going out to the sandbox now.")


@terminal.guarded
def studio(context: terminal.Context) -> None:
    """Serve the pages."""
    with terminal.workspace(context) as (config, _):
        command = parts.studio_command(config)
    os.chdir(db.ROOT)
    os.execvpe(command[0], command, settings.environment(config))  # noqa: S606 - no shell wanted


@terminal.guarded
def worker(
    context: terminal.Context,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many; else PREGON_WORKERS.")
    ] = None,
) -> None:
    """Send: RQ workers and their periodic jobs."""
    from engine import worker as sending

    with terminal.workspace(context) as (config, _):
        pass
    if not parts.answers(config):
        raise terminal.no_redis()
    sending.work(config.model_copy(update={"workers": processes}) if processes else config)


@terminal.guarded
def door(context: terminal.Context) -> None:
    """Take the providers' webhook calls: the only part that has to be public."""
    from engine import webhooks

    with terminal.workspace(context) as (config, _):
        pass
    webhooks.serve(config)


@terminal.guarded
def sandbox(context: terminal.Context) -> None:
    """Stand in for the providers, on the loopback address."""
    from engine.sandbox import sandbox as provider

    with terminal.workspace(context) as (config, _):
        pass
    provider.serve(config)


@terminal.guarded
def demo(
    context: terminal.Context,
    contacts: Annotated[int, typer.Option(min=100, max=1_000_000)] = 20_000,
    rate: Annotated[str, typer.Option(help="As in “600 per minute”.")] = "150 per second",
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 1,
    kill_worker: Annotated[
        int, typer.Option(min=0, metavar="N", help="kill -9 the worker N times on the way.")
    ] = 0,
    keep: Annotated[
        Path | None, typer.Option(help="An empty folder to work in and keep; else a passing one.")
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Rehearse the whole job in a workspace of its own; exit 1 if anything is lost or doubled."""
    from engine.demo import rehearsal

    with _stop_signals(), _work_folder(keep) as folder:
        result = rehearsal.run(
            folder, contacts=contacts, rate=rate, seed=seed, kills=kill_worker, note=terminal.note
        )
    counts = result.to_json()
    words = terminal.table(("", ""), [(name, value) for name, value in counts.items()])
    terminal.show(counts, words, as_json=as_json)
    if not result.passed:
        raise typer.Exit(1)


@terminal.guarded
def doctor(context: terminal.Context, as_json: terminal.Json = False) -> None:
    """Say what is wrong with the settings and the installation; exit 1 if anything is."""
    from engine.processes import doctor as examination

    findings = list(examination.examine(terminal.config(context)))
    well = all(finding.state != "wrong" for finding in findings)
    words = [f"{one.state:<5}  {one.about}: {one.sentence}" for one in findings]
    data = {"ok": well, "findings": [finding.to_json() for finding in findings]}
    terminal.show(data, words, as_json=as_json)
    if not well:
        raise typer.Exit(1)


@contextmanager
def _work_folder(keep: Path | None) -> Iterator[Path]:
    """`keep`, which must be empty, or a temporary folder with a path short enough for a socket."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="pregon-") as folder:
            yield Path(folder)
        return
    if keep.exists() and any(keep.iterdir()):
        raise Conflict("demo.folder_used", "{folder} is not empty.", folder=str(keep))
    yield keep


@contextmanager
def _stop_signals() -> Iterator[None]:
    """The first ctrl-C, SIGTERM or SIGHUP raises KeyboardInterrupt; stopping is not interrupted."""

    def stop(*_: object) -> None:
        for number in leash.STOP:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in leash.STOP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
