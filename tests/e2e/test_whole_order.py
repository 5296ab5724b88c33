"""One order, clicked from its creation to disaster recovery, and watched live by somebody who never reloads."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from demo.world import APPROVER, CARRIED, DEVELOPER, OPERATOR, TESTER
from tests.e2e.browsing import CHINESE, Screen, until
from tests.e2e.conftest import Open

PROJECT, APP = CARRIED
WATCHER = "wumin"


def create(screen: Screen, branch: str = "master", app: str = APP.slug) -> str:
    """Fill in the form and send it; the new order's number."""
    page = screen.page
    screen.open("/orders/new/")
    page.locator("#id_project").select_option(PROJECT)
    if screen.has_javascript:  # the second list is narrowed to the project
        expect(page.locator(f"#id_component option[value*='/']:not([value^='{PROJECT}/'])")).to_have_count(0)
    page.locator("#id_component").select_option(f"{PROJECT}/{app}")
    page.locator("#id_branch").fill(branch)
    page.locator("#id_description").fill("Clicked by a test · 测试点击")
    page.locator("form[data-new-order] .btn-primary").click()
    page.wait_for_url(re.compile(r"/orders/K8S[0-9]{14}[A-Z]{2}/"))
    found = re.search(r"K8S[0-9]{14}[A-Z]{2}", page.url)
    assert found
    return found[0]


def start_build(screen: Screen, number: str) -> None:
    """The build dialog's button."""
    screen.open(f"/orders/{number}/build/")
    screen.page.locator("main form .btn-primary").click()
    screen.page.wait_for_url(re.compile(rf"/orders/{number}/(\?.*)?$"))


def promote(screen: Screen, number: str, environment: str, word: str = "passed") -> None:
    screen.open_order(number, environment)
    button = screen.act(f"/promote/{environment}/")
    expect(button).to_be_enabled()  # the page finds out by itself that the environment before has settled
    if screen.page.locator("input[name=test_verdict]").count():
        screen.page.locator(f"input[name=test_verdict][value={word}]").check()
    with screen.page.expect_navigation():
        button.click()
    expect(button).to_have_count(0)


def approve(screen: Screen, number: str, environment: str) -> None:
    screen.open(f"/orders/{number}/review/{environment}/")
    with screen.page.expect_navigation():
        screen.page.locator("button[name=decision][value=approve]").click()
    expect(screen.page.locator("form[action*='/approvals/'][action$='/withdraw/']")).to_be_visible()


def deploy(screen: Screen, number: str, environment: str) -> None:
    """From the review, or where none is asked for, from the order's panel; ends at the rollout."""
    if environment == "fat":
        screen.open_order(number, "fat")
    else:
        screen.open(f"/orders/{number}/review/{environment}/")
    button = screen.act(f"/review/{environment}/deploy/")
    expect(button).to_be_enabled()
    last_four = screen.page.locator("input[name=last_four]")
    if last_four.count():
        last_four.fill(number[-4:])
    button.click()
    screen.page.wait_for_url(re.compile(r"/deployments/\d+/"))


def see_success(screen: Screen, ready: str) -> None:
    """The rollout page reaches its verdict by itself, every pod ready."""
    screen.mark()
    expect(screen.page.locator("#rollout .head .state.tone-succeeded").first).to_be_visible()
    expect(screen.page.locator("#rollout")).to_contain_text(ready)
    assert not screen.was_reloaded()


def carry_on(screen: Screen, number: str, environment: str, replicas: int, *, by: str = OPERATOR) -> None:
    """Tester, approver where one is asked for, operations."""
    screen.become(TESTER)
    promote(screen, number, environment)
    if environment in ("prd", "drp"):
        screen.become(APPROVER)
        approve(screen, number, environment)
    screen.become(by)
    deploy(screen, number, environment)
    see_success(screen, f"{replicas}/{replicas}")


def test_from_creation_to_disaster_recovery(open_screen: Open) -> None:
    screen, watcher = open_screen(DEVELOPER), open_screen(WATCHER)
    number = create(screen)
    watcher.open_order(number, "build")
    expect(watcher.page.locator("[data-live=ok]")).to_be_visible()

    start_build(screen, number)
    screen.open_order(number, "build")
    screen.mark()
    # Who was there before the build sees it begin.
    expect(watcher.page.locator("#build-status .stages li")).to_have_count(5)
    lengths, states = {watcher.log_length()}, set[str]()

    def has_built() -> bool:
        lengths.add(screen.log_length())
        states.add(screen.page.locator("#build-status .stages").inner_html())
        return screen.page.locator("#build-status .card-head .state.tone-succeeded").count() > 0

    until(has_built, "the build succeeds")
    assert not screen.was_reloaded()
    # On a busy machine the page may come when half of the build is over.
    assert len(lengths) >= 2, f"the log grew under the eyes: {sorted(lengths)}"
    assert len(states) >= 2, "the strip moved under the eyes"
    until(lambda: watcher.log_length() > 100, "the log reaches who was there before the build")
    watcher.mark()

    promote(screen, number, "fat")
    deploy(screen, number, "fat")
    see_success(screen, "1/1")
    expect(watcher.card("fat")).to_have_class(re.compile("succeeded|serving|settled|ok"))
    for environment, replicas in (("uat", 2), ("prd", 4), ("drp", 2)):
        carry_on(screen, number, environment, replicas)
        expect(watcher.card(environment)).to_have_class(re.compile("succeeded|serving|settled|ok"))
    assert not watcher.was_reloaded(), "everything reached the watcher over its socket"


def test_the_way_to_fat_in_chinese(open_screen: Open) -> None:
    screen = open_screen(DEVELOPER, locale=CHINESE)
    screen.open("/orders/new/")
    assert screen.page.locator("html").get_attribute("lang") == "zh-Hans"
    expect(screen.page.locator("h1")).to_have_text(re.compile("新建"))
    expect(screen.page.locator("form[data-new-order] .btn-primary")).to_have_text(re.compile("[\u4e00-\u9fff]"))
    number = create(screen)
    start_build(screen, number)
    expect(screen.page.locator("#build-status .card-head .state.tone-succeeded")).to_be_visible()
    promote(screen, number, "fat")
    deploy(screen, number, "fat")
    see_success(screen, "1/1")
    verdict = screen.page.locator("#rollout .head .state.tone-succeeded").first
    expect(verdict).to_have_text(re.compile("[\u4e00-\u9fff]"))
    english = re.findall(
        r"\b(?:Deploy|Rollout|Promote|Build|Review|Order|Home|Admin)\b", screen.page.inner_text("body")
    )
    assert english == [], "words that nobody has translated"
