"""The tasks of docs/ux.md, performed. Each returns the user that did it; what was to be reached is asserted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Browser, expect

from demo.world import APPROVER, DEVELOPER, OPERATOR, PLATFORM_ADMIN, TESTER
from tests.ux.browser_view import HEIGHT, WIDE, Viewer, settle
from tests.ux.interactions import CountedUser
from tests.ux.scene import GATEWAY, UI
from tests.ux.site import Site
from tests.whole.people import Carried, Crew

HOME = "home"
ORDER = re.compile(r"/orders/K8S[0-9]{14}[A-Z]{2}/")
ROLLOUT = re.compile(r"/deployments/[0-9]+/")


class Office:
    """One site, a browser, and the person in front of it."""

    def __init__(self, site: Site, browser: Browser) -> None:
        self.site, self._browser = site, browser
        self._looker = Viewer(site, browser)
        self.crew = Crew(site.product)

    def at(self, path: str, who: str) -> CountedUser:
        """A person who has just come to a page."""
        context = self._browser.new_context(viewport={"width": WIDE, "height": HEIGHT}, locale="en-US")
        context.add_cookies(self._looker.session(who))
        self.last = CountedUser(context).start(f"{self.site.url}{path}")
        return self.last

    def order(self, name: str, component: str) -> Carried:
        """An order of the scene."""
        return Carried(self.crew, self.site.scene.orders[name], component)


def short(number: str) -> str:
    """``1121-1143·UF``, as the screens say it."""
    return f"{number[7:11]}-{number[11:15]}·{number[-2:]}"


# ---------------------------------------------------------------- seeing
def where_is_my_version(office: Office) -> CountedUser:
    """The matrix says for each environment what serves."""
    user = office.at("/", DEVELOPER)
    cell = user.page.locator(f'a[href="/runtime/{GATEWAY}/prd/"]').first
    expect(cell).to_contain_text(short(office.site.scene.orders["carried"]))
    return user


def who_deployed_it(office: Office) -> CountedUser:
    """The cell leads to what serves there."""
    user = office.at("/", DEVELOPER)
    user.click(user.page.locator(f'a[href="/runtime/{GATEWAY}/prd/"]').first)
    expect(user.page.locator("main")).to_contain_text("Zhao Gang")
    return user


def why_is_it_stuck(office: Office) -> CountedUser:
    """The order says what it waits for, and who can clear it."""
    user = office.at(f"/orders/{office.site.scene.orders['approving']}/", DEVELOPER)
    head = user.page.locator("main")
    expect(head).to_contain_text("0 of 1 approvals")
    expect(head).to_contain_text("Liu Yang")
    return user


def first_error_in_a_log(office: Office) -> CountedUser:
    """What failed is among my work; its page says the first error, and its log opens there."""
    user = office.at("/", DEVELOPER)
    user.click(user.page.locator("#work").get_by_role("link", name=short(office.site.scene.orders["failed"])))
    error = "SyntaxError: invalid syntax"
    expect(user.page.locator("#build-status").get_by_text(error)).to_be_in_viewport()
    log = user.page.locator("[data-log-view]")
    expect(log.get_by_text(error)).to_be_visible()
    expect(log.get_by_text("Started by")).to_have_count(0)
    return user


def compare_two_environments(office: Office) -> CountedUser:
    """From what runs where to what production lacks of the first environment."""
    user = office.at("/", DEVELOPER)
    user.click(user.page.locator('.matrix-card .card-head a[href^="/compare/"]'))
    user.choose(user.page.locator("select[name=from]"), "fat")
    user.page.wait_for_url("**from=fat**")
    table = user.page.locator("table.sides")
    expect(table).to_contain_text(short(office.site.scene.orders["tested"]))
    return user


# ---------------------------------------------------------------- an order's way
def create_an_order(office: Office) -> CountedUser:
    """Component as last time; the branch is typed."""
    user = office.at("/", DEVELOPER)
    user.press("c")
    user.page.wait_for_url("**/orders/new/**")
    user.fill(user.page.locator("#id_branch"), "master")
    user.press("Enter")
    user.page.wait_for_url(ORDER)
    return user


def promote(office: Office) -> CountedUser:
    """The test verdict, then where to."""
    order = office.order("tested", UI)
    user = office.at(f"/orders/{order.number}/?panel=prd", TESTER)
    user.click(user.page.locator("input[name=test_verdict][value=passed]"))
    user.click(user.page.locator('form[action$="/promote/prd/"] button').last)
    expect(user.page.locator("main")).to_contain_text("Wang Fang")
    assert order.at("prd")["promotion"], "it was not promoted"
    return user


def approve(office: Office) -> CountedUser:
    """What waits for me leads to the review; the decision stands at its foot."""
    number = office.site.scene.orders["approving"]
    user = office.at("/", APPROVER)
    # The list is fetched anew once the page listens: a click in that very moment would meet a link that goes.
    user.page.wait_for_selector("[data-live=ok]")
    settle(user.page)
    user.click(user.page.locator("#work").get_by_role("link", name=short(number)))
    user.page.wait_for_url("**/review/prd/**")
    user.click(user.page.locator("button[name=decision][value=approve]"))
    order = office.order("approving", GATEWAY)
    expect(user.page.locator("form[action*='/approvals/'][action$='/withdraw/'], #work").first).to_be_visible()
    assert order.at("prd")["approvals"], "it was not approved"
    return user


def review_and_deploy(office: Office) -> CountedUser:
    """Operations: everything about it on one page, the last four of its number, and go."""
    number = office.site.scene.orders["approving"]
    user = office.at(f"/orders/{number}/?panel=prd", OPERATOR)
    user.click(user.page.locator(f'main a.btn-primary[href*="/orders/{number}/review/prd/"]').first)
    user.page.wait_for_url("**/review/prd/**")
    user.fill(user.page.locator("input[name=last_four]"), number[-4:])
    user.click(user.page.locator('form[action$="/review/prd/deploy/"] button').last)
    user.page.wait_for_url(ROLLOUT)
    return user


def follow_a_rollout(office: Office) -> CountedUser:
    """Who deployed is there already: the pods change by themselves, to the verdict."""
    user = office.last.go_on()
    rollout = user.page.locator("#rollout")
    expect(rollout).to_contain_text("4/4")
    expect(rollout.locator(".state.tone-succeeded").first).to_be_visible()
    return user


def roll_back(office: Office) -> CountedUser:
    """The cell, the act, the newest that succeeded there."""
    user = office.at("/", OPERATOR)
    user.click(user.page.locator(f'a[href="/runtime/{GATEWAY}/uat/"]').first)
    user.click(user.page.locator('main a[href*="/roll-back/"]').first)
    user.page.wait_for_url("**/roll-back/**")
    user.click(user.page.locator("main form button.btn-primary, main form button.btn-danger").last)
    user.page.wait_for_url(ROLLOUT)
    return user


# ---------------------------------------------------------------- settings
def change_an_allocation(office: Office) -> CountedUser:
    """From the component's page."""
    user = office.at(f"/components/{UI}/", OPERATOR)
    user.click(user.page.locator('main a[href*="#allocation"], main a[href*="/edit/"]').first)
    field = user.page.locator('input[name*="replicas"]:visible').nth(1)
    now = int(field.input_value())
    user.fill(field, str(now % 3 + 1))
    user.fill(user.page.locator("input[name=note]"), "peak of the opening")
    user.click(user.page.locator("main form button.btn-primary").last)
    expect(user.page.locator("main .changes").first).to_contain_text("version 2")
    return user


def change_a_template(office: Office) -> CountedUser:
    """From the component's page to one of its templates."""
    user = office.at(f"/components/{UI}/", PLATFORM_ADMIN)
    user.click(user.page.locator('main a[href$="/edit/"]').first)
    user.click(user.page.locator('main a[href="/templates/prism-python-service.yaml/"]').first)
    editor = user.page.locator("textarea[name=body]")
    user.fill(editor, editor.input_value() + "# one more line\n")
    user.click(user.page.locator("main form button.btn-primary").last)
    expect(user.page.locator("main")).to_contain_text("v2")
    return user


@dataclass(frozen=True)
class Task:
    """``name`` as docs/ux.md has it; ``start`` where somebody is before."""

    name: str
    start: str
    act: Callable[[Office], CountedUser]


TASKS = (
    Task("where is my version", HOME, where_is_my_version),
    Task("who deployed it", HOME, who_deployed_it),
    Task("compare two environments", HOME, compare_two_environments),
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
