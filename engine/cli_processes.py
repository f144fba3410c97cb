"""`pregon up` and the processes it starts; slow imports wait until a command needs them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer

from engine import db, lock, parts, settings, terminal
from engine.settings import Settings
from engine.supervisor import Supervisor

SANDBOX_LOOK = 20
"""Ticks between two looks whether somebody added the first sandbox channel."""


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(studio)
    app.command()(worker)
    app.command()(door)
    app.command()(sandbox)


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
    from engine import demo

    if demo.is_empty(database):
        terminal.note(f"Making a demo shop with {demo.CONTACTS:,} contacts…")
        demo.populate(database, config)


def _send_first(database: db.Database, config: Settings) -> None:
    from engine import demo

    if demo.send_first(database, config):
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
    from engine import jobs

    with terminal.workspace(context) as (config, _):
        pass
    if not parts.answers(config):
        raise terminal.no_redis()
    jobs.work(config, processes=processes or config.workers)


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
    from engine import sandbox as provider

    with terminal.workspace(context) as (config, _):
        pass
    provider.serve(config)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end us as ctrl-C does."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
