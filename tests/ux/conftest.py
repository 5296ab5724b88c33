"""One furnished installation for all tests of this folder that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import Open, windows
from tests.ux.browser_view import Viewer
from tests.ux.site import Site, furnished
from tests.whole.people import Crew

ACTING = ("test_by_keyboard", "test_tasks", "test_on_a_telephone", "test_without_javascript", "test_stillness")
"""Modules that build, deploy and roll back as a person does, also what the scene made: after those that only look, in
this order. The first two search what failed, which a newer order of its component hides: the others make one.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(ACTING, 1)}
    items.sort(key=lambda item: places.get(item.path.stem, 0) if item.path.parent.name == "ux" else 0)


@pytest.fixture(scope="session")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """What a test changes belongs to an order of its own, but for :data:`ACTING`."""
    with furnished(tmp_path_factory.mktemp("ux")) as site:
        yield site


@pytest.fixture(scope="session")
def viewer(site: Site, chromium: Browser) -> Iterator[Viewer]:
    viewer = Viewer(site, chromium)
    yield viewer
    viewer.close()


@pytest.fixture
def crew(site: Site) -> Crew:
    """People at the API, for what a test does not click."""
    return Crew(site.product)


@pytest.fixture
def open_screen(request: pytest.FixtureRequest, site: Site, chromium: Browser) -> Iterator[Open]:
    """Another window of another person."""
    with windows(request, site.product, chromium) as open_one:
        yield open_one
