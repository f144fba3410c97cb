"""`pregon channel check`: the provider is asked whether the token works."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli.command import app
from tests.engine.conftest import CHANNELS, Running

TOKENS = {"whatsapp": "access_token", "telegram": "token", "twilio_sms": "auth_token"}


@pytest.fixture
def check(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    redis_url: str,
    run_sandbox: Callable[..., Running],
) -> Callable[..., Result]:
    """Add a channel of a kind, perhaps with another token, and check it against the sandbox."""
    running = run_sandbox()
    monkeypatch.setenv("PREGON_SANDBOX_PORT", str(running.http.base_url.port))
    monkeypatch.setenv("PREGON_REDIS_URL", redis_url)
    monkeypatch.chdir(tmp_path)

    def run(kind: str, **other: str) -> Result:
        values = CHANNELS[kind] | other
        given = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        folder = ["--data", str(tmp_path / "data")]
        added = CliRunner().invoke(
            app, [*folder, "channel", "add", kind, kind, *given, "--sandbox"]
        )
        assert added.exit_code == 0, added.output
        return CliRunner().invoke(app, [*folder, "channel", "check", kind, "--json"])

    return run


@pytest.mark.parametrize("kind", TOKENS)
def test_a_right_token_works(check: Callable[..., Result], kind: str):
    result = check(kind)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ok"] is True


@pytest.mark.parametrize("kind", TOKENS)
def test_a_wrong_token_is_one_sentence_that_does_not_show_it(
    check: Callable[..., Result], kind: str
):
    wrong = "999:wrong-token" if kind == "telegram" else "wrong-token"
    result = check(kind, **{TOKENS[kind]: wrong})
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "channel.refused"
    assert error["sentence"].count(".") >= 1
    assert "\n" not in error["sentence"]
    assert "wrong-token" not in result.output
