"""One product for all these tests, one Chromium, and a picture of every window when a test fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.browsing import Screen
from tests.whole.people import Crew
from tests.whole.product import ROOT, Product, running

CHROMIUM = "/usr/bin/chromium"
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "e2e":
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(240))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's; without it these tests are skipped, but never on CI."""
    path = CHROMIUM if os.access(CHROMIUM, os.X_OK) else shutil.which("chromium")
    if not path:
        why = "Chromium is not installed: apt-get install chromium fonts-noto-cjk"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def product(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(Product(tmp_path_factory.mktemp("e2e"))) as product:
        yield product


@pytest.fixture
def crew(product: Product) -> Crew:
    """People at the API, for what a test does not click."""
    return Crew(product)


@pytest.fixture
def open_screen(request: pytest.FixtureRequest, product: Product, chromium: Browser) -> Iterator[Open]:
    """``open_screen("chenlei", "/orders/", locale=…, javascript=…)``: another window of another person."""
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
        return
    assert [mistake for screen in screens for mistake in screen.mistakes] == [], "the pages' own mistakes"
