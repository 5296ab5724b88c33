"""Nothing moves while it is watched: measured live, over whole builds and a whole rollout, as they happen.

The browser's own layout shift, and the place of what people read: lane, stages, log and pods keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from demo.world import OPERATOR
from tests.e2e.browsing import until
from tests.ux.browser_view import HEIGHT, WIDE, Viewer
from tests.ux.scene import ACCOUNTS, MOBILE
from tests.ux.site import Site
from tests.whole.people import Carried, Crew

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
MOST = 0.005
WATCHER = OPERATOR
_WATCH = """window.moved = {shift: 0, sources: [], places: {}};
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (entry.hadRecentInput) return;
  moved.shift += entry.value;
  entry.sources.forEach((source) => moved.sources.push(
    `${source.node?.nodeName}.${source.node?.className ?? ""} ${source.previousRect.y}→${source.currentRect.y}`));
})).observe({type: "layout-shift", buffered: false});
const read = () => {
  for (const name of [".lane", ".stages", "#log-title", "#pods"]) {
    const found = document.querySelector(name);
    if (found) (moved.places[name] ??= new Set()).add(Math.round(found.getBoundingClientRect().top + scrollY));
  }
  requestAnimationFrame(read);
};
read();"""
_SEEN = """() => {
  const places = Object.entries(moved.places).map(([name, tops]) => [name, [...tops]]);
  return {...moved, places: Object.fromEntries(places)};
}"""


@pytest.fixture
def crew(site: Site) -> Crew:
    return Crew(site.product)


@contextmanager
def watching(site: Site, viewer: Viewer, chromium: Browser, address: str) -> Iterator[Page]:
    """A page that has come to rest, watched until the block ends; then nothing of it may have moved."""
    context = chromium.new_context(viewport={"width": WIDE, "height": HEIGHT}, locale="en-US")
    context.add_cookies(viewer.session(WATCHER))
    page = context.new_page()
    try:
        page.goto(f"{site.url}{address}")
        expect(page.locator("[data-live=ok]")).to_be_visible()
        page.wait_for_timeout(900)
        page.evaluate(_WATCH)
        yield page
        page.wait_for_timeout(1500)
        seen: dict[str, Any] = page.evaluate(_SEEN)
    finally:
        context.close()
    assert seen["shift"] <= MOST, seen
    assert {name: tops for name, tops in seen["places"].items() if len(tops) > 1} == {}, seen


def built(order: Carried, state: str) -> bool:
    return bool(order.overview()["state"] == state)


@pytest.mark.parametrize(
    ("component", "branch", "state"), [(ACCOUNTS, "", "built"), (MOBILE, "loud-build", "build_failed")]
)
def test_nothing_moves_over_a_whole_build(
    site: Site, viewer: Viewer, chromium: Browser, crew: Crew, component: str, branch: str, state: str
) -> None:
    order = crew.create(component, *filter(None, [branch]))
    order.start_build()
    with watching(site, viewer, chromium, f"/orders/{order.number}/?panel=build") as page:
        until(lambda: built(order, state), "the build ends", 120)
        expect(page.locator(".build-note.succeeded, .build-note.failed")).to_be_visible()


def test_nothing_moves_over_a_whole_rollout(site: Site, viewer: Viewer, chromium: Browser, crew: Crew) -> None:
    order = crew.create(ACCOUNTS)
    order.build()
    order.promote("fat")
    order.start_deployment("fat")
    pk = order.at("fat")["deployment"]["id"]
    with watching(site, viewer, chromium, f"/deployments/{pk}/") as page:
        until(lambda: order.at("fat")["deployment"]["state"] == "succeeded", "the rollout ends", 120)
        expect(page.locator(".rollout-bar .tone-succeeded")).to_be_visible()
