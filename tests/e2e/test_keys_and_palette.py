"""Keys, palette, menus and copied API calls, as somebody with a keyboard meets them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from demo.world import CARRIED
from tests.e2e.browsing import CHINESE, Screen, until
from tests.e2e.conftest import Open
from tests.whole.people import Crew
from tests.whole.product import Product

PLACE = f"/components/{CARRIED[0]}/{CARRIED[1].slug}/"
SPELT = "lcwg"


def palette(page: Page) -> Any:
    return page.locator("#palette")


def chosen(page: Page) -> Any:
    return page.locator("#palette [role=option][aria-selected=true]")


@pytest.fixture
def developer(open_screen: Open) -> Screen:
    return open_screen("chenlei", "/orders/")


# ---------------------------------------------------------------- palette
def test_a_component_is_found_by_initials_and_opened_without_a_mouse(developer: Screen) -> None:
    page = developer.page
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Search")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    page.keyboard.type(SPELT)
    expect(chosen(page)).to_contain_text(CARRIED[1].name)
    expect(field).to_have_attribute("aria-activedescendant", re.compile("palette-line-"))
    assert page.evaluate(
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')) !== null"
    )
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{PLACE}")


def test_ctrl_k_and_a_click_open_it_and_escape_leads_back_where_one_was(developer: Screen) -> None:
    page = developer.page
    link = page.locator("main a[href]").first
    link.focus()
    page.keyboard.press("Control+k")
    expect(palette(page)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#palette') !== null"), "the focus stays inside"
    page.keyboard.press("Escape")
    expect(palette(page)).to_be_hidden()
    expect(link).to_be_focused()
    page.locator("input[data-palette]").click()
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.mouse.click(5, 500)
    expect(palette(page)).to_be_hidden()


def test_arrows_go_round_the_list_and_pages_have_their_keys(developer: Screen) -> None:
    page = developer.page
    page.keyboard.press("Control+k")
    options = page.locator("#palette [role=option]")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    home = page.locator("#palette [role=option]", has_text="Approvals")
    expect(home.locator("kbd")).to_have_text(["g", "a"])
    expect(page.locator("#palette [role=option]", has_text="Servers")).to_have_count(0)


def test_the_palette_speaks_the_readers_language(open_screen: Open) -> None:
    page = open_screen("zhaogang", "/orders/", locale=CHINESE).page
    page.keyboard.press("/")
    page.keyboard.type("sp")
    expect(page.locator("#palette [role=option]", has_text="审批")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_what_is_typed_before_the_palette_has_come_is_text_and_no_key(developer: Screen) -> None:
    page = developer.page
    held: list[Route] = []
    page.route("**/palette-*.js", lambda route: held.append(route))
    page.keyboard.press("/")
    page.keyboard.type("c/j?gh")
    expect(palette(page).locator("input")).to_have_value("c/j?gh")
    until(lambda: held or page.wait_for_timeout(50), "the script is asked for")
    assert page.url.endswith("/orders/")
    held[0].continue_()
    expect(page.locator(".palette-empty")).to_be_visible()


def test_theme_and_language_are_switched_from_the_palette(developer: Screen) -> None:
    page = developer.page
    page.keyboard.press("/")
    page.keyboard.type("Theme: dark")
    expect(chosen(page)).to_contain_text("Theme: dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    # It is another page: its keys are heard once its script runs.
    expect(page.locator("[data-live=ok]")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("as the system")
    expect(chosen(page)).to_contain_text("as the system")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "system")


# ---------------------------------------------------------------- keys
def test_g_goes_c_creates_and_j_k_enter_open_a_row(developer: Screen) -> None:
    page = developer.page
    for letter, path in (("c", "/components/"), ("e", "/environments/"), ("h", "/"), ("o", "/orders/")):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(re.compile(rf"{re.escape(path)}(\?.*)?$"))
    rows = page.locator("main [data-row]")
    expect(rows.first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(1).locator("a").first).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0).locator("a").first).to_be_focused()
    address = rows.nth(0).locator("a").first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")


def test_c_and_enter_repeat_the_last_order(developer: Screen, crew: Crew) -> None:
    last = crew.create()
    page = developer.page
    page.keyboard.press("c")
    page.wait_for_url("**/orders/new/**")
    expect(page.locator("[name=branch]")).to_have_value("master")
    expect(page.locator("[name=branch]")).to_be_focused()  # the browser does so a moment after the page has come
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/orders/K8S[0-9]{14}[A-Z]{2}/"))
    assert last.number not in page.url
    made = crew.developer.get(f"orders/{page.url.split('/orders/')[1][:19]}/")
    assert (made["component"], made["branch"]) == (last.overview()["component"], "master")


def _press(page: Page, code: str, **more: Any) -> None:
    """A key as some keyboards and input methods send it."""
    page.evaluate(
        "([code, more]) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {code, key: code.slice(-1).toLowerCase(), bubbles: true, cancelable: true, ...more}))",
        [code, more],
    )


def test_keys_are_silent_where_somebody_writes(developer: Screen) -> None:
    page = developer.page
    _press(page, "Slash", isComposing=True)
    _press(page, "Slash", keyCode=229)
    _press(page, "Slash", altKey=True)
    _press(page, "KeyG", ctrlKey=True)
    _press(page, "KeyH")
    field = page.locator("main form[method=get] input:not([type=hidden])").last
    field.click()
    page.keyboard.type("/gc?")
    expect(field).to_have_value("/gc?")
    page.wait_for_timeout(200)
    expect(palette(page)).to_be_hidden()
    assert page.url.endswith("/orders/")


def test_the_list_of_keys_opens_by_one_and_closes_by_escape(developer: Screen) -> None:
    page = developer.page
    page.keyboard.press("Shift+Slash")
    help_dialog = page.locator("#keys-dialog")
    expect(help_dialog).to_be_visible()
    expect(help_dialog).to_contain_text("New order")
    page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()


PARTS = """<div id="drawn"><p id="why-x">Nobody tested it yet.</p>
<button data-key="p" disabled aria-describedby="why-x">Promote <kbd>p</kbd></button>
<a data-key="d" href="#reviewed">Review</a>
<form method="post" action="/nowhere/" data-production><button data-key="r">Roll back</button></form>
<form method="post" action="/nowhere/"><button data-key="b">Build</button></form></div>"""


def test_a_key_does_what_its_button_does_and_production_waits_for_enter(developer: Screen) -> None:
    page = developer.page
    page.evaluate("(html) => document.querySelector('main').insertAdjacentHTML('afterbegin', html)", PARTS)
    page.evaluate(
        "window.sent = []; document.addEventListener('submit',"
        " (event) => { event.preventDefault(); window.sent.push(event.submitter.dataset.key); })"
    )
    page.keyboard.press("p")
    expect(page.locator("#announcer")).to_contain_text("Promote: Nobody tested it yet.")
    expect(page.locator("#toasts")).to_contain_text("Nobody tested it yet.")
    page.keyboard.press("d")
    expect(page).to_have_url(re.compile("#reviewed$"))
    page.keyboard.press("b")
    assert page.evaluate("window.sent") == ["b"]
    page.evaluate("document.querySelector('#drawn form:last-of-type').removeAttribute('data-sent')")
    page.keyboard.press("r")
    expect(page.locator("#toasts")).to_contain_text("touches production")
    expect(page.locator("[data-key=r]")).to_be_focused()
    assert page.evaluate("window.sent") == ["b"], "a key alone sends nothing to production"
    page.keyboard.press("Enter")
    assert page.evaluate("window.sent") == ["b", "r"]


def test_a_log_hears_its_keys(developer: Screen) -> None:
    page = developer.page
    page.evaluate("window.heard = []; document.addEventListener('prism:key', (e) => window.heard.push(e.detail.key))")
    page.keyboard.press("f")
    page.keyboard.press("e")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('afterbegin', '<div data-log tabindex=0>')")
    page.evaluate("document.addEventListener('prism:key', (event) => event.preventDefault())")
    page.locator("[data-log]").focus()
    page.keyboard.press("/")
    assert page.evaluate("window.heard") == ["follow", "first-error", "search"]
    expect(palette(page)).to_be_hidden()


def test_single_keys_can_be_switched_off(open_screen: Open) -> None:
    screen = open_screen("wumin", "/me/")
    page = screen.page
    page.locator("#id_single_keys").uncheck()
    page.locator("form", has=page.locator("#id_single_keys")).locator("button").first.click()
    expect(page.locator("body")).to_have_attribute("data-keys", "off")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.keyboard.press("/")
    page.wait_for_timeout(300)
    assert page.url.endswith("/me/")
    expect(palette(page)).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(palette(page)).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#id_single_keys").check()
    page.locator("form", has=page.locator("#id_single_keys")).locator("button").first.click()
    expect(page.locator("body")).not_to_have_attribute("data-keys", "off")


# ---------------------------------------------------------------- menus
def test_a_menu_obeys_arrows_and_closes_by_escape_and_by_a_click_elsewhere(developer: Screen) -> None:
    page = developer.page
    menu = page.locator("#person-menu")
    menu.locator("summary").focus()
    page.keyboard.press("ArrowDown")
    expect(menu.locator(".menu-item").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(menu.locator(".menu-item").nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(menu.locator(".menu-item").last).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    page.locator("#project-switcher summary").click()
    expect(menu).not_to_have_attribute("open", "")
    page.mouse.click(700, 500)
    expect(page.locator("details.menu[open]")).to_have_count(0)


# ---------------------------------------------------------------- copy as API call
def test_a_form_is_copied_as_it_stands_and_the_command_does_the_same(
    developer: Screen, crew: Crew, product: Product
) -> None:
    number = crew.create().number
    page = developer.page
    developer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    developer.open_order(number)
    page.locator("textarea[name=text]").fill('说 "好" it\'s done')
    page.locator("#api-calls > summary").click()
    call = page.locator(".api-call", has_text="/comments/")
    call.get_by_role("button", name=re.compile("Copy as API call")).click()
    expect(page.locator("#toasts")).to_contain_text("PRISM4K_TOKEN")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{product.url}/api/v1/orders/{number}/comments/" in copied
    words = shlex.split(copied.replace(" \\\n  -", " -"))
    assert words[-1] == '{"text": "说 \\"好\\" it\'s done"}'
    page.keyboard.press("Control+k")
    page.keyboard.type("API call: ")
    expect(page.locator("#palette [role=option]", has_text="Copy as API call").first).to_be_visible()


# ---------------------------------------------------------------- without JavaScript, and time
def test_without_javascript_search_menus_and_commands_are_there(open_screen: Open) -> None:
    page = open_screen("chenlei", "/me/", javascript=False).page
    expect(page.locator("#api-calls")).to_be_attached()
    page.locator("#api-calls > summary").click()
    expect(page.locator(".api-call pre").first).to_contain_text("curl -X PATCH")
    page.locator("#person-menu summary").click()
    expect(page.locator("#person-menu a").first).to_be_visible()
    page.locator("input[data-palette]").fill(SPELT)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/search/?q={SPELT}")
    expect(page.get_by_role("link", name=CARRIED[1].name)).to_be_visible()
    page.goto("/keys/")
    expect(page.locator(".keys-help")).to_contain_text("New order")


@pytest.fixture
def new_york(chromium: Browser, product: Product) -> Iterator[Page]:
    context = chromium.new_context(base_url=product.url, locale="zh-CN", timezone_id="America/New_York")
    yield context.new_page()
    context.close()


def test_language_and_zone_are_the_browsers_before_anybody_chose(new_york: Page) -> None:
    page = new_york
    page.goto("/sign-in/?next=/orders/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.locator("button[name=username][value=liuyang]").click()
    page.wait_for_url("**/orders/")
    moment = page.locator("time").first.get_attribute("title") or ""
    assert re.search(r"\d\d:\d\d:\d\d E[SD]T · \d\d:\d\d:\d\d UTC", moment), moment
