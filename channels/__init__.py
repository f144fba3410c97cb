"""The channels Pregón can send on: one file a provider, one line here."""

from __future__ import annotations

from channels.base import N_, Channel
from channels.telegram import Telegram
from channels.twilio_sms import TwilioSms
from channels.whatsapp import WhatsApp

KINDS: dict[str, type[Channel]] = {kind.kind: kind for kind in (WhatsApp, Telegram, TwilioSms)}
"""Stored in channel.kind: never rename a key."""

NOT_BROADCASTABLE = {
    "email": N_("Email"),
    "instagram": N_("Instagram"),
    "google_business": N_("Google Business Messages"),
    "webchat": N_("Web chat"),
}
"""Kinds a contact can have interacted on, which cannot be broadcast to."""
