"""The log viewer in Chromium: long, hostile, growing and folded logs, and what stands in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from demo.world import DEVELOPER
from tests.e2e.browsing import CHINESE, until
from tests.e2e.conftest import Open
from tests.e2e.logs import END, STAGE, StoredLog
from tests.whole.product import Product

LINES = 100_000
MOST_ROWS = 120
SHIFTS = """window.shifts = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifts += one.value;
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture(scope="module")
def long(product: Product) -> StoredLog:
    """100,005 lines; every 2,500th line of the second stage is an error."""
    log = StoredLog(product, "failed", 0).stages(**{"Prepare Git Code": "succeeded", "Build": "failed"})
    head = STAGE.format("Prepare Git Code") + "cloning\n" * 96 + END
    lines = [f"compiling module {number} 编译 {'.' * 40}\n" for number in range(101, LINES)]
    for place in range(2499 - 101, len(lines), 2500):
        lines[place] = f"src/main.c:{place}: error: expected ';'\n"
    return log.write(head + STAGE.format("Build") + "".join(lines[2:]) + END + "Finished: FAILURE\n")


# A log asks by itself now and then, for the day when its socket is away: here the socket alone shall do.
NO_POLL = """const real = window.setInterval;
window.setInterval = (act, pause, ...rest) => (pause === 5000 ? 0 : real(act, pause, ...rest));"""


