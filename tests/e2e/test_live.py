"""A page that is open all day: right within two seconds of every return, and a dot that tells the truth meanwhile."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browsing import Screen, until
from tests.e2e.cable import Cable, cable_to
from tests.e2e.conftest import Open
from tests.e2e.logs import StoredLog
from tests.patience import is_soon, wait_for
from tests.whole.people import Carried, Crew
from tests.whole.product import Product

WATCHER = "wumin"
DEVELOPER = "chenlei"
AMS = "sis-omm/sis-omm-jtc-app-ams"
UNNOTICED = 7.0
"""The longest that a network may be dead behind a page that somebody looks at, with nothing to give it away."""

# What the page was told, event by event; what its announcer said; how often its panels were fetched.
NOTES = """
    window.numbers = []; window.spoken = []; window.fetches = 0;
    addEventListener("prism:events", (event) => numbers.push(...event.detail.events.map((one) => one.seq)));
    addEventListener("htmx:beforeRequest", () => { fetches += 1; });
    addEventListener("DOMContentLoaded", () => {
      const box = document.getElementById("announcer");
      new MutationObserver(() => { if (box.textContent) spoken.push(box.textContent); })
        .observe(box, { childList: true, characterData: true, subtree: true });
    });
"""
HIDDEN = """(isHidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
    const state = { configurable: true, get: () => isHidden ? "hidden" : "visible" };
    Object.defineProperty(document, "visibilityState", state);
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class Watch:
    """An order's page in a browser, at the end of a cable."""

    def __init__(self, screen: Screen, order: Carried, cable: Cable) -> None:
        self.screen, self.page, self.order, self.cable = screen, screen.page, order, cable
        self.first = len(order.events()) + 1
        self._said = 0

    def dot(self) -> str:
        """``ok``, ``late``, ``off`` or ``wait``."""
        return str(self.page.locator("[data-live]").get_attribute("data-live"))

    def word(self) -> str:
        """What stands beside the dot."""
        return self.page.locator("[data-live-word]").inner_text()

    def announced(self) -> list[str]:
        """What screen readers were told, message by message."""
        said: list[str] = self.page.evaluate("spoken.flatMap((text) => text.split(' · '))")
        return said

    def say(self, count: int = 1) -> None:
        """Somebody comments."""
        for _number in range(count):
            self._said += 1
            self.order.crew.developer.post(f"orders/{self.order.number}/comments/", text=f"remark {self._said}.")

    def is_right(self) -> bool:
        """Every remark is on the page, and the dot says so."""
        text = self.page.inner_text("main")
        return all(f"remark {number}." in text for number in range(1, self._said + 1)) and self.dot() == "ok"

    def right_within(self) -> None:
        """From now on. No event was missed or came twice, and nothing was loaded anew."""
        took = until(self.is_right, "the page is right", 15)
        assert is_soon(took), f"right only after {took:.1f} s"
        assert not self.screen.was_reloaded()

    def every_event_once(self) -> None:
        numbers = self.page.evaluate("numbers")
        assert numbers == list(range(self.first, self.first + len(numbers)))
        assert len(numbers) == len(self.order.events()) + 1 - self.first


@pytest.fixture
def order(crew: Crew) -> Carried:
    return crew.create(AMS)


@pytest.fixture
def cable(product: Product) -> Iterator[Cable]:
    with cable_to(product.port) as cable:
        yield cable


@pytest.fixture
def watch(open_screen: Open, order: Carried, cable: Cable) -> Watch:
    screen = open_screen(WATCHER, "/orders/", url=cable.url)
    screen.context.add_init_script(NOTES)
    screen.open_order(order.number)
    expect(screen.page.locator("[data-live=ok]")).to_be_visible()
    screen.mark()
    return Watch(screen, order, cable)


def leaves(watch: Watch, state: str, seconds: float) -> float:
    """How long the dot kept that state."""
    return until(lambda: watch.dot() != state, f"the dot is not {state} any more", seconds)


# ------------------------------------------------------------------ topics
PANELS = """(order) => {
    for (const [id, topics] of [["of-the-order", order], ["of-another", "project:999999"]]) {
      const panel = Object.assign(document.createElement("div"), { id });
      panel.dataset.topics = topics;
      for (const [name, value] of [["get", "/livez"], ["trigger", "prism:changed from:body"]])
        panel.setAttribute(`hx-${name}`, value);
      document.querySelector("main").append(panel);
      htmx.process(panel);
    }
    window.asked = [];
    addEventListener("htmx:beforeRequest", (event) => asked.push(event.detail.elt.id));
    document.dispatchEvent(new Event("htmx:afterSettle"));
}"""


def test_topics_come_and_go_with_what_the_page_shows(watch: Watch) -> None:
    sent: list[str] = []
    watch.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame))))
    watch.page.reload()
    expect(watch.page.locator("[data-live=ok]")).to_be_visible()
    watch.page.evaluate(PANELS, f"order:{watch.order.number}")
    until(lambda: any("subscribe" in frame and "project:999999" in frame for frame in sent), "it is watched", 3)
    # Refused, for there is no such project: that makes the page no less live.
    assert watch.dot() == "ok"
    watch.say()
    until(lambda: "of-the-order" in watch.page.evaluate("asked"), "its panel is fetched", 3)
    assert "of-another" not in watch.page.evaluate("asked")
    watch.page.evaluate("document.getElementById('of-another').remove()")
    watch.page.evaluate("document.dispatchEvent(new Event('htmx:afterSettle'))")
    until(lambda: any("unsubscribe" in frame and "project:999999" in frame for frame in sent), "and no more", 3)


