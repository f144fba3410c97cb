"""`pregon channel`: add an account, list them, ask the provider whether its token works."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Annotated, Any

import httpx
import typer

from channels import KINDS, NOT_BROADCASTABLE
from channels.base import Channel, ChannelError, Response
from engine import accounts, db
from engine.cli import terminal
from engine.errors import Invalid, PregonError, Unavailable

channels = typer.Typer(no_args_is_help=True, help="Accounts at providers.")

SECONDS = 15.0
OURS = frozenset({"base_url", "callback_url"})
"""Settings that are never asked for."""


def register(app: typer.Typer) -> None:
    app.add_typer(channels, name="channel")


@channels.command("list")
@terminal.guarded
def list_channels(context: terminal.Context, as_json: terminal.Json = False) -> None:
    """All channels; secrets are never shown."""
    with terminal.workspace(context) as (config, database), database.read() as session:
        rows = [_shown(config, row) for row in accounts.listing(session)]
    head = ("id", "name", "kind", "sandbox", "state", "ceiling")
    words = terminal.table(head, [tuple(row[name] for name in head) for row in rows])
    terminal.show(rows, words if rows else "There are no channels yet.", as_json=as_json)


@channels.command("add")
@terminal.guarded
def add_channel(
    context: terminal.Context,
    kind: Annotated[
        str, typer.Argument(help=f"One of: {', '.join([*KINDS, *NOT_BROADCASTABLE])}.")
    ],
    name: Annotated[str, typer.Argument(help="As people will see it.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting; what is missing is asked for."),
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Send to the sandbox, not to the provider.")
    ] = False,
    ceiling: Annotated[
        float | None, typer.Option(min=0.01, help="Units per second; else the kind's own.")
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Add an account. Secrets not given with --set are asked for without echo."""
    values = dict(_pair(text) for text in set_ or ())
    if kind in KINDS and not as_json:
        values |= _ask(KINDS[kind], given=values)
    with terminal.workspace(context) as (config, database), database.write() as session:
        row = accounts.add(
            session,
            config,
            kind=kind,
            name=name,
            values=values,
            sandbox=sandbox,
            ceiling=ceiling,
        )
        shown = _shown(config, row)
    words = f"“{row.name}” is added. Its webhook address: {shown['webhook']}"
    terminal.show(shown, words, as_json=as_json)


@channels.command("check")
@terminal.guarded
def check_channel(
    context: terminal.Context,
    name: Annotated[str, typer.Argument(help="The channel's name.")],
    as_json: terminal.Json = False,
) -> None:
    """Ask the provider whether the account's token works; nothing is sent to anybody."""
    with terminal.workspace(context) as (config, database):
        with database.read() as session:
            row = accounts.by_name(session, name)
        channel = accounts.open(config, row)
        status = _ask_provider(row, channel)
    sentence = f"“{row.name}” works: {channel.label} answered {status}."
    terminal.show({"channel": row.name, "ok": True, "status": status}, sentence, as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise Invalid("channel.set_option", "--set takes KEY=VALUE.")  # the text may be a secret
    return key.strip(), value


def _ask(kind: type[Channel], *, given: dict[str, str]) -> dict[str, str]:
    """Settings that are needed and missing, from the person at the terminal."""
    wanted = [
        item
        for item in fields(kind)
        if item.name not in given and item.name not in OURS and item.default is MISSING
    ]
    return {
        item.name: typer.prompt(
            item.metadata.get("label", item.name),
            hide_input=bool(item.metadata.get("secret")),
            err=True,
        )
        for item in wanted
    }


def _shown(config: Any, row: db.Channel) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "sandbox": row.sandbox,
        "state": row.state,
        "state_reason": row.state_reason,
        "ceiling": row.ceiling,
        "settings": row.settings,
        "webhook": accounts.hook_url(config, row.id),
    }


def _ask_provider(row: db.Channel, channel: Channel) -> int:
    """The status of the provider's answer. Raises Unavailable or Invalid in one sentence."""
    wanted = channel.account()
    try:
        with httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
            answer = client.request(
                wanted.method, wanted.url, headers=dict(wanted.headers), content=wanted.body
            )
    except httpx.HTTPError as error:
        raise Unavailable(
            "channel.unreachable",
            "“{name}” could not be checked: {where} does not answer ({why}).",
            name=row.name,
            where=httpx.URL(wanted.url).host,
            why=type(error).__name__,
        ) from None  # the request, and with it the token, is in the error
    if not answer.is_success:
        raise _refused(row, channel, answer)
    return answer.status_code


def _refused(row: db.Channel, channel: Channel, answer: httpx.Response) -> PregonError:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    reason = f"{answer.status_code}"
    try:
        channel.read(Response(status=answer.status_code, headers=headers, body=answer.content))
    except ChannelError as error:
        reason = f"{answer.status_code}, {error}"
    return Invalid(
        "channel.refused",
        "“{name}” does not work: {label} refused its token ({reason}).",
        name=row.name,
        label=channel.label,
        reason=reason.rstrip("."),
    )
