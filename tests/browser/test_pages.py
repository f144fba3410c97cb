"""Every page opens in Chromium, empty and full: no error, and nothing asked of another host."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Screen, Studio

pytestmark = pytest.mark.browser

PAGES = ["/", "/segments", "/contacts"]


@pytest.mark.parametrize("path", PAGES)
def test_opens_on_an_empty_workspace(
    path: str, empty_studio: Studio, screen: Callable[..., Screen]
) -> None:
    made = screen(empty_studio)
    made.open(path)
    made.shot(f"empty{path.replace('/', '-')}")
    made.clean()
