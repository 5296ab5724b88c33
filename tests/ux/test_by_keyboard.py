"""The core tasks without a pointer: keys, Tab, Enter and typing, nothing else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.world import APPROVER, DEVELOPER, OPERATOR, TESTER
from tests.browser import Open
from tests.patience import wait_for
from tests.ux.scene import GATEWAY, POS
from tests.ux.site import Site
from tests.ux.tasks import ORDER, ROLLOUT, short
from tests.whole.people import Carried, Crew

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
MOST_TABS = 80


def reach(page: Page, what: Locator) -> None:
    """Tab until the focus is there and can be seen."""
    expect(what).to_be_enabled()
    for _tab in range(MOST_TABS):
        if what.evaluate("(one) => one === document.activeElement"):
            expect(what).to_be_in_viewport()
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{MOST_TABS} tabs did not lead to {what}")


def enter(page: Page, what: Locator) -> None:
    reach(page, what)
    page.keyboard.press("Enter")


def open_row(page: Page, name: str) -> None:
    """``j`` through the rows of the page until the one that is called so has the focus."""
    expect(page.locator("[data-row]").filter(has_text=name).first).to_be_visible()
    for _row in range(60):
        page.keyboard.press("j")
        if name in page.evaluate("document.activeElement.closest('[data-row]')?.textContent ?? ''"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"no row is called {name}")


@pytest.fixture(scope="module")
def crew(site: Site) -> Crew:
    return Crew(site.product)


@pytest.fixture(scope="module")
def order(crew: Crew) -> Carried:
    """Filled in by the first test, carried on by the next ones."""
    return Carried(crew, "", POS)


def test_create_build_promote_and_deploy(open_screen: Open, order: Carried) -> None:
    page = open_screen(DEVELOPER, "/").page
    page.keyboard.press("c")
    page.wait_for_url("**/orders/new/**")
    expect(page.locator("#id_branch")).to_be_focused()
    reach_back(page, page.locator("#id_component"))
    page.keyboard.type("SIS-CHINA-ITC-APP-POS")
    expect(page.locator("#id_component")).to_have_value(POS)
    reach(page, page.locator("#id_branch"))
    page.keyboard.press("Control+a")
    page.keyboard.type("master")
    page.keyboard.press("Enter")
    page.wait_for_url(ORDER)
    found = re.search(r"K8S[0-9]{14}[A-Z]{2}", page.url)
    assert found
    order.number = found[0]
    page.keyboard.press("b")
    wait_for(lambda: order.overview()["builds"], "the key builds")
    expect(page).to_have_url(re.compile(rf"/orders/{order.number}/(\?.*)?$"))
    order.built()
    page.goto(f"/orders/{order.number}/?panel=fat")
    enter(page, page.locator('form[action$="/promote/fat/"] button').last)
    deploy = page.locator('form[action$="/review/fat/deploy/"] button').last
    enter(page, deploy)
    page.wait_for_url(ROLLOUT)
    expect(page.locator("#rollout h1 .state").first).to_contain_text("succeeded", ignore_case=True)
    order.settled("fat")


def reach_back(page: Page, what: Locator) -> None:
    """The same, backwards."""
    for _tab in range(MOST_TABS):
        if what.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab")
    raise AssertionError(f"{MOST_TABS} tabs back did not lead to {what}")


def test_promote_with_the_testers_word(open_screen: Open, order: Carried) -> None:
    page = open_screen(TESTER, f"/orders/{order.number}/?panel=uat").page
    reach(page, page.locator("input[name=test_verdict]").first)
    page.keyboard.press("Space")
    page.keyboard.press("p")
    expect(page.locator('form[action$="/promote/uat/"]')).to_have_count(0)
    assert order.at("uat")["promotion"]["test_verdict"] == "passed"


def test_review_and_deploy(open_screen: Open, order: Carried) -> None:
    page = open_screen(OPERATOR, f"/orders/{order.number}/?panel=uat").page
    order.reviewed("uat")
    page.keyboard.press("d")
    page.wait_for_url("**/review/uat/**")
    enter(page, page.locator('form[action$="/review/uat/deploy/"] button').last)
    page.wait_for_url(ROLLOUT)
    expect(page.locator("#rollout h1 .state").first).to_contain_text("succeeded", ignore_case=True)
    order.settled("uat")


def test_approve(open_screen: Open, order: Carried) -> None:
    order.promote("prd")
    order.reviewed("prd")
    page = open_screen(APPROVER, "/").page
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/approvals/**")
    open_row(page, short(order.number))
    page.wait_for_url("**/review/prd/**")
    enter(page, page.locator("button[name=decision][value=approve]"))
    expect(page).not_to_have_url(re.compile(rf"{order.number}/review/prd/decide"))
    assert [row["state"] for row in order.at("prd")["approvals"]] == ["given"]


def test_roll_back(open_screen: Open, site: Site) -> None:
    page = open_screen(OPERATOR, f"/runtime/{GATEWAY}/uat/").page
    page.keyboard.press("r")
    page.wait_for_url("**/roll-back/**")
    enter(page, page.locator("main form .btn-primary, main form .btn-danger").last)
    page.wait_for_url(ROLLOUT)
    expect(page.locator("#rollout h1 .state").first).to_contain_text("succeeded", ignore_case=True)


def test_the_first_error(open_screen: Open, site: Site) -> None:
    page = open_screen(DEVELOPER, "/").page
    open_row(page, short(site.scene.orders["failed"]))
    page.wait_for_url(ORDER)
    page.keyboard.press("e")
    expect(page.locator("[data-log-view]").get_by_text("SyntaxError: invalid syntax")).to_be_visible()
