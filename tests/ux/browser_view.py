"""A view in a browser: opened as somebody, in a theme, language and width, with everything noted that went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.e2e.browsing import OF_THE_NETWORK
from tests.e2e.cable import Cable
from tests.ux.screens import ANYBODY, DELAYED, View
from tests.ux.site import Site
from tests.whole.people import Person

LIGHT, DARK = "light", "dark"
ENGLISH, CHINESE = "en-US", "zh-CN"
WIDE, MIDDLE, NARROW = 1440, 768, 360
WIDTHS = (WIDE, MIDDLE, NARROW)
THEMES, LANGUAGES = (LIGHT, DARK), (ENGLISH, CHINESE)
HEIGHT = 900
PATIENCE_MS = 20_000
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_LISTEN = """window.refusedByPolicy = [];
addEventListener("securitypolicyviolation", (event) =>
  refusedByPolicy.push(`${event.violatedDirective}: ${event.blockedURI || event.sample}`));"""
_QUIET = """() => document.readyState === "complete" && !document.querySelector(".htmx-request")"""
_TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const found = [...document.body.querySelectorAll("*")].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && box.right > room + 1 && one.checkVisibility() && getComputedStyle(one).position !== "fixed";
  });
  return [`${document.documentElement.scrollWidth} px of ${room}`, ...found.slice(0, 4).map((one) =>
    `${one.tagName.toLowerCase()}.${String(one.className.baseVal ?? one.className).trim().replace(/ +/g, ".")}`)];
}"""
_CUT = """() => {
  const name = (one) => `${one.tagName.toLowerCase()}.${String(one.className).trim().replace(/ +/g, ".")}`;
  const words = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const found = [];
  for (const one of document.body.querySelectorAll("*")) {
    // What is one pixel wide is there for screen readers alone.
    if (!words(one) || one.clientWidth < 2 || !one.checkVisibility()) continue;
    if (one.closest(".visually-hidden, svg, select, option, textarea")) continue;
    // The head of a table whose rows became cards is there for screen readers alone.
    const head = one.closest("thead");
    if (head && getComputedStyle(head).position === "absolute") continue;
    const style = getComputedStyle(one);
    if (["auto", "scroll"].includes(style.overflowX) || style.textOverflow === "ellipsis") continue;
    if (style.display.startsWith("inline") && style.overflowX === "visible") continue;
    const wide = one.scrollWidth > one.clientWidth + 1;
    const high = style.overflowY === "hidden" && one.scrollHeight > one.clientHeight + 2;
    if (wide || high) found.push(`${name(one)} "${one.textContent.trim().slice(0, 40)}"`);
  }
  return found.slice(0, 8);
}"""


@dataclass
class Seen:
    """An open view. ``troubles`` are messages; empty is good."""

    view: View
    page: Page
    status: int
    troubles: list[str] = field(default_factory=list)

    def resize(self, width: int) -> None:
        """Another width; the page answers by its sheet alone."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.wait_for_timeout(60)

    def overflow(self) -> list[str]:
        """What makes the page scroll sideways."""
        found: list[str] = self.page.evaluate(_TOO_WIDE)
        return [f"scrolls sideways: {', '.join(found)}"] if found else []

    def cut_text(self) -> list[str]:
        """Words that do not fit and say so by no ellipsis."""
        found: list[str] = self.page.evaluate(_CUT)
        return [f"does not fit: {one}" for one in found]

    def axe(self) -> list[str]:
        """What axe-core finds, one line a rule."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate(
            """async () => (await axe.run(document, {resultTypes: ["violations"],
                 rules: {"target-size": {enabled: true}}})).violations"""
        )
        return [_told(rule) for rule in found]

    def refused_by_policy(self) -> list[str]:
        """What the content security policy stopped."""
        found: list[str] = self.page.evaluate("window.refusedByPolicy || []")
        return [f"stopped by the policy: {one}" for one in found]


