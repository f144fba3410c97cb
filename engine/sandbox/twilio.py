"""Twilio Messages API as its caller sees it (2010-04-01; error codes as Twilio lists them)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from email.utils import formatdate
from urllib.parse import urlencode, urlsplit

from channels import sms_parts
from channels.twilio_sms import TwilioSms
from engine.sandbox.population import What
from engine.sandbox.wire import (
    Account,
    Answer,
    Asked,
    Call,
    Message,
    News,
    Outcome,
    Refused,
    digest,
    form,
    is_url,
)

TELLS: frozenset[What] = frozenset({"sent", "delivered", "failed", "reply"})

BODY_MAX = 1600
MEDIA_MAX = 10

REFUSALS: dict[str, tuple[int, int, str]] = {
    "throttled": (429, 20429, "Too Many Requests"),
    "unavailable": (503, 20503, "Service unavailable"),
    "invalid": (400, 21211, "Invalid 'To' Phone Number"),
    "opted_out": (400, 21610, "Attempt to send to unsubscribed recipient"),
    "unauthorised": (401, 20003, "Authenticate"),
}

_PATH = re.compile(r"/2010-04-01/Accounts/([^/.]+)(/Messages)?\.json")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


def account(channel: TwilioSms, hook_url: str) -> Account:
    return Account(
        kind=channel.kind,
        account=channel.account_sid,
        token=channel.auth_token,
        secret=channel.auth_token,
        hook_url=hook_url,
        sender=channel.sender,
    )


def credentials(asked: Asked) -> tuple[str, str] | None:
    match = _PATH.fullmatch(asked.path)
    if match is None:
        return None
    scheme, _, encoded = asked.headers.get("authorization", "").partition(" ")
    try:
        user, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return match[1], ""
    return match[1], token if scheme.lower() == "basic" and user == match[1] else ""


def is_send(asked: Asked) -> bool:
    return asked.method == "POST" and asked.path.endswith("/Messages.json")


def about(asked: Asked, account: Account) -> Answer:
    if asked.method != "GET" or asked.path.endswith("/Messages.json"):
        return _error(405, 20004, "Method not allowed")
    names = {"sid": account.account, "friendly_name": "Sandbox"}
    return Answer.json(200, {**names, "status": "active", "type": "Full"})


def message(asked: Asked, account: Account) -> Message:
    fields = form(asked.body)
    given = {name: values[0] for name, values in fields.items()}
    if not given.get("To"):
        raise Refused(_error(400, 21604, "A 'To' phone number is required."))
    if not _NUMBER.fullmatch(given["To"]):
        raise Refused(refused("invalid", 0), outcome="invalid")
    _check_sender(given, account)
    media = fields.get("MediaUrl", [])
    if not given.get("Body") and not media:
        raise Refused(_error(400, 21602, "Message body is required."))
    if len(given.get("Body", "")) > BODY_MAX:
        reason = "The concatenated message body exceeds the 1600 character limit"
        raise Refused(_error(400, 21617, reason))
    if len(media) > MEDIA_MAX or not all(is_url(url) for url in media):
        raise Refused(_error(400, 21620, "Invalid media URL(s)"))
    callback_url = given.get("StatusCallback", "")
    if callback_url and not is_url(callback_url):
        raise Refused(_error(400, 21609, "Invalid 'StatusCallback' url"))
    fields.pop("StatusCallback", None)
    text = given.get("Body", "")
    return Message(
        address=given["To"],
        digest=digest(fields),
        text=text,
        callback_url=callback_url,
        reference=form(urlsplit(callback_url).query).get("ref", [""])[0],
        units=1 if media else sms_parts.count(text).parts,
    )


def _check_sender(given: Mapping[str, str], account: Account) -> None:
    sender = given.get("MessagingServiceSid") or given.get("From")
    if not sender:
        raise Refused(_error(400, 21603, "A 'From' phone number is required."))
    if account.sender and sender != account.sender:
        reason = "The 'From' phone number is not a valid number of your account"
        raise Refused(_error(400, 21606, reason))


def provider_id(number: int, address: str) -> str:
    return f"SM{number:032x}"


def accepted(message: Message, account: Account, provider_id: str) -> Answer:
    service = account.sender.startswith("MG")
    path = f"/2010-04-01/Accounts/{account.account}/Messages/{provider_id}"
    now = formatdate()
    return Answer.json(
        201,
        {
            "account_sid": account.account,
            "api_version": "2010-04-01",
            "body": message.text,
            "date_created": now,
            "date_sent": None,
            "date_updated": now,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": None if service else account.sender,
            "messaging_service_sid": account.sender if service else None,
            "num_media": "0",
            "num_segments": "0" if service else str(message.units),
            "price": None,
            "price_unit": None,
            "sid": provider_id,
            "status": "accepted" if service else "queued",
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": message.address,
            "uri": f"{path}.json",
        },
    )


def refused(outcome: Outcome, retry_after: int) -> Answer:
    status, code, words = REFUSALS[outcome]
    if outcome == "throttled":
        return _error(status, code, words, Retry_After=str(retry_after))
    return _error(status, code, words)


def _error(status: int, code: int, words: str, **headers: str) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    document = {"code": code, "message": words, "more_info": more, "status": status}
    return Answer.json(status, document, **headers)


def leaves(news: News) -> bool:
    return news.what == "reply" and _is_stop(news)


def calls(account: Account, news: Sequence[News]) -> Iterable[Call]:
    for item in news:
        if item.what == "reply":
            yield _call(account, account.hook_url, _inbound(account, item))
        elif item.message.callback_url:
            yield _call(account, item.message.callback_url, _status(account, item))


def _status(account: Account, item: News) -> dict[str, str]:
    status = "undelivered" if item.what == "failed" else str(item.what)
    fields = {
        "SmsSid": item.provider_id,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": item.message.address,
        "MessageSid": item.provider_id,
        "AccountSid": account.account,
        "From": account.sender,
        "ApiVersion": "2010-04-01",
    }
    if item.what == "failed":
        fields["ErrorCode"] = "30005" if item.lasting else "30003"
    return fields


def _inbound(account: Account, item: News) -> dict[str, str]:
    sid = provider_id(item.number, item.message.address)
    fields = dict.fromkeys(("MessageSid", "SmsSid", "SmsMessageSid"), sid)
    fields |= {
        "AccountSid": account.account,
        "From": item.message.address,
        "To": account.sender,
        "Body": item.text,
        "NumMedia": "0",
        "NumSegments": "1",
        "ApiVersion": "2010-04-01",
    }
    if _is_stop(item):
        fields["OptOutType"] = "STOP"
    return fields


def _is_stop(item: News) -> bool:
    """Twilio itself knows the English words only."""
    return item.text.strip().upper() == "STOP"


def _call(account: Account, url: str, fields: Mapping[str, str]) -> Call:
    """A form, signed over the URL and its fields sorted by name."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    mac = hmac.new(account.secret.encode(), signed.encode(), hashlib.sha1).digest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-Twilio-Signature": base64.b64encode(mac).decode(),
        "User-Agent": "TwilioProxy/1.1",
    }
    return Call(url=url, headers=headers, body=urlencode(fields).encode())
