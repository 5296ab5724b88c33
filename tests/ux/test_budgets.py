"""Bytes, requests and shifts of the main screens (``make budgets`` prints them, with times that nobody fails by).

JavaScript ≤ 90 KB at first load and ≤ 30 KB for a further route, the sheet ≤ 25 KB, as they come over the wire
(gzip); ≤ 12 requests; no layout shift above 0.02. What a page loads on demand after an act (palette) or for an editor
is counted apart.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.ux.browser_view import HEIGHT, NARROW, WIDE, Viewer
from tests.ux.screens import MAIN, View
from tests.ux.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
"""The first case furnishes the installation and loads all pages, throttled."""
KB = 1000
FIRST_SCRIPTS, ROUTE_SCRIPTS, SHEETS = 90 * KB, 30 * KB, 25 * KB
REQUESTS, SHIFT = 12, 0.02
EDITOR = "/editor-"
"""In the name of what only a text editor loads."""
AGES = ("1 second ago", "59 seconds ago", "1 minute ago", "9 minutes ago", "10 minutes ago")
"""What an age says within an hour, the narrowest and the widest words; it counts on while somebody reads."""
SETTLED_MS = 900
SLOWER = 4
_WATCH = """window.seen = {shift: 0, paint: 0, slowest: 0, sources: []};
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (entry.hadRecentInput) return;
  seen.shift += entry.value;
  entry.sources.forEach((source) => seen.sources.push(source.node?.nodeName + "." + (source.node?.className ?? "")));
})).observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => list.getEntries().forEach((entry) => { seen.paint = entry.startTime; }))
  .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (entry.interactionId) seen.slowest = Math.max(seen.slowest, entry.duration);
})).observe({type: "event", durationThreshold: 16, buffered: true});"""
# What news ask for is no part of loading the page: it comes as often as something happens. A preview is asked for anew
# until a worker has made it: counted once.
_LOADED = """() => performance.getEntriesByType("resource").filter((one) =>
  one.initiatorType !== "xmlhttprequest" || one.startTime < window.newsAt).map((one) =>
  ({name: one.name, url: new URL(one.name).pathname, bytes: one.encodedBodySize, kind: one.initiatorType}))"""
_NOTE_NEWS = """window.newsAt = Infinity;
addEventListener("prism:changed", () => { newsAt = Math.min(newsAt, performance.now()); }, true);"""

_HEIGHTS_BY_AGE = """(words) => words.map((word) => {
  for (const one of document.querySelectorAll("time[data-age]:not([data-age=short])")) one.textContent = word;
  return document.documentElement.scrollHeight;
})"""


@dataclass
class Load:
    """One page loaded into an empty cache. ``bytes`` by path, compressed."""

    view: View
    requests: int
    bytes: dict[str, int]
    shift: float
    moved: list[str]
    paint_ms: float
    slowest_ms: float = 0.0

    def of(self, ending: str) -> int:
        """Bytes of scripts (``.js``) or sheets (``.css``), editors apart."""
        return sum(size for path, size in self.bytes.items() if path.endswith(ending) and EDITOR not in path)

    def line(self, further: int) -> str:
        """For people."""
        return (
            f"{self.view.screen:<12} {self.of('.js') / KB:6.1f} {further / KB:6.1f} {self.of('.css') / KB:6.1f} "
            f"{self.requests:4d} {self.shift:7.3f} {self.paint_ms:7.0f} {self.slowest_ms:7.0f}"
        )


@dataclass
class Loads:
    """All main screens; ``first`` is what somebody has who came by home."""

    all: list[Load] = field(default_factory=list)

    def further(self, load: Load) -> int:
        """Script bytes that this page needs beyond those of home."""
        known = self.all[0].bytes
        return sum(
            size for path, size in load.bytes.items()
            if path.endswith(".js") and path not in known and EDITOR not in path
        )  # fmt: skip


@pytest.fixture(scope="module")
def loads(request: pytest.FixtureRequest, site: Site, viewer: Viewer, chromium: Browser) -> Iterator[Loads]:
    is_printed = request.config.getoption("capture") == "no"
    found = Loads([_load(site, viewer, chromium, view, is_timed=is_printed) for view in MAIN])
    yield found
    if not is_printed:
        return
    lines = [
        "screen           JS  +route    CSS  req   shift  LCP ms  INP ms   (KB gzip; times: throttled, not judged)"
    ]
    lines += [load.line(found.further(load)) for load in found.all]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


def _load(site: Site, viewer: Viewer, chromium: Browser, view: View, *, is_timed: bool) -> Load:
    with _settled(site, viewer, chromium, view, WIDE) as page:
        loaded: list[dict[str, Any]] = page.evaluate(_LOADED)
        seen = page.evaluate("seen")
        paint, slowest = _slowly(page) if is_timed else (0.0, 0.0)
        names = {one["name"] for one in loaded}
        sizes = {one["url"]: one["bytes"] for one in loaded}
        return Load(view, 1 + len(names), sizes, seen["shift"], seen["sources"], paint, slowest)


@contextlib.contextmanager
def _settled(site: Site, viewer: Viewer, chromium: Browser, view: View, width: int) -> Iterator[Page]:
    """The view in a window of its own, after what moves late has moved."""
    context = _empty_window(viewer, chromium, view, width)
    page = context.new_page()
    try:
        page.goto(f"{site.url}{view.address(site.scene)}")
        page.wait_for_load_state("load")
        page.wait_for_timeout(SETTLED_MS)
        yield page
    finally:
        context.close()


def _empty_window(viewer: Viewer, chromium: Browser, view: View, width: int) -> BrowserContext:
    context = chromium.new_context(viewport={"width": width, "height": HEIGHT}, locale="en-US")
    context.add_cookies(viewer.session(view.who))
    context.add_init_script(_WATCH)
    context.add_init_script(_NOTE_NEWS)
    return context


def _slowly(page: Page) -> tuple[float, float]:
    """Largest paint and slowest answer to a click or key with a processor four times slower."""
    throttle = page.context.new_cdp_session(page)
    throttle.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.reload()
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLED_MS)
    for menu in page.locator("header details.menu > summary:visible").all()[:2]:
        menu.click()
        page.keyboard.press("Escape")
    for key in ("j", "k", "Tab"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    seen = page.evaluate("seen")
    return float(seen["paint"]), float(seen["slowest"])


@pytest.mark.parametrize("place", range(len(MAIN)), ids=[view.screen for view in MAIN])
def test_a_screen_keeps_its_budget(loads: Loads, place: int) -> None:
    load = loads.all[place]
    over = {
        "scripts at first load": (load.of(".js"), FIRST_SCRIPTS),
        "scripts of a further route": (loads.further(load), ROUTE_SCRIPTS),
        "sheets": (load.of(".css"), SHEETS),
        "requests": (load.requests, REQUESTS),
    }
    assert not {name: has for name, has in over.items() if has[0] > has[1]}, sorted(load.bytes.items())
    assert load.of(".js") and load.of(".css"), "nothing was measured"
    assert load.shift <= SHIFT, load.moved


@pytest.mark.parametrize("view", MAIN, ids=lambda view: view.screen)
def test_nothing_jumps_on_a_narrow_window(site: Site, viewer: Viewer, chromium: Browser, view: View) -> None:
    with _settled(site, viewer, chromium, view, NARROW) as page:
        seen = page.evaluate("seen")
        heights = page.evaluate(_HEIGHTS_BY_AGE, AGES)
    assert seen["shift"] <= SHIFT, seen["sources"]
    assert len(set(heights)) == 1, dict(zip(AGES, heights, strict=True))


def test_parts_of_the_bundle_are_kept_for_ever(site: Site, viewer: Viewer, chromium: Browser) -> None:
    """Chunks are imported by names that carry esbuild's hash; main.js by Django's. No chunk loads main.js again."""
    found = {}
    context = _empty_window(viewer, chromium, MAIN[0], WIDE)
    page = context.new_page()
    page.on("response", lambda answer: found.update({answer.url: answer}))
    for view in MAIN:
        page.goto(f"{site.url}{view.address(site.scene)}")
        page.wait_for_timeout(300)
    built = {url: answer for url, answer in found.items() if "/static/dist/" in url}
    for url, answer in built.items():
        assert answer.status in (200, 304) and "immutable" in answer.headers["cache-control"], url
    names = [url.rpartition("/")[2] for url in built]
    context.close()
    assert len([name for name in names if name.startswith("main.") and name.endswith(".js")]) == 1, names
