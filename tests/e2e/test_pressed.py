"""News that comes while somebody presses, marks or has opened something takes nothing away from under the hand."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from demo.world import DEVELOPER
from tests.e2e.browsing import until
from tests.e2e.conftest import Open
from tests.whole.people import Crew

AMS = "sis-omm/sis-omm-jtc-app-ams"
NEWS = "document.body.dispatchEvent(new CustomEvent('prism:changed', { bubbles: true }))"
CENTRE = "(one) => { const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }"


def press(page: Page, what: Locator) -> None:
    expect(what).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(*what.evaluate(CENTRE))
    page.mouse.down()


def is_drawn_anew(page: Page) -> bool:
    """Since ``window.before`` was noted."""
    return bool(page.evaluate("!window.before.isConnected"))


def note(page: Page, what: Locator) -> None:
    what.evaluate("(one) => { window.before = one; }")


def test_a_link_that_is_pressed_while_news_comes_is_followed(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    order.build()
    page = open_screen(DEVELOPER, "/").page
    expect(page.locator("[data-live=ok]")).to_be_visible()
    link = page.locator(f'#work a[href*="{order.number}"]').first
    press(page, link)
    note(page, link)
    with page.expect_response(lambda answer: "part=work" in answer.url):
        crew.create(AMS).start_build()
    page.wait_for_timeout(250)
    assert not is_drawn_anew(page)
    page.mouse.up()
    page.wait_for_url(re.compile(order.number))


def test_what_waited_for_the_hand_is_drawn_when_it_lets_go(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    expect(page.locator("[data-live=ok]")).to_be_visible()
    head = page.locator("#order-head h1")
    press(page, head)
    order.start_build()
    page.wait_for_timeout(1500)
    expect(page.locator("#order-head .tone-running")).to_have_count(0)
    page.mouse.up()
    expect(page.locator("#order-head .tone-running").first).to_be_visible()


def test_a_button_that_a_key_holds_down_does_its_act(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    order.start_build()
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    menu = page.locator("#order-menu > summary")
    menu.focus()
    note(page, menu)
    page.keyboard.down("Space")
    with page.expect_response(lambda answer: "part=live" in answer.url):
        page.evaluate(NEWS)
    page.wait_for_timeout(250)
    assert not is_drawn_anew(page)
    page.keyboard.up("Space")
    expect(page.locator("#order-menu")).to_have_attribute("open", "")
    until(lambda: is_drawn_anew(page), "the news is drawn after it")
    # Opened by hand: it stays so.
    expect(page.locator("#order-menu")).to_have_attribute("open", "")


def test_marked_text_stays_marked(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    number = page.locator("#order-head h1 code")
    number.evaluate("(one) => getSelection().selectAllChildren(one)")
    note(page, number)
    order.start_build()
    until(lambda: is_drawn_anew(page), "the head is drawn anew")
    assert page.evaluate("getSelection().toString()") == order.number


def test_a_press_that_ends_elsewhere_holds_nothing_up(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    head = page.locator("#order-head h1")
    note(page, head)
    press(page, head)
    page.mouse.move(4, 4)
    page.mouse.up()
    page.evaluate("getSelection().removeAllRanges()")
    order.start_build()
    until(lambda: is_drawn_anew(page), "news is drawn again")
