"""People in front of browsers, each person a context of its own, with everything that went wrong in it noted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.patience import at_most, wait_for

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
ENGLISH, CHINESE = "en-US", "zh-CN"
# What the network does to a page is not the page's mistake.
OF_THE_NETWORK = re.compile(
    r"net::ERR_|WebSocket connection|Failed to load resource|htmx:(?:afterRequest|sendError|sendAbort|timeout)"
)


class Screen:
    """One browser window of one person. ``page`` is Playwright's."""

    def __init__(self, url: str, browser: Browser, *, locale: str = ENGLISH, javascript: bool = True) -> None:
        self.has_javascript = javascript
        self.context: BrowserContext = browser.new_context(
            base_url=url, locale=locale, java_script_enabled=javascript, viewport={"width": 1360, "height": 900}
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.mistakes: list[str] = []
        self.page.on("pageerror", lambda error: self.mistakes.append(f"{self.page.url}: {error}"))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not OF_THE_NETWORK.search(message.text):
            self.mistakes.append(f"{self.page.url}: {message.text}")

    # ------------------------------------------------------------ who
    def enter(self, username: str, path: str = "/orders/") -> Screen:
        """Sign in by the list of demo people."""
        self.page.goto(f"/sign-in/?next={path}")
        self.page.locator(f"button[name=username][value={username}]").click()
        self.page.wait_for_url(f"**{path}")
        return self

    def become(self, username: str) -> None:
        """The demo menu's switch; leads back to the same page.

        No navigation is waited for: the page may load itself anew, because its socket's session has ended, before the
        form's answer is there.
        """
        self.page.locator("#person-menu > summary").click()
        self.page.locator(f"#person-menu button[name=username][value={username}]").click()
        expect(self.page.locator(f"#person-menu button[value={username}][aria-current=true]")).to_have_count(1)

    # ------------------------------------------------------------ where
    def open(self, path: str) -> None:
        answer = self.page.goto(path)
        assert answer and answer.status == 200, f"{path}: {answer and answer.status}"

    def open_order(self, number: str, panel: str = "") -> None:
        self.open(f"/orders/{number}/" + (f"?panel={panel}" if panel else ""))

    def act(self, path: str) -> Locator:
        """The button of the form that posts to an address ending so."""
        return self.page.locator(f'form[action$="{path}"] button').last

    # ------------------------------------------------------------ what is to be seen
    def card(self, panel: str) -> Locator:
        """The card of the build or of an environment in the lane."""
        return self.page.locator(f'a.lane-card[href$="panel={panel}"]')

    def mark(self) -> None:
        """From now on a reload would be noticed."""
        self.page.evaluate("window.notReloaded = true")

    def was_reloaded(self) -> bool:
        return not self.page.evaluate("window.notReloaded === true")

    def log_length(self) -> int:
        """Bytes of the build's log that the page knows of."""
        ask = "Number(document.querySelector('[data-log-viewer]')?.dataset.bytes ?? 0)"
        found: int = self.page.evaluate(ask)
        return found

    def shot(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(folder / f"{name}.png"), full_page=True)


def until(what: Callable[[], object], why: str, seconds: float = 60.0) -> float:
    """Seconds until it was true, asked through the browser. A short wait may last longer on a busy machine."""
    limit = max(seconds, min(at_most(seconds), 30))
    began = time.monotonic()
    wait_for(what, why, limit)
    return time.monotonic() - began
