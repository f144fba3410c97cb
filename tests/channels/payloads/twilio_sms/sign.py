"""Twilio signs the URL and every field: X-Twilio-Signature, HMAC-SHA1 by auth token, in base64."""

import base64
import hmac
from urllib.parse import parse_qs

COVERS_BODY = True


def sign(settings: dict[str, str], url: str, body: bytes) -> dict[str, str]:
    text = url
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    for name in sorted(form):
        for value in sorted(set(form[name])):
            text += name + value
    digest = hmac.digest(settings["auth_token"].encode(), text.encode("utf-8", "replace"), "sha1")
    return {"x-twilio-signature": base64.b64encode(digest).decode()}
