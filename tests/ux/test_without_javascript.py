"""Everything works with JavaScript off: signed in, created, built, promoted, reviewed, deployed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from demo.world import DEVELOPER, OPERATOR, PASSWORD, SUBSYSTEMS, TESTER
from tests.browser import Open
from tests.e2e.browsing import Screen, until
from tests.ux.scene import MOBILE
from tests.ux.site import Site
from tests.ux.tasks import ORDER

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
PROJECT, COMPONENT = SUBSYSTEMS[1].slug, MOBILE


@pytest.fixture
def developer(site: Site, chromium: Browser) -> Screen:
    """Signed in with a password, as in production."""
    screen = Screen(site.url, chromium, javascript=False)
    screen.open("/sign-in/?next=/orders/new/")
    screen.page.fill("input[name=username]", DEVELOPER)
    screen.page.fill("input[name=password]", PASSWORD)
    screen.page.locator("main form .btn-primary").click()
    screen.page.wait_for_url("**/orders/new/")
    return screen


def see(screen: Screen, path: str, is_there: Callable[[], object], why: str) -> None:
    """Reload, as somebody would, until it is to be seen."""

    def read() -> object:
        screen.open(path)
        return is_there()

    until(read, why)


def test_from_sign_in_to_a_deployment(developer: Screen, open_screen: Open) -> None:
    page = developer.page
    page.locator("#id_component").select_option(COMPONENT)
    page.locator("#id_branch").fill("master")
    page.locator("form[data-new-order] .btn-primary").click()
    page.wait_for_url(ORDER)
    number = page.url.split("/orders/")[1][:19]
    developer.open(f"/orders/{number}/build/")
    page.locator("main form .btn-primary").click()
    page.wait_for_url(ORDER)
    succeeded = page.locator("#build-status .card-head .state.tone-succeeded")
    see(developer, f"/orders/{number}/?panel=build", succeeded.count, "the build succeeds")
    assert "Finished: SUCCESS" in page.locator("[data-log-tail]").inner_text()

    developer.open(f"/orders/{number}/?panel=fat")
    developer.act("/promote/fat/").click()
    developer.act("/review/fat/deploy/").click()
    rollout = page.url
    see(developer, rollout, page.locator("#rollout h1 .tone-succeeded").count, "FAT succeeds")

    tester = open_screen(TESTER, f"/orders/{number}/?panel=uat", javascript=False)
    promote = tester.act("/promote/uat/")
    # A page without the button would be waited for in vain.
    see(tester, f"/orders/{number}/?panel=uat", lambda: promote.count() and promote.is_enabled(), "FAT settles")
    tester.page.locator("input[name=test_verdict][value=passed]").check()
    promote.click()
    expect(promote).to_have_count(0)

    operator = open_screen(OPERATOR, f"/orders/{number}/review/uat/", javascript=False)
    deploy = operator.page.locator('form[action$="/review/uat/deploy/"] button')
    see(operator, f"/orders/{number}/review/uat/", deploy.count, "the review is ready")
    deploy.last.click()
    rollout = operator.page.url
    assert "/deployments/" in rollout
    see(operator, rollout, operator.page.locator("#rollout h1 .tone-succeeded").count, "UAT succeeds")
