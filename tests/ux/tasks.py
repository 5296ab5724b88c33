"""The tasks of docs/ux.md, performed. Each returns the hand that did it; what was to be reached is asserted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Browser, expect

from demo.world import APPROVER, DEVELOPER, OPERATOR, PLATFORM_ADMIN, TESTER
from tests.ux.hand import Hand
from tests.ux.looking import HEIGHT, WIDE, Looker
from tests.ux.scene import GATEWAY, UI
from tests.ux.site import Site
from tests.whole.people import Carried, Crew

HOME = "home"
ORDER = re.compile(r"/orders/K8S[0-9]{14}[A-Z]{2}/")
ROLLOUT = re.compile(r"/deployments/[0-9]+/")


class Office:
    """One site, a browser, and whoever sits in front of it."""

    def __init__(self, site: Site, browser: Browser) -> None:
        self.site, self._browser = site, browser
        self._looker = Looker(site, browser)
        self.crew = Crew(site.product)

    def at(self, path: str, who: str) -> Hand:
        """A person who has just come to a page."""
        context = self._browser.new_context(viewport={"width": WIDE, "height": HEIGHT}, locale="en-US")
        context.add_cookies(self._looker.session(who))
        self.last = Hand(context).start(f"{self.site.url}{path}")
        return self.last

    def order(self, name: str, component: str) -> Carried:
        """An order of the scene."""
        return Carried(self.crew, self.site.scene.orders[name], component)


def short(number: str) -> str:
    """``1121-1143·UF``, as the screens say it."""
    return f"{number[7:11]}-{number[11:15]}·{number[-2:]}"


# ---------------------------------------------------------------- seeing
def where_is_my_version(office: Office) -> Hand:
    """The matrix says for each environment what serves."""
    hand = office.at("/", DEVELOPER)
    cell = hand.page.locator(f'a[href="/runtime/{GATEWAY}/prd/"]').first
    expect(cell).to_contain_text(short(office.site.scene.orders["carried"]))
    return hand


def who_deployed_it(office: Office) -> Hand:
    """The cell leads to what serves there."""
    hand = office.at("/", DEVELOPER)
    hand.click(hand.page.locator(f'a[href="/runtime/{GATEWAY}/prd/"]').first)
    expect(hand.page.locator("main")).to_contain_text("Zhao Gang")
    return hand


def why_is_it_stuck(office: Office) -> Hand:
    """The order says what it waits for, and who can clear it."""
    hand = office.at(f"/orders/{office.site.scene.orders['approving']}/", DEVELOPER)
    head = hand.page.locator("main")
    expect(head).to_contain_text("0 of 1 approvals")
    expect(head).to_contain_text("Liu Yang")
    return hand


def first_error_in_a_log(office: Office) -> Hand:
    """What failed is among my work; its page says the first error, and its log opens there."""
    hand = office.at("/", DEVELOPER)
    hand.click(hand.page.locator("#work").get_by_role("link", name=short(office.site.scene.orders["failed"])))
    error = "SyntaxError: invalid syntax"
    expect(hand.page.locator("#build-status").get_by_text(error)).to_be_in_viewport()
    log = hand.page.locator("[data-log-view]")
    expect(log.get_by_text(error)).to_be_visible()
    expect(log.get_by_text("Started by")).to_have_count(0)
    return hand


# ---------------------------------------------------------------- an order's way
def create_an_order(office: Office) -> Hand:
    """Component as last time; the branch is typed."""
    hand = office.at("/", DEVELOPER)
    hand.press("c")
    hand.page.wait_for_url("**/orders/new/**")
    hand.fill(hand.page.locator("#id_branch"), "master")
    hand.press("Enter")
    hand.page.wait_for_url(ORDER)
    return hand


def promote(office: Office) -> Hand:
    """The tester's word, then where to."""
    order = office.order("tested", UI)
    hand = office.at(f"/orders/{order.number}/?panel=prd", TESTER)
    hand.click(hand.page.locator("input[name=word][value=passed]"))
    hand.click(hand.page.locator('form[action$="/promote/prd/"] button').last)
    expect(hand.page.locator("main")).to_contain_text("Wang Fang")
    assert order.at("prd")["promotion"], "it was not promoted"
    return hand


