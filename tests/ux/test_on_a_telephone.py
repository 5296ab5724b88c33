"""On a telephone: approve, watch and roll back, with nothing that scrolls sideways and nothing too small to hit."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from demo.world import APPROVER, OPERATOR
from tests.browser import Open
from tests.ux.browser_view import HEIGHT, NARROW
from tests.ux.scene import GATEWAY, MOBILE
from tests.ux.tasks import ROLLOUT, short
from tests.whole.people import Crew

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, page.url


def test_approve_watch_and_roll_back(open_screen: Open, crew: Crew) -> None:
    order = crew.create(MOBILE)
    order.build()
    order.to("fat")
    order.to("uat")
    order.promote("prd")
    order.reviewed("prd")

    page = open_screen(APPROVER, "/").page
    page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    fits(page)
    page.locator("nav.bottom-bar a[href^='/approvals/']").click()
    page.wait_for_url("**/approvals/**")
    fits(page)
    page.locator("[data-row]").filter(has_text=short(order.number)).get_by_role("link").first.click()
    page.wait_for_url("**/review/prd/**")
    fits(page)
    page.locator("button[name=decision][value=approve]").click()
    expect(page).not_to_have_url(re.compile(rf"{order.number}/review/prd/decide"))
    assert [row["state"] for row in order.at("prd")["approvals"]] == ["given"]

    page = open_screen(OPERATOR, f"/orders/{order.number}/review/prd/").page
    page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    fits(page)
    page.locator("input[name=last_four]").fill(order.number[-4:])
    page.locator('form[action$="/review/prd/deploy/"] button').last.click()
    page.wait_for_url(ROLLOUT)
    fits(page)
    expect(page.locator("#rollout h1 .state").first).to_contain_text("succeeded", ignore_case=True)
    fits(page)

    page.goto(f"/runtime/{GATEWAY}/uat/")
    fits(page)
    page.locator('main a[href*="/roll-back/"]').first.click()
    page.wait_for_url("**/roll-back/**")
    fits(page)
    page.locator("main form .btn-primary, main form .btn-danger").last.click()
    page.wait_for_url(ROLLOUT)
    fits(page)