def log_requests(page: Page) -> list[str]:
    """Addresses of the log that the page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/log/" in request.url else None)
    return asked


def row(page: Page, line: int) -> Locator:
    return page.locator(f".log-row[data-line='{line}']")


def is_in_view(page: Page, line: int) -> bool:
    """Whether the line's row lies inside the log's own window, drawn."""
    ask = """(line) => {
      const row = document.querySelector(`.log-row[data-line="${line}"]`);
      if (!row || !row.querySelector(".log-text").textContent) return false;
      const box = row.getBoundingClientRect(), view = document.querySelector("[data-log-view]").getBoundingClientRect();
      return box.top >= view.top - 1 && box.bottom <= view.bottom + 1;
    }"""
    return bool(page.evaluate(ask, line))


def rows_drawn(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('.log-row').length"))


def scroll_to(page: Page, part: float) -> None:
    page.evaluate(
        "(part) => { const at = document.querySelector('[data-log-view]'); at.scrollTop = at.scrollHeight * part; }",
        part,
    )


def all_drawn(page: Page) -> bool:
    ask = "!document.querySelector('.log-text.is-coming') && document.querySelectorAll('.log-row').length > 10"
    return bool(page.evaluate(ask))


def test_a_failed_build_opens_at_its_first_error_however_long_it_is(open_screen: Open, long: StoredLog) -> None:
    screen = open_screen(DEVELOPER)
    page = screen.page
    page.add_init_script(SHIFTS)
    asked = log_requests(page)
    screen.open(long.path)
    first = long.index.first_error
    assert first
    until(lambda: is_in_view(page, first), "the first error, without a click")
    expect(row(page, first)).to_have_class(re.compile("is-error.*is-current|is-current.*is-error"))
    assert rows_drawn(page) <= MOST_ROWS and len(asked) <= 3, asked
    assert page.evaluate("window.shifts") < 0.02

    for part in (0.5, 1.0, 0.25):
        asked.clear()
        scroll_to(page, part)
        until(lambda: all_drawn(page), "the lines there")
        assert len(asked) <= 3 and rows_drawn(page) <= MOST_ROWS, asked
    scroll_to(page, 1)
    until(lambda: is_in_view(page, long.lines), "the last line")
    expect(row(page, long.lines)).to_contain_text("Finished: FAILURE")
    expect(page.locator("[data-log-facts]")).to_have_text(re.compile(r"^100,0\d\d lines · \d\.\d MB · complete$"))

    page.locator("[data-log-act=first-error]").click()
    until(lambda: is_in_view(page, first), "the first error again, by one click")
    page.locator("[data-log-act=error-after]").click()
    until(lambda: is_in_view(page, first + 2500), "the next one")
    page.locator("[data-log-view]").focus()
    page.keyboard.press("e")
    until(lambda: is_in_view(page, first + 5000), "the one after, by its key")
    page.locator("[data-log-act=error-before]").click()
    until(lambda: is_in_view(page, first + 2500), "and back")
    expect(page.locator("[data-log-counts]")).to_contain_text(re.compile(r"error 2 of \d\d"))


def test_rushing_through_a_long_log_asks_for_where_one_stops(open_screen: Open, long: StoredLog) -> None:
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.open(long.path)
    until(lambda: all_drawn(page), "the log")
    asked = log_requests(page)
    for step in range(60):
        scroll_to(page, step / 60)
        page.wait_for_timeout(10)
    until(lambda: all_drawn(page), "the lines there")
    assert len(asked) <= 20, f"{len(asked)} requests for a ride over 100,000 lines"
    assert rows_drawn(page) <= MOST_ROWS


HOSTILE = (
    STAGE.format("Build")
    + "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'><b>bold</b>\n"
    + "\x1b]52;c;ZXZpbA==\x07clipboard untouched\n"
    + "\x1b]8;;https://evil.example/\x1b\\a link that is none\x1b]8;;\x1b\\\n"
    + "if (isAdmin\u202e \u2066// nobody\u2069 \u2066) {\n"
    + "\x1b[31mred\x1b[0m \x1b[1;92mgreen\x1b[0m \x1b[2J\x1b[1;1Hmoved \x1b[8mhidden\x1b[0m\n"
    + "10%\r100%\n"
    + "z" * 1_000_000
    + "END\n"
    + "\x1b]8;;https://evil.example/ never ends\n"
    + "error: after all that\n"
    + END
)


@pytest.mark.security("hostile-logs")
def test_what_a_hostile_log_says_is_text_and_nothing_more(open_screen: Open, product: Product) -> None:
    log = StoredLog(product, "failed", 1).stages(Build="failed").write(HOSTILE)
    screen = open_screen(DEVELOPER)
    page = screen.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append("a dialog"))
    screen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    screen.open(log.path)
    until(lambda: all_drawn(page), "the log")
    texts = [row(page, line).locator(".log-text").inner_text() for line in range(3, 12) if line != 9]
    assert texts[0] == "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'><b>bold</b>"
    assert texts[1:3] == ["clipboard untouched", "a link that is none"]
    assert texts[3] == "if (isAdmin⟨U+202E⟩ ⟨U+2066⟩// nobody⟨U+2069⟩ ⟨U+2066⟩) {"
    assert texts[4] == "red green moved hidden"
    assert texts[5] == "10%^M100%"
    assert texts[6] == "^[]8;;https://evil.example/ never ends"
    assert page.locator(".log-row .ansi-red").inner_text() == "red"
    assert page.locator(".log-row .ansi-bright-green.ansi-bold").inner_text() == "green"
    assert (
        page.locator(".log-rows a:not(.log-n), .log-rows img, .log-rows script, .log-rows b:not(.log-fold b)").count()
        == 0
    )
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("navigator.clipboard.readText()") != "evil"
    assert [url for url in asked if not url.startswith(product.url)] == []

    long = row(page, 9).locator(".log-text")
    assert len(long.inner_text()) < 3000
    long.locator("[data-log-more]").click()
    until(lambda: long.inner_text().endswith("zzzEND"), "the whole line")
    assert len(long.inner_text()) == 1_000_003


def test_stages_fold_and_the_head_stays_under_the_pointer(open_screen: Open, product: Product) -> None:
    log = StoredLog(product, "succeeded", 0).stages(**{"Prepare Git Code": "succeeded", "Build": "succeeded"})
    log.write("Started\n" + STAGE.format("Prepare Git Code") + "cloning\n" * 96 + END)
    log.write(STAGE.format("Build") + "warning: old\n" + "making\n" * 500 + END + "Finished: SUCCESS\n")
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.open(log.path)
    heads = page.locator(".log-fold")
    expect(heads).to_have_count(2)
    expect(heads.nth(0)).to_contain_text("Prepare Git Code")
    expect(heads.nth(0)).to_contain_text("100 lines · 1:21")
    expect(heads.nth(1)).to_contain_text("1 warning")
    until(lambda: all_drawn(page) or rows_drawn(page) == 4, "four rows")
    assert rows_drawn(page) == 4, "two lines outside, two heads"
    top = heads.nth(1).bounding_box()
    heads.nth(1).click()
    expect(heads.nth(1)).to_have_attribute("aria-expanded", "true")
    until(lambda: is_in_view(page, 104), "the stage's lines")
    assert heads.nth(1).bounding_box() == top
    heads.nth(1).click()
    until(lambda: rows_drawn(page) == 4, "folded again")


def test_search_is_over_the_whole_log_and_stands_in_the_address(open_screen: Open, long: StoredLog) -> None:
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.open(long.path)
    box, found = page.locator(".log-search input"), page.locator("[data-log-found]")
    box.fill("MODULE 7777")
    expect(found).to_have_text("1 of 11")
    first = int(page.locator(".log-row.is-current").get_attribute("data-line") or 0)
    until(lambda: is_in_view(page, first), "the hit")
    expect(row(page, first).locator("mark")).to_have_text("module 7777")
    box.press("Enter")
    expect(found).to_have_text("2 of 11")
    box.press("Shift+Enter")
    box.press("Shift+Enter")
    expect(found).to_have_text("11 of 11")
    expect(page).to_have_url(re.compile(r"q=MODULE\+7777"))
    page.reload()
    expect(box).to_have_value("MODULE 7777")
    expect(found).to_have_text("1 of 11")
    box.fill("nowhere at all")
    expect(found).to_have_text("not found")
    box.press("Escape")
    expect(page).not_to_have_url(re.compile("q="))
    expect(page.locator(".log-rows mark")).to_have_count(0)


def test_a_line_and_a_range_can_be_sent_to_a_colleague(open_screen: Open, long: StoredLog) -> None:
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    screen.open(long.path + "#L54321")
    until(lambda: is_in_view(page, 54_321), "the line of the address, in a folded stage or not")
    expect(row(page, 54_321)).to_have_class(re.compile("is-chosen"))
    row(page, 54_323).locator(".log-n").click()
    expect(page).to_have_url(re.compile("#L54323$"))
    row(page, 54_326).locator(".log-n").click(modifiers=["Shift"])
    expect(page).to_have_url(re.compile("#L54323-L54326$"))
    expect(page.locator(".log-row.is-chosen")).to_have_count(4)
    page.locator("[data-log-act=copy]").click()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url and f"attempt={long.attempt}" in link
    colleague = open_screen("wumin")
    colleague.page.goto(link)
    until(lambda: is_in_view(colleague.page, 54_323), "the range, at the colleague's")
    expect(colleague.page.locator(".log-row.is-chosen")).to_have_count(4)


def test_a_growing_log_is_followed_until_the_reader_scrolls_up(open_screen: Open, product: Product) -> None:
    log = StoredLog(product, "succeeded", 1).go_on().write(STAGE.format("Build") + "early\n" * 300)
    screen = open_screen(DEVELOPER)
    page = screen.page
    page.add_init_script(NO_POLL)
    # West of Greenwich: moments come with other offsets from the page and from the API.
    screen.context.new_cdp_session(page).send("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    screen.open("/orders/")
    screen.open(log.path)
    expect(page.locator("[data-log-settings]")).to_contain_text("America/New_York")
    screen.mark()
    follow, back = page.locator("[data-log-act=follow]"), page.locator("[data-log-act=end]")
    until(lambda: is_in_view(page, log.lines), "the end")
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-log-facts]")).to_contain_text("receiving, newest line")
    for _again in range(3):
        log.write("more\n" * 40).tell()
        until(lambda: is_in_view(page, log.lines), "the new end, by itself")
    page.locator("[data-log-view]").hover()
    page.mouse.wheel(0, -600)
    expect(follow).to_have_attribute("aria-pressed", "false")
    expect(back).to_be_visible()
    seen = page.evaluate("document.querySelector('[data-log-view]').scrollTop")
    log.write("more\n" * 25).tell()
    expect(back).to_contain_text("25 new")
    assert page.evaluate("document.querySelector('[data-log-view]').scrollTop") == seen, (
        "nothing moved under the reader"
    )
    back.click()
    until(lambda: is_in_view(page, log.lines), "the end again")
    expect(follow).to_have_attribute("aria-pressed", "true")
    page.locator("[data-log-view]").focus()
    page.keyboard.press("f")
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("f")
    log.write("half a line").tell()
    until(lambda: is_in_view(page, log.lines + 1), "a line that is not whole yet")
    log.write(" and its end\nFinished: SUCCESS\n").tell()
    expect(row(page, log.lines - 1)).to_contain_text("half a line and its end")
    log.end("succeeded")
    expect(page.locator("[data-log-facts]")).to_contain_text("complete")
    expect(follow).to_be_hidden()
    assert not screen.was_reloaded()


def test_lines_that_come_in_the_moment_of_scrolling_take_nobody_back(open_screen: Open, product: Product) -> None:
    """A browser tells of scrolling a frame later, and what is drawn before used to lead back to the end."""
    log = StoredLog(product, "succeeded", 1).go_on().write("early\n" * 300)
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.open(log.path)
    until(lambda: is_in_view(page, log.lines), "the end")
    page.evaluate(
        "addEventListener('scroll', (event) => event.stopImmediatePropagation(), { capture: true, once: true })"
    )
    scroll_to(page, 0)
    log.write("more\n" * 25).tell()
    until(lambda: f"{log.lines}" in page.locator("[data-log-facts]").inner_text(), "the new lines")
    until(lambda: is_in_view(page, 1), "the beginning")
    page.evaluate("document.querySelector('[data-log-view]').dispatchEvent(new Event('scroll'))")
    expect(page.locator("[data-log-act=follow]")).to_have_attribute("aria-pressed", "false")
    log.end("succeeded")


def test_lines_of_a_log_that_was_replaced_are_not_kept(open_screen: Open, product: Product) -> None:
    """Also where they were asked for before and come after."""
    log = StoredLog(product, "succeeded", 1).go_on().write("old\n" * 3000)
    screen = open_screen(DEVELOPER)
    page = screen.page
    page.add_init_script(NO_POLL)
    screen.open(log.path)
    until(lambda: is_in_view(page, log.lines), "the end")
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if held:
            return route.continue_()
        held.append((route, route.fetch()))
        return None

    beginning = re.compile(r"/log/lines/\?first=1&")
    page.route(beginning, hold)
    scroll_to(page, 0)
    until(lambda: page.evaluate("true") and held, "the request for the beginning")
    log.replace("new\n" * 2000).tell("log.replaced")
    until(lambda: "2,000" in page.locator("[data-log-facts]").inner_text(), "the new log's length")
    (route, answer), *_others = held
    with page.expect_response(beginning):
        route.fulfill(response=answer)
    expect(row(page, 1)).to_contain_text("new")
    log.end("succeeded")


def test_wrapping_and_times_are_the_readers_choice(open_screen: Open, product: Product) -> None:
    log = StoredLog(product, "succeeded", 2)
    log.write("".join(f"{number} {'word ' * 100}\n" for number in range(1, 2001)))
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.open(log.path + "#L1000")
    until(lambda: is_in_view(page, 1000), "the line")
    one = row(page, 1000).bounding_box()
    page.locator("[data-log-act=wrap]").click()
    expect(page.locator("[data-log-settings]")).to_contain_text("Wrap: on")
    wrapped = row(page, 1000).bounding_box()
    assert one and wrapped and wrapped["height"] >= 3 * one["height"]
    scroll_to(page, 1)
    until(lambda: page.evaluate("!document.querySelector('.log-text.is-coming')"), "the lines there")
    scroll_to(page, 1)
    until(lambda: is_in_view(page, 2000), "the last line, below wrapped ones")
    expect(page.locator(".log-at").first).to_be_visible()
    page.locator("[data-log-act=times]").click()
    expect(page.locator(".log-at").first).to_be_hidden()
    page.reload()
    expect(page.locator("[data-log-act=wrap]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-log-act=times]")).to_have_attribute("aria-pressed", "false")


def test_the_viewer_speaks_chinese(open_screen: Open, long: StoredLog) -> None:
    screen = open_screen(DEVELOPER, locale=CHINESE)
    page = screen.page
    screen.open(long.path)
    until(lambda: all_drawn(page), "the log")
    facts = page.locator("[data-log-facts]").inner_text()
    assert re.search(r"100,0\d\d 行", facts) and re.search("[\u4e00-\u9fff]+$", facts), facts
    frame = page.locator(".log-head").inner_text() + page.locator(".log-foot").inner_text()
    assert not re.search(r"\b(?:Log|error|First|Download|Wrap|zone|line)\b", frame), frame


def test_without_javascript_the_end_is_text_and_the_whole_log_a_link(
    open_screen: Open, product: Product, long: StoredLog
) -> None:
    screen = open_screen(DEVELOPER, javascript=False)
    page = screen.page
    screen.open(long.path)
    tail = page.locator("[data-log-tail]")
    assert tail.inner_text().rstrip().endswith("Finished: FAILURE")
    expect(page.locator(".log-around")).to_contain_text("error: expected ';'")
    assert page.locator(".log-tools").is_hidden() or not page.locator(".log-tools").is_visible()
    whole = page.request.get(page.locator(".log-raw").get_attribute("href") or "")
    assert whole.status == 200 and len(whole.text()) == long.size
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
