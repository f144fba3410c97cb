"""The `pregon` command: everything a page can do, for people at a terminal and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import broadcasts as cli_broadcast
from engine.cli import channels as cli_channels
from engine.cli import imports as cli_imports
from engine.cli import people as cli_people
from engine.cli import processes as cli_processes
from engine.cli import segments as cli_segments

app = typer.Typer(
    name="pregon",
    help="Tell many people something, once, on the channel where they are.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks would print local values, secrets included
    add_completion=False,
)


@app.callback()
def main(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option(help="Data folder; else PREGON_DATA, else ./data.")
    ] = None,
) -> None:
    context.obj = data


for module in (
    cli_processes,
    cli_people,
    cli_imports,
    cli_segments,
    cli_channels,
    cli_broadcast,
):
    module.register(app)

if __name__ == "__main__":
    app(prog_name="pregon")
