"""Meta signs the raw body: X-Hub-Signature-256, HMAC-SHA256 with the app secret, in hex."""

import hashlib
import hmac

COVERS_BODY = True


def sign(settings: dict[str, str], url: str, body: bytes) -> dict[str, str]:
    digest = hmac.digest(settings["app_secret"].encode(), body, hashlib.sha256)
    return {"x-hub-signature-256": "sha256=" + digest.hex()}
