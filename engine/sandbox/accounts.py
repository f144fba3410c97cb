"""Who may send through the sandbox: the workspace's channels in sandbox mode."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Iterable

import sqlalchemy as sa

from channels.base import BadContent
from engine import accounts as workspace
from engine import db
from engine.errors import PregonError
from engine.sandbox import telegram as sandbox_telegram
from engine.sandbox import twilio as sandbox_twilio
from engine.sandbox import whatsapp as sandbox_whatsapp
from engine.sandbox.wire import Account, Wire

LOG = logging.getLogger(__name__)

WIRES: dict[str, Wire] = {
    "whatsapp": sandbox_whatsapp,
    "telegram": sandbox_telegram,
    "twilio_sms": sandbox_twilio,
}
"""Channel kind → how its provider speaks."""

RELOAD_SECONDS = 0.2


def accounts(database: db.Database) -> list[Account]:
    """The accounts of all channels in sandbox mode; those with unusable settings are left out."""
    settings = database.settings
    found = []
    with database.read() as session:
        for row in session.scalars(sa.select(db.Channel).where(db.Channel.sandbox)):
            if row.kind not in WIRES:
                continue
            try:
                channel = workspace.open(settings, row)
            except (PregonError, BadContent):
                LOG.warning("The sandbox leaves out channel %s: its settings are unusable.", row.id)
                continue
            hook_url = workspace.hook_url(settings, row.id)
            found.append(WIRES[row.kind].account(channel, hook_url))
    return found


class Directory:
    """The accounts as last read; read again before anybody is turned away."""

    def __init__(self, load: Callable[[], Iterable[Account]]) -> None:
        self._load = load
        self._accounts: dict[tuple[str, str], list[Account]] = {}
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def find(self, kind: str, account: str, token: str) -> Account | None:
        """The account with that token, by a reading no older than the question."""
        asked_at = time.monotonic()
        if found := self._known(kind, account, token):
            return found
        async with self._reading:
            if self._read_at < asked_at:
                await asyncio.sleep(self._read_at + RELOAD_SECONDS - time.monotonic())
                await self._read()
        return self._known(kind, account, token)

    def _known(self, kind: str, account: str, token: str) -> Account | None:
        for one in self._accounts.get((kind, account), ()):
            if hmac.compare_digest(one.token.encode(), token.encode()):
                return one
        return None

    async def _read(self) -> None:
        self._read_at = time.monotonic()
        known: dict[tuple[str, str], list[Account]] = {}
        for one in await asyncio.to_thread(self._load):
            known.setdefault((one.kind, one.account), []).append(one)
        self._accounts = known
