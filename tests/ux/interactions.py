"""A user that counts interactions: one click, one chord, one field filled in are one interaction each."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.browsing import PATIENCE_MS

_OF_KEYS = re.compile(r"\+")


class CountedUser:
    """A person at a page. Looking, scrolling and waiting cost nothing; everything else is written down."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.done: list[str] = []

    @property
    def count(self) -> int:
        """Interactions so far."""
        return len(self.done)

    def start(self, url: str) -> CountedUser:
        """Where somebody is before the task; not counted."""
        self.page.goto(url)
        return self

    def click(self, what: Locator) -> None:
        """One click on what is to be seen and enabled."""
        expect(what).to_be_enabled()
        self.done.append(f"click {_name(what)}")
        what.click()

    def press(self, chord: str) -> None:
        """A key, or keys held together."""
        assert not (_OF_KEYS.sub("", chord) == "" and chord), chord
        self.done.append(f"press {chord}")
        self.page.keyboard.press(chord)

    def fill(self, field: Locator, text: str) -> None:
        """One field, by typing; going there with the pointer belongs to it."""
        self.done.append(f"fill in {_name(field)}")
        field.fill(text)

    def choose(self, field: Locator, value: str) -> None:
        """One of a list, which is one field filled in."""
        self.done.append(f"choose {value} in {_name(field)}")
        field.select_option(value)

    def go_on(self) -> CountedUser:
        """The same person, the next task: nothing has been done for it yet."""
        self.done = []
        return self


def _name(what: Locator) -> str:
    """What the element calls itself, short."""
    found: str = what.evaluate(
        """(one) => {
          const copy = one.cloneNode(true);
          copy.querySelectorAll?.("kbd, svg, .visually-hidden, time").forEach((part) => part.remove());
          return (one.labels?.[0]?.textContent || copy.textContent || one.getAttribute("aria-label") || one.name || "");
        }"""
    )
    return " ".join(found.split())[:40]