# ------------------------------------------------------------------ networks
def test_a_pulled_cable_is_told_in_words_and_made_up_for(watch: Watch) -> None:
    watch.cable.pull()
    leaves(watch, "ok", 1)
    until(lambda: watch.dot() == "off", "the dot says offline", 3)
    watch.say(3)
    words: set[str] = set()
    ages: set[str] = set()

    def has_ticked() -> bool:
        words.add(watch.word())
        ages.add(watch.page.locator("main time[data-age]").first.inner_text())
        return len(words) > 3 and len(ages) > 3

    # Offline or not: what is on the page grows older.
    until(has_ticked, "the age of what is shown ticks, and every other", 10)
    assert all(word.startswith("offline") for word in words), words
    watch.cable.plug_in()
    watch.right_within()
    watch.every_event_once()
    assert watch.word() == "live"
    until(lambda: "live" in watch.announced(), "the return is said", 4)
    # Once for each change of state that lasted, never for a tick of the age.
    assert watch.announced() == ["offline", "live"]


def test_a_network_that_dies_without_a_word_is_noticed(watch: Watch) -> None:
    watch.cable.go_dead()
    assert is_soon(leaves(watch, "ok", 30), UNNOTICED)
    watch.say()
    until(lambda: watch.dot() == "off", "the dot says offline", 4)
    watch.cable.plug_in()
    watch.right_within()
    watch.every_event_once()


@pytest.mark.parametrize("sign", ["online", "focus", "visible", "thawed", "back by the back button"])
def test_a_sign_of_return_finds_a_dead_connection(watch: Watch, sign: str) -> None:
    watch.cable.go_dead()
    if sign == "visible":
        watch.page.evaluate(HIDDEN, True)
    watch.say()
    watch.cable.plug_in()
    # The old connection stays dead: nothing but a new one helps.
    if sign == "visible":
        watch.page.evaluate(HIDDEN, False)
    elif sign == "back by the back button":
        watch.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    elif sign == "thawed":
        watch.page.evaluate("document.dispatchEvent(new Event('resume'))")
    else:
        watch.page.evaluate(f"dispatchEvent(new Event('{sign}'))")
    watch.right_within()
    watch.every_event_once()


def test_a_browser_that_goes_offline(watch: Watch) -> None:
    # It may say so of a network that is none of ours: the product on the same machine still answers.
    watch.page.evaluate("dispatchEvent(new Event('offline'))")
    watch.say()
    watch.right_within()
    watch.screen.context.set_offline(True)
    until(lambda: watch.dot() == "off", "the dot says offline", 3)
    watch.say()
    watch.screen.context.set_offline(False)
    watch.right_within()
    watch.every_event_once()


def test_news_that_cannot_be_fetched_makes_the_page_late(watch: Watch) -> None:
    parts = re.compile(r"[?&]part=")
    watch.page.route(parts, lambda route: route.abort())
    watch.say()
    until(lambda: watch.dot() == "late", "the dot says delayed", 5)
    until(lambda: watch.word().startswith("delayed, as of "), "with the age", 3)
    watch.page.unroute(parts)
    until(watch.is_right, "it was tried again", 6)
    assert not watch.screen.was_reloaded()


# ------------------------------------------------------------------ servers
def test_a_server_that_restarts(watch: Watch, product: Product, crew: Crew) -> None:
    old = product.pids()["web-1"]
    product.kill("web-1")
    leaves(watch, "ok", 2)
    wait_for(lambda: product.pids()["web-1"] != old, "the supervisor starts it again")
    wait_for(lambda: crew.developer.http.get("/livez").status_code == 200, "it is back", pause=0.02)
    watch.say()
    watch.right_within()
    watch.every_event_once()


