"""Clicks in real Chromium, timed in the page: from the event to the frame with the new count.

The builder's root has the class `waiting` from an edit until its counts are painted.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import TimeoutError, sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
IDLE = (
    '[data-testid="stApp"][data-test-script-state="notRunning"]'
    '[data-test-connection-state="CONNECTED"]'
)
PAUSE = 350
"""Milliseconds between an answer and the next click."""
PATIENCE = 30.0
WATCH = """
(root) => {
  const taken = (globalThis.benchmarkClicks = []);
  globalThis.benchmarkLost = () => (
    root.isConnected ? `class "${root.className}"` : "the builder was drawn anew"
  );
  let clicked = null;
  root.addEventListener("click", (event) => { clicked = event.timeStamp; }, true);
  let waited = root.classList.contains("waiting");
  new MutationObserver(() => {
    const waits = root.classList.contains("waiting");
    if (waited && !waits && clicked !== null) {
      const start = clicked;
      clicked = null;
      requestAnimationFrame(() => setTimeout(() => taken.push(performance.now() - start)));
    }
    waited = waits;
  }).observe(root, { attributes: true, attributeFilter: ["class"] });
}
"""


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """A page of Chromium, drawn and at rest."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        page = browser.new_page(viewport={"width": 1360, "height": 900}, locale="en-US")
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url)
        page.wait_for_selector(IDLE, timeout=120_000)
        try:
            page.locator(".builder .number").first.wait_for(timeout=60_000)
        except TimeoutError as error:
            raise RuntimeError(f"The builder was not drawn: {wrong}.") from error
        page.wait_for_timeout(1500)
        yield page
        browser.close()


def timed(page: Any, chips: Iterable[Any]) -> list[float]:
    """Milliseconds of a click on each of these, one after the other."""
    page.locator(".builder").first.evaluate(WATCH)
    for count, chip in enumerate(chips, 1):
        chip.click()
        end = time.monotonic() + PATIENCE
        while page.evaluate("benchmarkClicks.length") < count:  # the page forbids wait_for_function
            page.wait_for_timeout(25)
            if time.monotonic() > end:
                why = page.evaluate("benchmarkLost()")
                raise RuntimeError(f"Click {count} was never answered: {why}.")
        page.wait_for_selector(IDLE, timeout=120_000)
        page.wait_for_timeout(PAUSE)
    return [float(each) for each in page.evaluate("benchmarkClicks")]


def new_choices(page: Any, count: int) -> Iterator[Any]:
    """Chips of the builder so that each click asks for a choice that was not asked before.

    Gray code: one chip more or less, and every combination once; two conditions in turn.
    """
    shelves = page.locator(".builder .values").filter(has=page.locator(".chip"))
    for number in range(1, count + 1):
        chips = shelves.nth(number % 2).locator(".chip")
        step = (number + 1) // 2
        lowest = (step & -step).bit_length() - 1
        yield chips.nth(lowest % chips.count())
