"""Words two fifths longer than English still fit every screen, wide and narrow.

The main ones and every second other; ``FULL=1`` opens all, also those that refuse, fail or have nothing to show.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from demo.ports import Ports
from tests.ux.browser_view import NARROW, WIDE, Viewer
from tests.ux.pseudo import lengthen, make_locale
from tests.ux.screens import DELAYED, FULL, NORMAL, VIEWS, View
from tests.ux.site import Site


def opened_views() -> list[View]:
    """What is opened; screens with their cable pulled say what they said before."""
    if os.environ.get("FULL"):
        return [view for view in VIEWS if view.state != DELAYED]
    wordy = [view for view in VIEWS if view.state in (NORMAL, FULL)]
    return [view for place, view in enumerate(wordy) if view.is_main or place % 2 == 0]


@pytest.fixture(scope="module")
def longer(site: Site, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """The same rows, served by one more web process whose English is longer."""
    folder = make_locale(tmp_path_factory.mktemp("locale"))
    port = Ports(folder / "ports.json").take("longer")
    process = site.product.web(port, "-m", "tests.ux.pseudo_web", str(folder), str(port))
    viewer = Viewer(site, chromium, f"http://127.0.0.1:{port}")
    yield viewer
    viewer.close()
    process.kill()
    process.wait()


@pytest.mark.e2e
@pytest.mark.timeout(900)
@pytest.mark.parametrize("view", opened_views(), ids=lambda view: view.name)
def test_longer_words_fit(longer: Viewer, view: View) -> None:
    seen = longer.open(view)
    try:
        if view.state == NORMAL and view.status == 200:
            assert seen.page.locator("body", has_text=lengthen("Sign")).count(), "this page is not in longer words"
        troubles = []
        for width in (WIDE, NARROW):
            seen.resize(width)
            troubles += [f"{width}: {one}" for one in (*seen.overflow(), *seen.cut_text())]
    finally:
        seen.page.close()
    assert not troubles, "\n".join(["", *troubles])


@pytest.mark.parametrize(
    "message", ["%(n)s of %(all)d pods", "Put it into PRISM4K_TOKEN.", "a {key} &amp; <b>word</b>", "Deploy to UAT"]
)
def test_what_is_no_word_stays(message: str) -> None:
    longer = lengthen(message)
    for part in ("%(n)s", "%(all)d", "PRISM4K_TOKEN", "{key}", "&amp;", "<b>", "UAT"):
        assert (part in message) == (part in longer)
    assert longer != message
