"""What somebody is about to do survives news, haste, a page from before and a server that says no."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from demo.world import DEVELOPER, OPERATOR
from tests.e2e.browsing import until
from tests.e2e.conftest import Open
from tests.e2e.logs import StoredLog
from tests.e2e.test_people_and_networks import comment
from tests.whole.people import Crew
from tests.whole.product import Product

AMS = "sis-omm/sis-omm-jtc-app-ams"
NEWS = "document.body.dispatchEvent(new CustomEvent('prism:changed', { bubbles: true }))"
SLOW_PALETTE = """const real = window.fetch;
window.fetch = async (...asked) => {
  if (window.isSlow && String(asked[0]).includes("/palette/")) await new Promise((go) => setTimeout(go, 400));
  return real(...asked);
};"""
FIRST_OPTION = "#palette [role=option] >> nth=0"


def opened(open_screen: Open, path: str) -> Page:
    screen = open_screen(DEVELOPER)
    screen.open(path)
    return screen.page


def draw_anew(page: Page, selector: str) -> None:
    """News puts another element in this one's place."""
    page.evaluate("(selector) => { window.before = document.querySelector(selector); }", selector)
    page.evaluate(NEWS)
    until(lambda: page.evaluate("!window.before.isConnected"), "the panel is drawn anew")


def test_what_is_confirmed_happens_though_its_panel_was_drawn_anew(
    open_screen: Open, product: Product, crew: Crew
) -> None:
    order = crew.create(AMS)
    order.start_build()
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    stop = page.locator("form[data-confirm]:visible button")
    stop.click()
    expect(page.locator("#confirm")).to_be_visible()
    draw_anew(page, "form[data-confirm]")
    page.locator("#confirm button", has_text="Cancel").click()
    expect(stop).to_be_focused()
    stop.click()
    draw_anew(page, "form[data-confirm]")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.locator("[data-confirm-yes]").click()
    assert sent.value.url.endswith("/builds/1/stop/")


BEFORE_IT = """<form method="post" action="/elsewhere/"><button class="btn">Something else</button></form>"""


@pytest.mark.parametrize("is_still_there", [True, False])
def test_the_focus_stays_on_the_same_act_and_never_goes_to_another(
    open_screen: Open, crew: Crew, is_still_there: bool
) -> None:
    # Buttons without a name of their own: the focus went to the first of them, and Enter did something else.
    order = crew.create(AMS)
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    check = page.locator('form[action$="/check/"] button')
    panel = check.evaluate("(one) => one.closest('[hx-get]').getAttribute('hx-get')")
    check.focus()

    def other(route: Route) -> None:
        answer = route.fetch()
        form = re.compile(r'<form[^>]*action="[^"]*/check/".*?</form>', re.DOTALL)
        text, count = form.subn(lambda found: BEFORE_IT + (found[0] if is_still_there else ""), answer.text())
        assert count
        route.fulfill(response=answer, body=text)

    page.route(lambda url: url.endswith(panel), other)
    draw_anew(page, 'form[action$="/check/"]')
    expect(page.locator('form[action="/elsewhere/"]')).to_be_visible()
    if is_still_there:
        expect(check).to_be_focused()
    else:
        assert page.evaluate("document.activeElement === document.body")


