"""One product for all these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import Open, windows
from tests.whole.people import Crew
from tests.whole.product import Product, running

__all__ = ["Open"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "e2e":
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(240))


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
    with windows(request, product, chromium) as open_one:
        yield open_one