def approve(office: Office) -> Hand:
    """What waits for me leads to the review; the decision stands at its foot."""
    number = office.site.scene.orders["approving"]
    hand = office.at("/", APPROVER)
    hand.click(hand.page.locator("#work").get_by_role("link", name=short(number)))
    hand.page.wait_for_url("**/review/prd/**")
    hand.click(hand.page.locator("button[name=decision][value=approve]"))
    order = office.order("approving", GATEWAY)
    expect(hand.page.locator("form[action*='/approvals/'][action$='/withdraw/'], #work").first).to_be_visible()
    assert order.at("prd")["approvals"], "it was not approved"
    return hand


def review_and_deploy(office: Office) -> Hand:
    """Operations: everything about it on one page, the last four of its number, and go."""
    number = office.site.scene.orders["approving"]
    hand = office.at(f"/orders/{number}/?panel=prd", OPERATOR)
    hand.click(hand.page.locator(f'main a.btn-primary[href*="/orders/{number}/review/prd/"]').first)
    hand.page.wait_for_url("**/review/prd/**")
    hand.fill(hand.page.locator("input[name=last_four]"), number[-4:])
    hand.click(hand.page.locator('form[action$="/review/prd/deploy/"] button').last)
    hand.page.wait_for_url(ROLLOUT)
    return hand


def follow_a_rollout(office: Office) -> Hand:
    """Whoever deployed is there already: the pods change by themselves, to the verdict."""
    hand = office.last.go_on()
    rollout = hand.page.locator("#rollout")
    expect(rollout).to_contain_text("4/4")
    expect(rollout.locator(".state.tone-succeeded").first).to_be_visible()
    return hand


def roll_back(office: Office) -> Hand:
    """The cell, the act, the newest that succeeded there."""
    hand = office.at("/", OPERATOR)
    hand.click(hand.page.locator(f'a[href="/runtime/{GATEWAY}/uat/"]').first)
    hand.click(hand.page.locator('main a[href*="/roll-back/"]').first)
    hand.page.wait_for_url("**/roll-back/**")
    hand.click(hand.page.locator("main form button.btn-primary, main form button.btn-danger").last)
    hand.page.wait_for_url(ROLLOUT)
    return hand


# ---------------------------------------------------------------- settings
def change_an_allocation(office: Office) -> Hand:
    """From the component's page."""
    hand = office.at(f"/components/{UI}/", OPERATOR)
    hand.click(hand.page.locator('main a[href*="#allocation"], main a[href*="/edit/"]').first)
    field = hand.page.locator('input[name*="replicas"]:visible').nth(1)
    now = int(field.input_value())
    hand.fill(field, str(now % 3 + 1))
    hand.click(hand.page.locator("main form button.btn-primary").last)
    expect(hand.page.locator("main")).to_contain_text("v2")
    return hand


def change_a_template(office: Office) -> Hand:
    """From the component's page to one of its templates."""
    hand = office.at(f"/components/{UI}/", PLATFORM_ADMIN)
    hand.click(hand.page.locator('main a[href$="/edit/"]').first)
    hand.click(hand.page.locator('main a[href="/templates/prism-python-service.yaml/"]').first)
    editor = hand.page.locator("textarea[name=body]")
    hand.fill(editor, editor.input_value() + "# one more line\n")
    hand.click(hand.page.locator("main form button.btn-primary").last)
    expect(hand.page.locator("main")).to_contain_text("v2")
    return hand


@dataclass(frozen=True)
class Task:
    """``name`` as docs/ux.md has it; ``start`` where somebody is before."""

    name: str
    start: str
    act: Callable[[Office], Hand]


TASKS = (
    Task("where is my version", HOME, where_is_my_version),
    Task("who deployed it", HOME, who_deployed_it),
    Task("why is it stuck", "the order", why_is_it_stuck),
    Task("first error in a log", HOME, first_error_in_a_log),
    Task("create an order", HOME, create_an_order),
    Task("promote", "the order, where “to test” leads", promote),
    Task("approve", HOME, approve),
    Task("review and deploy", "the order", review_and_deploy),
    Task("follow a rollout", "where deploying led", follow_a_rollout),
    Task("roll back", HOME, roll_back),
    Task("change an allocation", "the component", change_an_allocation),
    Task("change a template", "the component", change_a_template),
)
"""In this order: what waits for approval is looked at, then approved, deployed and followed."""
