"""``python -m tests.ux.docs_pictures``: the pictures that README and docs show, into ``docs/screens/``.

``ONLY=server,server-zh`` makes some only.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser import launch
from tests.ux.browser_view import CHINESE, DARK, ENGLISH, HEIGHT, LIGHT, NARROW, WIDE, Viewer
from tests.ux.screens import NORMAL, VIEWS, View
from tests.ux.site import furnished
from tests.ux.small_png import reduce_colours
from tests.whole.product import ROOT

OUT = ROOT / "docs" / "screens"
MOST_PICTURES, MOST_BYTES = 24, 150_000
Shot = tuple[str, str, str, int]
PICTURES: dict[str, Shot] = {
    "home": ("home", LIGHT, ENGLISH, WIDE),
    "home-zh-dark": ("home", DARK, CHINESE, WIDE),
    "orders": ("orders", LIGHT, ENGLISH, WIDE),
    "new-order-zh": ("new-order", LIGHT, CHINESE, WIDE),
    "order": ("order-rolling", LIGHT, ENGLISH, WIDE),
    "order-zh": ("order-rolling", LIGHT, CHINESE, WIDE),
    "order-building-zh-dark": ("order-building", DARK, CHINESE, WIDE),
    "order-failed": ("order-failed", LIGHT, ENGLISH, WIDE),
    "review-zh": ("review-approving", LIGHT, CHINESE, WIDE),
    "rollout": ("rollout", LIGHT, ENGLISH, WIDE),
    "rollout-failed-zh": ("rollout-failed", LIGHT, CHINESE, WIDE),
    "roll-back": ("roll-back", LIGHT, ENGLISH, WIDE),
    "runtime-dark": ("runtime", DARK, ENGLISH, WIDE),
    "approvals-zh": ("approvals", LIGHT, CHINESE, WIDE),
    "component-edit-zh": ("component-edit", LIGHT, CHINESE, WIDE),
    "template": ("template", LIGHT, ENGLISH, WIDE),
    "environments-zh": ("environments", LIGHT, CHINESE, WIDE),
    "server": ("server", LIGHT, ENGLISH, WIDE),
    "server-zh": ("server", LIGHT, CHINESE, WIDE),
    "health": ("health", LIGHT, ENGLISH, WIDE),
    "narrow-home-zh": ("home", LIGHT, CHINESE, NARROW),
    "narrow-review-zh-dark": ("review-approving", DARK, CHINESE, NARROW),
    "narrow-rollout": ("rollout", LIGHT, ENGLISH, NARROW),
}
"""File → screen in its normal state, theme, language, width."""


def main() -> int:
    """Exit code 1 when a picture is too heavy."""
    assert len(PICTURES) <= MOST_PICTURES
    OUT.mkdir(parents=True, exist_ok=True)
    only = {name for name in os.environ.get("ONLY", "").split(",") if name}
    wanted = {name: shot for name, shot in PICTURES.items() if not only or name in only}
    heavy = []
    with (
        tempfile.TemporaryDirectory(prefix="prism4k-docs-") as folder,
        furnished(Path(folder)) as site,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        viewer, desk = Viewer(site, browser), browser.new_page()
        for name, (screen, theme, language, width) in wanted.items():
            opened = partial(viewer.open, _view(screen), theme=theme, language=language, width=width)
            if screen == "server":
                used = opened().page
                _use_server(used)
                used.close()
            seen = opened()
            path = OUT / f"{name}.png"
            # What renders or reviews in the background has a moment to come in.
            seen.page.wait_for_timeout(2500)
            seen.page.set_viewport_size({"width": width, "height": HEIGHT})
            path.write_bytes(reduce_colours(desk, seen.page.screenshot(full_page=screen == "server")))
            seen.page.close()
            size = path.stat().st_size
            sys.stdout.write(f"{size:8d}  {path.relative_to(ROOT)}\n")
            heavy += [name] * (size > MOST_BYTES)
    return 1 if heavy else 0


def _use_server(page: Page) -> None:
    """As the guide has it: a test that fails, one that passes, and a webhook, whose secret is not shown again."""
    for job in ("NO_SUCH_JOB", ""):
        page.locator("[name=subject]").fill(job)
        page.locator("form[action$='/test/'] button").click()
        page.wait_for_function("() => !document.querySelector('#tests[hx-get], .htmx-request')")
        page.wait_for_timeout(500)
        page.wait_for_function("() => !document.querySelector('#tests[hx-get]')")
    if not page.locator("#webhook dl").count():
        page.locator("#webhook .acts button").first.click()
        page.locator("#webhook dl").wait_for()


def _view(screen: str) -> View:
    return next(view for view in VIEWS if view.screen == screen and view.state == NORMAL)


if __name__ == "__main__":
    sys.exit(main())
