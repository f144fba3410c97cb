"""The providers as the contract suite sees them: their recorded payloads, an account, a signer.

A test that takes `provider` runs over every kind of channel; one that also takes `request_case`,
`accepted_case`, `error_case` or `webhook_case` runs over every recorded case of every kind.
"""

from __future__ import annotations

import datetime as dt
import json
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from channels import KINDS
from channels.base import Channel, Hook, Response

PAYLOADS = Path(__file__).parent / "payloads"
HOOK_URL = "https://pregon.example/hooks/7"
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
CASES = {
    "request_case": "requests",
    "accepted_case": "accepted",
    "error_case": "errors",
    "webhook_case": "webhooks",
}


@dataclass(frozen=True)
class Provider:
    kind: str

    @property
    def type(self) -> type[Channel]:
        return KINDS[self.kind]

    def document(self, name: str) -> dict[str, Any]:
        """One payload file: its source and its cases."""
        return json.loads((PAYLOADS / self.kind / f"{name}.json").read_text())

    def recorded(self, name: str) -> list[dict[str, Any]]:
        return self.document(name)["cases"]

    def settings(self) -> dict[str, str]:
        """An account's settings: what is recorded, and recognisable secrets."""
        secrets = {name: f"SENTINEL{name}" for name in self.type.secret_names()}
        return self.recorded("settings")[0] | secrets | {"callback_url": HOOK_URL}

    def channel(self) -> Channel:
        return self.type.from_settings(self.settings())

    def signs_the_body(self) -> bool:
        return self._signer()["COVERS_BODY"]

    def signs_json(self) -> bool:
        return "json" in self.recorded("webhooks")[0]

    def sign(self, body: bytes, *, url: str = HOOK_URL, **secrets: str) -> Hook:
        """The call the provider would make with this body."""
        headers = self._signer()["sign"](self.settings() | secrets, url, body)
        return Hook(method="POST", url=url, headers=headers, body=body, at=NOW)

    def hook(self, case: dict[str, Any]) -> Hook:
        """A recorded webhook call."""
        raw = urlencode(case["form"]) if "form" in case else json.dumps(case["json"])
        return self.sign(raw.encode(), url=HOOK_URL + case.get("query", ""))

    def answer(
        self, status: int, body: bytes | object, headers: dict[str, str] | None = None
    ) -> Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(status=status, headers=headers or {}, body=raw)

    def _signer(self) -> dict[str, Any]:
        return runpy.run_path(str(PAYLOADS / self.kind / "sign.py"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "provider" not in metafunc.fixturenames:
        return
    providers = [Provider(kind) for kind in KINDS]
    for argument in metafunc.fixturenames:
        if argument in CASES:
            found = [
                pytest.param(provider, case, id=f"{provider.kind}: {case['name']}")
                for provider in providers
                for case in provider.recorded(CASES[argument])
            ]
            metafunc.parametrize(("provider", argument), found)
            return
    metafunc.parametrize("provider", providers, ids=[provider.kind for provider in providers])


@pytest.fixture
def provider(request: pytest.FixtureRequest) -> Provider:
    """Parametrised above."""
    return request.param
