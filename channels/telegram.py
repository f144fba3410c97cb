"""Telegram Bot API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from channels.base import (
    N_,
    Channel,
    Content,
    Event,
    Hook,
    Limits,
    Outgoing,
    Request,
    Response,
    setting,
)


@dataclass(frozen=True, kw_only=True)
class Telegram(Channel):
    kind: ClassVar[str] = "telegram"
    label: ClassVar[str] = N_("Telegram")
    address: ClassVar = "id"
    limits: ClassVar[Limits] = Limits(kinds=("text",), text_max=4096, caption_max=1024, rate=30)
    has_receipts: ClassVar[bool] = False
    base_url_default: ClassVar[str] = "https://api.telegram.org"

    token: str = setting(N_("Bot token"), secret=True)
    webhook_secret: str = setting(N_("Webhook secret"), secret=True)

    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        raise NotImplementedError

    def read(self, response: Response) -> str:
        raise NotImplementedError

    def events(self, hook: Hook) -> list[Event]:
        raise NotImplementedError

    def account(self) -> Request:
        raise NotImplementedError
