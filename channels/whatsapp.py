"""WhatsApp Cloud API."""

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
class WhatsApp(Channel):
    kind: ClassVar[str] = "whatsapp"
    label: ClassVar[str] = N_("WhatsApp")
    address: ClassVar = "phone"
    limits: ClassVar[Limits] = Limits(kinds=("text",), text_max=4096, caption_max=1024, rate=80)
    has_receipts: ClassVar[bool] = True
    base_url_default: ClassVar[str] = "https://graph.facebook.com"

    phone_number_id: str = setting(N_("Phone number ID"))
    access_token: str = setting(N_("Access token"), secret=True)
    app_secret: str = setting(N_("App secret"), secret=True)
    verify_token: str = setting(N_("Verify token"), secret=True)

    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        raise NotImplementedError

    def read(self, response: Response) -> str:
        raise NotImplementedError

    def events(self, hook: Hook) -> list[Event]:
        raise NotImplementedError

    def account(self) -> Request:
        raise NotImplementedError