def test_what_is_not_offered_any_more_is_not_sent_and_that_is_told(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    order.start_build()
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    page.locator("form[data-confirm]:visible button").click()
    page.evaluate("document.querySelectorAll('form[data-confirm]').forEach((form) => form.remove())")
    page.locator("[data-confirm-yes]").click()
    expect(page.locator("#toasts")).to_contain_text("not possible now")


def test_news_that_comes_before_a_new_panel_listens_is_not_lost(open_screen: Open, crew: Crew) -> None:
    """htmx lets what it has put into the page listen only once it has settled: 20 ms later, here a second."""
    order = crew.create(AMS)
    page = opened(open_screen, f"/orders/{order.number}/?panel=build")
    expect(page.locator("[data-live=ok]")).to_be_visible()
    page.evaluate("window.htmx.config.defaultSettleDelay = 1000")
    comment(order, "said first")
    expect(page.locator("#activity")).to_contain_text("said first")
    comment(order, "said while nothing listens")
    expect(page.locator("#activity")).to_contain_text("said while nothing listens", timeout=10_000)


def test_a_filter_chosen_while_news_comes_is_the_one_shown(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = opened(open_screen, f"/orders/{order.number}/?panel=build")
    held: list[Route] = []
    page.route("**activity=comments", lambda route: held.append(route), times=1)
    page.locator("#activity-filter > summary").click()
    page.locator("#activity-filter a", has_text="Comments").click()
    until(lambda: held or page.evaluate("0"), "the filter is asked for")
    with page.expect_response(lambda answer: "part=live" in answer.url):
        page.evaluate(NEWS)
    held[0].continue_()
    expect(page.locator("#activity-filter > summary")).to_have_text("Comments")


def test_back_brings_the_page_as_it_is_now(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = opened(open_screen, f"/orders/{order.number}/?panel=build")
    page.locator("#activity-filter > summary").click()
    page.locator("#activity-filter a", has_text="Comments").click()
    page.wait_for_url("**activity=comments**")
    order.start_build()
    expect(page.locator("form[data-confirm]:visible")).to_have_count(1)
    page.go_back()
    # As it was kept, it offered what is no longer there, under a dot that said "live", with dialogs that did not open.
    page.locator("form[data-confirm]:visible button").click()
    expect(page.locator("#confirm")).to_be_visible()
    expect(page).not_to_have_url(re.compile("activity="))


def test_a_date_is_typed_to_its_end_and_a_picked_one_counts_at_once(open_screen: Open) -> None:
    page = open_screen(DEVELOPER).page
    page.locator("#days > summary").click()
    field = page.locator("input[name=since]")
    field.focus()
    page.keyboard.type("11202025", delay=60)
    page.wait_for_timeout(300)
    assert "since" not in page.url, "no page for the year 2"
    page.keyboard.press("Enter")
    page.wait_for_url("**since=2025-11-20**")
    page.locator("#days > summary").click()
    # As the browser's calendar does it.
    pick = "(field) => { field.value = '2025-11-21'; field.dispatchEvent(new Event('change', { bubbles: true })); }"
    field.evaluate(pick)
    page.wait_for_url("**since=2025-11-21**")


def test_enter_waits_for_what_was_typed(open_screen: Open) -> None:
    page = open_screen(DEVELOPER, "/orders/").page
    page.evaluate(SLOW_PALETTE)
    page.keyboard.press("/")
    expect(page.locator("#palette [role=option]", has_text="·").first).to_be_visible()
    page.evaluate("window.isSlow = true")
    page.keyboard.type("Approvals")
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals/**")


def test_the_act_that_the_palette_leads_to_keeps_the_focus(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    page.evaluate("document.querySelector('form[action$=\"/check/\"]').setAttribute('data-production', '')")
    check = page.locator('form[action$="/check/"] button')
    page.locator("main a[href]").first.focus()
    page.keyboard.press("/")
    page.keyboard.type("Check")
    expect(page.locator(FIRST_OPTION)).to_contain_text("Check")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("press Enter")
    page.wait_for_timeout(200)
    expect(check).to_be_focused()


def test_who_is_signed_out_comes_back_to_the_page_not_to_the_palettes_data(open_screen: Open) -> None:
    page = open_screen(DEVELOPER, "/environments/").page
    page.context.clear_cookies()
    page.keyboard.press("/")
    page.wait_for_url(re.compile(r"/sign-in/\?next=/environments/$"))


def test_the_sign_in_is_a_page_and_no_part_of_one(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = opened(open_screen, f"/orders/{order.number}/?panel=build")
    page.route("**/ws/**", lambda route: route.abort())
    page.context.clear_cookies()
    page.locator("#activity-filter > summary").click()
    page.locator("#activity-filter a", has_text="Comments").click()
    expect(page.locator("body > .visitor")).to_be_visible()
    fresh = opened(open_screen, "/orders/new/")
    fresh.context.clear_cookies()
    with fresh.expect_response(lambda answer: "/sign-in/" in answer.url):
        fresh.locator("input[name=branch]").fill("release")
    fresh.wait_for_timeout(300)
    expect(fresh.locator("input[name=password]")).to_have_count(0)
    expect(fresh.locator("input[name=branch]")).to_have_value("release")


def test_a_comment_begun_is_not_taken_away_by_a_sign_out_elsewhere(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = opened(open_screen, f"/orders/{order.number}/")
    expect(page.locator("[data-live=ok]")).to_be_visible()
    page.locator("textarea[name=text]").fill("half a sentence")
    other = page.context.new_page()
    other.goto("/")
    with other.expect_navigation():
        other.evaluate("document.querySelector('form[action$=\"sign-out/\"]').submit()")
    expect(page.locator("[data-live=off]")).to_be_visible()
    page.evaluate(NEWS)
    page.wait_for_timeout(1000)
    expect(page.locator("textarea[name=text]")).to_have_value("half a sentence")


def test_a_visitor_has_no_keys_and_no_fault(open_screen: Open) -> None:
    screen = open_screen(OPERATOR, "/orders/")
    screen.context.clear_cookies()
    screen.page.goto("/sign-in/")
    screen.page.evaluate("document.activeElement.blur()")
    screen.page.keyboard.press("?")
    screen.page.keyboard.press("/")
    screen.page.wait_for_timeout(500)
    assert screen.mistakes == []


@pytest.fixture
def long(product: Product) -> StoredLog:
    log = StoredLog(product, "succeeded", 0)
    return log.write("".join(f"line {number}\n" for number in range(1, 5001)))


@pytest.mark.parametrize(("status", "most"), [(404, 1), (502, 4)])
def test_lines_that_cannot_be_read_are_not_asked_for_all_the_time(
    open_screen: Open, long: StoredLog, status: int, most: int
) -> None:
    page = opened(open_screen, long.path)
    expect(page.locator(".log-row[data-line='1'] .log-text")).to_have_text("line 1")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=status, json={})

    page.route("**/log/lines/**", refuse)
    page.evaluate("document.querySelector('[data-log-view]').scrollTop = 60000")
    until(lambda: asked or page.evaluate("0"), "the lines are asked for")
    page.wait_for_timeout(4000)
    assert len(asked) <= most
    page.unroute("**/log/lines/**")
    if status == 502:
        expect(page.locator(".log-row .log-text", has_text="line 3")).not_to_have_count(0)


def test_a_link_to_a_line_is_copied_without_https_too(open_screen: Open, long: StoredLog) -> None:
    page = opened(open_screen, long.path)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator(".log-n").first.click()
    page.locator("[data-log-act=copy]").click()
    expect(page.locator("[data-log-act=copy]")).to_contain_text("Copied")