# ------------------------------------------------------------------ sleep
def renderers(browser: Browser) -> list[int]:
    """The processes that run the pages of our browser."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return [int(process["id"]) for process in found if process["type"] == "renderer"]


def test_pages_that_slept_while_their_connections_died(watch: Watch, chromium: Browser) -> None:
    asleep = renderers(chromium)
    for process in asleep:
        os.kill(process, signal.SIGSTOP)
    try:
        watch.cable.go_dead()
        watch.say(2)
        watch.cable.plug_in()
        time.sleep(5)  # asleep for longer than a connection lives unanswered
    finally:
        for process in asleep:
            os.kill(process, signal.SIGCONT)
    watch.right_within()
    watch.every_event_once()


def test_a_lid_that_was_closed_for_an_hour(open_screen: Open, order: Carried, cable: Cable) -> None:
    screen = open_screen(WATCHER, "/orders/", url=cable.url)
    screen.context.add_init_script(NOTES)
    screen.page.clock.install()
    screen.open_order(order.number)
    expect(screen.page.locator("[data-live=ok]")).to_be_visible()
    screen.mark()
    watch = Watch(screen, order, cable)
    cable.go_dead()
    watch.say()
    cable.plug_in()
    screen.page.clock.fast_forward("01:00:00")
    watch.right_within()
    watch.every_event_once()
    # This computer's clock is an hour ahead now; ages are counted by the server's.
    assert "1 hour ago" not in screen.page.locator("main time[data-age]").all_inner_texts()


# ------------------------------------------------------------------ logs
ROWS = """[...document.querySelectorAll(".log-row")].map((row) =>
    [Number(row.dataset.line), row.querySelector(".log-text").textContent.trim()])"""


def test_log_lines_come_once_through_every_interruption(open_screen: Open, product: Product, cable: Cable) -> None:
    log = StoredLog(product, "succeeded", 3).go_on()

    def write() -> None:
        log.write("".join(f"line {log.lines + number}\n" for number in range(1, 13))).tell()

    write()
    screen = open_screen(WATCHER, "/orders/", url=cable.url)
    screen.open(log.path)
    expect(screen.page.locator("[data-live=ok]")).to_be_visible()
    screen.mark()

    def is_whole() -> bool:
        # Of a longer log only the end is drawn.
        drawn = screen.page.evaluate(ROWS)
        first = log.lines + 1 - len(drawn)
        return len(drawn) > 12 and drawn == [[line, f"line {line}"] for line in range(first, log.lines + 1)]

    for leave in (cable.pull, cable.go_dead):
        leave()
        write()
        time.sleep(1)  # the page is cut off while lines come
        cable.plug_in()
        screen.page.evaluate("dispatchEvent(new Event('online'))")
        took = until(is_whole, "every line is there, once", 15)
        assert is_soon(took), f"only after {took:.1f} s"
    log.end("succeeded")
    assert not screen.was_reloaded()


# ------------------------------------------------------------------ calm
def test_a_hidden_page_rests_and_is_right_when_it_is_seen(watch: Watch) -> None:
    watch.page.evaluate(HIDDEN, True)
    before = watch.page.evaluate("fetches")
    watch.say(3)
    until(lambda: len(watch.page.evaluate("numbers")) == 3, "it knows", 3)
    assert watch.page.evaluate("fetches") == before
    watch.page.evaluate(HIDDEN, False)
    watch.right_within()
    assert watch.page.evaluate("fetches") > before


def test_a_burst_of_news_is_few_fetches_and_takes_nothing_away(watch: Watch, open_screen: Open) -> None:
    screen = open_screen(DEVELOPER, f"/orders/{watch.order.number}/")
    page = screen.page
    expect(page.locator("[data-live=ok]")).to_be_visible()
    page.evaluate("window.fetches = 0; addEventListener('htmx:beforeRequest', () => { fetches += 1; })")
    message, menu, link = page.locator("#id_text"), page.locator("#order-menu"), page.locator("a.lane-card").nth(1)
    message.fill("half a sent")
    menu.evaluate("(box) => { box.open = true; }")
    link.focus()
    watch.say(12)
    until(lambda: "remark 12." in page.inner_text("main"), "the page shows all", 10)
    panels = page.locator("[hx-trigger*='prism:changed']").count()
    assert 0 < page.evaluate("fetches") < 12 * panels
    assert menu.evaluate("(box) => box.open")
    assert message.input_value() == "half a sent"
    assert link.evaluate("(card) => card === document.activeElement")


def test_a_change_of_state_is_told_once_and_log_lines_never(watch: Watch) -> None:
    watch.order.build()
    until(lambda: watch.screen.card("build").locator(".tone-succeeded").count(), "built", 10)
    until(lambda: any("Docker Done" in text for text in watch.announced()), "it is said", 4)
    said = [text for text in watch.announced() if text not in ("live", "delayed")]
    assert len(said) < 16 and all(one != other for one, other in pairwise(said)), said
    assert not any("Pipeline" in text or "Step " in text or " ago" in text for text in said), said


def test_new_orders_announce_themselves_and_nothing_jumps(open_screen: Open, crew: Crew) -> None:
    screen = open_screen(WATCHER, "/orders/")
    expect(screen.page.locator("[data-live=ok]")).to_be_visible()
    screen.mark()
    places = "[...document.querySelectorAll('#rows tr')].map((row) => row.getBoundingClientRect().top)"
    before = screen.page.evaluate(places)
    made = crew.create(AMS)
    crew.create(AMS)
    took = until(lambda: "2 new orders" in screen.page.inner_text("#news"), "the list says so", 10)
    assert is_soon(took), f"only after {took:.1f} s"
    assert screen.page.evaluate(places) == before
    assert made.number not in screen.page.inner_text("#rows")
    screen.page.locator("#news a").click()
    expect(screen.page.locator("#rows")).to_contain_text(made.number)
