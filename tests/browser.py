"""One Chromium for all tests that need one, and a picture of every window when such a test fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.e2e.browsing import Screen
from tests.whole.product import ROOT, Product
from tests.whole.rows import Rows

CHROMIUM = ("chromium-headless-shell", "chromium")
"""Debian's. The shell is the same engine without a desktop: a new window costs it a third of the time."""
ARGUMENTS = [
    "--no-sandbox",  # Chromium refuses to run as root with it, and CI is root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENS = ROOT / "var" / "screens"
_failed = pytest.StashKey[bool]()

Open = Callable[..., Screen]


def find_chromium() -> str:
    """The program; empty when there is none."""
    return next(filter(None, map(shutil.which, CHROMIUM)), "")


def launch(playwright: Playwright) -> Browser:
    """The browser that everybody here uses."""
    return playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Without it these tests are skipped, but never on CI."""
    if not find_chromium():
        why = "Chromium is not installed: apt-get install chromium-headless-shell fonts-noto-cjk"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def newest_rows(rows: Rows) -> str:
    """What tells a page that shows something old from a run that did not go on: places, their runs, newest events."""
    return "\n".join(
        f"{query}\n" + "\n".join(f"  {row}" for row in rows.all(query))
        for query in (
            "SELECT CURRENT_TIMESTAMP",
            "SELECT id, space_id, state, next_at, wakes, claims, lease_until, owner, contact_lost_since"
            " FROM releases_spaceobservation ORDER BY id",
            "SELECT id, space_id, component_id, in_progress_id, last_applied_id, last_succeeded_id, settled_at,"
            " seen_at, changed_at, unsettled_reason FROM releases_placement ORDER BY changed_at DESC LIMIT 12",
            "SELECT id, order_id, seq, kind, at FROM releases_orderevent ORDER BY id DESC LIMIT 15",
        )
    )


@contextmanager
def windows(request: pytest.FixtureRequest, product: Product, chromium: Browser) -> Iterator[Open]:
    """``open_screen("chenlei", "/orders/", locale=…, javascript=…)``: another window of another person.

    Closed at the end; what went wrong in any of them fails the test.
    """
    screens: list[Screen] = []

    def open_one(username: str, path: str = "/orders/", *, url: str = product.url, **how: Any) -> Screen:
        screen = Screen(url, chromium, **how)
        screens.append(screen)
        return screen.enter(username, path)

    yield open_one
    has_failed = request.node.stash.get(_failed, False)
    for place, screen in enumerate(screens, 1):
        if has_failed:
            screen.shot(SCREENS, f"{request.node.name}-{place}")
        screen.context.close()
    if has_failed:
        request.node.add_report_section("teardown", "product", product.log())
        request.node.add_report_section("teardown", "rows", newest_rows(product.rows()))
        return
    assert [mistake for screen in screens for mistake in screen.mistakes] == [], "the pages' own mistakes"