def _told(rule: dict[str, Any]) -> str:
    nodes = rule["nodes"]
    first = nodes[0]
    why = " ".join(str(first.get("failureSummary", "")).split())
    return f"axe {rule['id']} ({len(nodes)}×): {first['html'][:160]} – {why[:220]}"


class Viewer:
    """Opens views of one site in one browser; a window for each person, theme and language is kept."""

    def __init__(self, site: Site, browser: Browser, url: str = "") -> None:
        self.site, self._browser, self._url = site, browser, url or site.url
        self._windows: dict[tuple[str, str, str], BrowserContext] = {}
        self._cookies: dict[str, list[Any]] = {}

    def open(self, view: View, *, theme: str = LIGHT, language: str = ENGLISH, width: int = WIDE) -> Seen:
        """The view as it is when it has come to rest. The page must be closed by the caller."""
        context = self._window(view.who, theme, language)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.set_viewport_size({"width": width, "height": HEIGHT})
        seen = Seen(view, page, 0)
        page.on("pageerror", lambda error: seen.troubles.append(f"error in a script: {error}"))
        page.on("console", lambda message: _hear(seen, message))
        if view.state == DELAYED:
            self._open_offline(seen)
        else:
            seen.status = _go(page, f"{self._url}{view.address(self.site.scene)}")
            self._fill(seen)
        if seen.status != view.status:
            seen.troubles.append(f"answered {seen.status} instead of {view.status}")
        seen.troubles += seen.refused_by_policy()
        return seen

    def close(self) -> None:
        """All windows."""
        for context in self._windows.values():
            context.close()
        self._windows.clear()

    # ------------------------------------------------------------ themes, languages, widths
    def _open_offline(self, seen: Seen) -> None:
        """The page loads and listens, then the server is out of reach."""
        cable = Cable(self.site.product.port)
        try:
            seen.status = _go(seen.page, f"{cable.url}{seen.view.address(self.site.scene)}")
            seen.page.wait_for_selector("[data-live=ok]", timeout=PATIENCE_MS)
            cable.pull()
            seen.page.wait_for_selector("[data-live=off], [data-live=late]", timeout=PATIENCE_MS)
        finally:
            cable.close()

    def _fill(self, seen: Seen) -> None:
        if not seen.view.fill:
            return
        *fields, (button, _none) = seen.view.fill
        for selector, text in fields:
            seen.page.fill(selector, text)
        with seen.page.expect_navigation() as answer:
            seen.page.click(button)
        if answer.value:
            seen.status = answer.value.status
        settle(seen.page)

    def _window(self, who: str, theme: str, language: str) -> BrowserContext:
        key = (who, theme, language)
        if key not in self._windows:
            context = self._browser.new_context(
                locale=language, color_scheme="dark" if theme == DARK else "light", reduced_motion="reduce",
                timezone_id="Asia/Shanghai",
            )  # fmt: skip
            context.add_init_script(_LISTEN)
            if who != ANYBODY:
                context.add_cookies(self.session(who))
            self._windows[key] = context
        return self._windows[key]

    def session(self, who: str) -> list[Any]:
        """The cookies of this person's session; they hold for every port of this machine."""
        if who not in self._cookies:
            person = Person(self.site.url, who)
            self._cookies[who] = [
                {"name": cookie.name, "value": cookie.value or "", "domain": "127.0.0.1", "path": "/"}
                for cookie in person.http.cookies.jar
                if cookie.name == "sessionid" or cookie.value == person.csrf()
            ]
        return self._cookies[who]


def _go(page: Page, url: str) -> int:
    answer = page.goto(url)
    settle(page)
    return answer.status if answer else 0


def settle(page: Page) -> None:
    """Loaded, and nothing is being asked for."""
    page.wait_for_load_state("load")
    page.wait_for_timeout(120)
    page.wait_for_function(_QUIET)


def _hear(seen: Seen, message: ConsoleMessage) -> None:
    if message.type == "error" and not OF_THE_NETWORK.search(message.text):
        seen.troubles.append(f"console: {message.text}")
