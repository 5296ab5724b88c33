"""Order, review, rollout, runtime and roll back as people click them: in few clicks, live, nothing typed lost."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from demo.world import APPROVER, DEVELOPER, OPERATOR, TESTER
from tests.e2e.browsing import Screen, until
from tests.e2e.conftest import Open
from tests.whole.people import Carried, Crew

AMS = "sis-omm/sis-omm-jtc-app-ams"
PLACE = "/runtime/sis-omm/sis-omm-jtc-app-ams"
DONE = ".state.tone-succeeded"


class Clicks:
    """Counts what a person does: a click, a key, one field filled in."""

    def __init__(self, screen: Screen) -> None:
        self.page: Page = screen.page
        self.count = 0

    def click(self, selector: str) -> None:
        self.page.locator(selector).first.click()
        self.count += 1

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.count += 1

    def fill(self, selector: str, text: str) -> None:
        self.page.locator(selector).fill(text)
        self.count += 1


def primary(screen: Screen) -> str:
    """What the order's one primary button says."""
    return screen.page.locator("#order-head .acts .btn-primary").inner_text()


def arrive(screen: Screen, address: str) -> None:
    screen.page.wait_for_url(re.compile(address))


def test_build_and_fat_from_the_orders_page(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    screen = open_screen(DEVELOPER, f"/orders/{order.number}/")
    hand = Clicks(screen)
    expect(screen.page.locator("#why-not")).to_contain_text("It waits for somebody to build it.")
    hand.click("#order-head .btn-primary")
    hand.click("form button.btn-primary")
    arrive(screen, rf"/orders/{order.number}/$")
    expect(screen.page.locator(".stages .stage")).to_have_count(5)
    screen.mark()
    expect(screen.page.locator("#build-status .card-head")).to_contain_text("succeeded")
    expect(screen.page.locator(".stage progress[value='100']")).to_have_count(5)
    # The page found the next act by itself.
    expect(screen.page.locator("#order-head .btn-primary")).to_contain_text("Promote to FAT")
    assert not screen.was_reloaded() and hand.count == 2
    hand = Clicks(screen)
    hand.click("#order-head .btn-primary")
    hand.click("#place-promotion .btn-primary")
    arrive(screen, "panel=fat")
    assert hand.count == 2, "promoted"
    hand = Clicks(screen)
    hand.click("#order-head .btn-primary")
    arrive(screen, r"/deployments/\d+/")
    assert hand.count == 1, "deployed, and there to follow"
    expect(screen.page.locator("#rollout .head-line .tone-succeeded").first).to_be_visible()
    expect(screen.page.locator("#rollout-moments")).to_contain_text("Every pod of the new version is ready")


def test_promote_review_approve_and_deploy_to_production(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    order.build()
    order.to("fat")
    tester = open_screen(TESTER, f"/orders/{order.number}/")
    hand = Clicks(tester)
    hand.click("input[name=test_verdict][value=passed]")
    hand.click("#place-promotion .btn-primary")
    arrive(tester, "panel=uat")
    assert hand.count == 2, "promoted with the test verdict"
    order.start_deployment("uat")
    order.deployed("uat")
    order.settled("uat")
    order.promote("prd")
    order.reviewed("prd")
    operator = open_screen(OPERATOR, f"/orders/{order.number}/")
    stuck = operator.page.locator("#why-not")
    expect(stuck).to_contain_text("PRD 0 of 1 approvals. Who can clear it:")
    expect(operator.card("prd")).to_contain_text("blocked by 1")
    _approve(open_screen, order)
    expect(operator.card("prd")).to_contain_text("may be deployed")
    hand = Clicks(operator)
    hand.click("#order-head .btn-primary")
    arrive(operator, "/review/prd/")
    expect(operator.page.locator(".verdict")).to_contain_text("Ready")
    expect(operator.page.locator("#deploy-foot")).to_contain_text("PRD")
    hand.fill("input[name=last_four]", order.number[-4:])
    hand.click("#deploy .btn-primary")
    arrive(operator, r"/deployments/\d+/")
    assert hand.count == 3
    expect(operator.page.locator("#rollout .head-line .tone-succeeded").first).to_be_visible()
    expect(operator.page.locator("#pods .pod.is-ready")).to_have_count(4)


def _approve(open_screen: Open, order: Carried) -> None:
    approver = open_screen(APPROVER, f"/orders/{order.number}/")
    hand = Clicks(approver)
    hand.click("#order-head .btn-primary")
    arrive(approver, "/review/prd/")
    # In production a key only leads to the button.
    approver.page.keyboard.press("a")
    expect(approver.page.locator("button[value=approve]")).to_be_focused()
    hand.press("Enter")
    expect(approver.page.locator("#approvals")).to_contain_text("given")
    assert hand.count == 2, "approved"


def test_roll_back_and_a_pod_that_is_opened(open_screen: Open, crew: Crew) -> None:
    first, second = crew.create(AMS), crew.create(AMS)
    for order in (first, second):
        order.build()
        order.to("fat")
    screen = open_screen(DEVELOPER, f"/orders/{second.number}/?panel=fat")
    hand = Clicks(screen)
    hand.click("#place-state a[data-key=r]")
    arrive(screen, "/roll-back/")
    expect(screen.page.locator(".verdict")).to_contain_text(first.number)
    expect(screen.page.locator(".diff-line.add").first).to_be_visible()
    hand.click(".deploy .btn-primary")
    arrive(screen, r"/deployments/\d+/")
    assert hand.count == 2, "rolled back to what was there before"
    expect(screen.page.locator("#rollout .head-line .tone-succeeded").first).to_be_visible()
    expect(screen.page.locator("#rollout")).to_contain_text(first.number)

    screen.open(f"{PLACE}/fat/")
    expect(screen.page.locator("#pods")).to_contain_text(first.number)
    screen.page.locator("#pods .pod.is-ready").first.click()
    expect(screen.page.locator("#pod-card")).to_contain_text("The container started")
    expect(screen.page.locator("#pods .pod[aria-current]")).to_have_count(1)
    expect(screen.page).to_have_url(re.compile("pod="))
    screen.page.reload()
    expect(screen.page.locator("#pod-card")).to_contain_text("The container started")


def test_news_come_in_and_take_nothing_that_is_typed(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    order.build()
    order.to("fat")
    screen = open_screen(TESTER)
    screen.open(f"/orders/{order.number}/?panel=uat&activity=comments")
    expect(screen.page.locator("[data-live=ok]")).to_be_visible()
    screen.mark()
    note = screen.page.locator("#place-promotion textarea")
    note.fill("checked twelve cases")
    screen.page.locator("#id_text").fill("half a sentence")
    crew.developer.post(f"orders/{order.number}/comments/", text="said meanwhile")
    expect(screen.page.locator("#activity")).to_contain_text("said meanwhile")
    expect(screen.page.locator("#activity .events li")).to_have_count(1)
    assert note.input_value() == "checked twelve cases"
    assert screen.page.locator("#id_text").input_value() == "half a sentence"
    assert not screen.was_reloaded()


def test_a_crash_tells_its_cause_and_the_way_back(open_screen: Open, crew: Crew) -> None:
    good = crew.create(AMS)
    good.build()
    good.to("fat")
    crashing = crew.create(AMS, "crash-on-start")
    crashing.build()
    crashing.promote("fat")
    screen = open_screen(DEVELOPER, f"/orders/{crashing.number}/?panel=fat")
    screen.page.locator("#order-head .btn-primary").click()
    arrive(screen, r"/deployments/\d+/")
    screen.mark()
    # While it goes on, the new pod is drawn before it is there, and the old one serves.
    expect(screen.page.locator("#pods .pod")).not_to_have_count(0)
    until(lambda: screen.page.locator(".diagnosis").count(), "the verdict comes by itself", 90)
    assert not screen.was_reloaded()
    diagnosis = screen.page.locator(".diagnosis")
    expect(diagnosis).to_contain_text("again and again")
    expect(diagnosis.locator(".evidence").first).to_contain_text("DATABASE_URL")
    expect(diagnosis).to_contain_text("Open the configuration of FAT")
    expect(screen.page.locator("#rollout .btn-primary")).to_contain_text("Roll back to")
    screen.open(f"/orders/{crashing.number}/")
    assert "See the cause" in primary(screen)


def test_an_at_sign_offers_the_people_whom_a_comment_may_name(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    page = open_screen(DEVELOPER, f"/orders/{order.number}/").page
    field, offered = page.locator("#id_text"), page.locator("#named-people [data-name]")
    field.click()
    page.keyboard.type("mail a@b; @wang")
    expect(offered).to_have_count(1)
    expect(offered).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(offered).to_be_hidden()
    expect(field).to_be_focused()
    page.keyboard.type("f")
    expect(offered).to_be_visible()
    page.keyboard.press("Enter")
    expect(field).to_have_value("mail a@b; @wangfang ")
    expect(offered).to_be_hidden()
    page.keyboard.type("and @")
    expect(offered.nth(2)).to_be_visible()
    second = str(offered.nth(1).get_attribute("data-name"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(field).to_have_value(f"mail a@b; @wangfang and @{second} ")
    page.keyboard.type("@")
    third = str(offered.nth(2).get_attribute("data-name"))
    offered.nth(2).click()
    expect(field).to_have_value(f"mail a@b; @wangfang and @{second} @{third} ")
    page.keyboard.type("@nobody-is-called-so")
    expect(offered).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.type("end")
    expect(field).to_have_value(f"mail a@b; @wangfang and @{second} @{third} @nobody-is-called-so\nend")
