"""SMS by Twilio."""

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
class TwilioSms(Channel):
    kind: ClassVar[str] = "twilio_sms"
    label: ClassVar[str] = N_("SMS (Twilio)")
    address: ClassVar = "phone"
    limits: ClassVar[Limits] = Limits(kinds=("text",), text_max=1600, caption_max=1600, rate=10)
    has_receipts: ClassVar[bool] = True
    base_url_default: ClassVar[str] = "https://api.twilio.com"

    account_sid: str = setting(N_("Account SID"))
    auth_token: str = setting(N_("Auth token"), secret=True)
    sender: str = setting(N_("Sender"))

    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        raise NotImplementedError

    def read(self, response: Response) -> str:
        raise NotImplementedError

    def events(self, hook: Hook) -> list[Event]:
        raise NotImplementedError

    def account(self) -> Request:
        raise NotImplementedError
