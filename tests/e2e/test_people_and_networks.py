"""What happens to real people: lost sockets, restarts, two at one button, no JavaScript, too few rights."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from demo.world import APPROVER, DEVELOPER, OPERATOR
from tests.e2e.browsing import Screen, until
from tests.e2e.cable import cable_to
from tests.e2e.conftest import Open
from tests.e2e.test_whole_order import create, start_build
from tests.patience import is_soon, wait_for
from tests.whole.people import Carried, Crew
from tests.whole.product import Product

WATCHER = "wumin"
AMS = "sis-omm/sis-omm-jtc-app-ams"
NOTE_THE_DOT = """() => {
    const dot = document.querySelector("[data-live]");
    window.dots = [];
    new MutationObserver(() => dots.push(dot.dataset.live)).observe(dot, { attributes: true });
}"""


def said(screen: Screen) -> str:
    """Everything that the order's page says now."""
    return screen.page.inner_text("main")


def comment(order: Carried, text: str) -> None:
    order.crew.developer.post(f"orders/{order.number}/comments/", text=text)


def watch(open_screen: Open, order: Carried, **how: Any) -> Screen:
    screen = open_screen(WATCHER, f"/orders/{order.number}/", **how)
    expect(screen.page.locator("[data-live=ok]")).to_be_visible()
    screen.mark()
    return screen


@pytest.mark.parametrize("is_cut", [False, True], ids=["offline", "offline-and-cut"])
def test_a_page_that_was_away_is_right_at_once(open_screen: Open, crew: Crew, product: Product, is_cut: bool) -> None:
    order = crew.create(AMS)
    with cable_to(product.port) as cable:
        screen = watch(open_screen, order, url=cable.url)
        # Chromium lets an open WebSocket live while it plays offline; a pulled cable does not.
        screen.context.set_offline(True)
        if is_cut:
            cable.pull()
        for number in range(5):
            comment(order, f"said while nobody listened {number}")
        order.build()
        time.sleep(3)  # the page is away while the build goes on
        if is_cut:
            cable.plug_in()
        screen.context.set_offline(False)
        took = until(lambda: all(f"listened {n}" in said(screen) for n in range(5)), "what was missed is there", 10)
        took += until(lambda: screen.card("build").locator(".state.tone-succeeded").count(), "built", 10)
        assert is_soon(took), took
        assert not screen.was_reloaded()


def test_a_restart_of_the_server_loses_no_event(open_screen: Open, crew: Crew, product: Product) -> None:
    order = crew.create(AMS)
    screen = watch(open_screen, order)
    screen.page.evaluate(NOTE_THE_DOT)
    old = product.pids()["web-1"]
    product.kill("web-1")
    wait_for(lambda: product.pids()["web-1"] != old, "the supervisor starts it again")
    # The first answer comes when the new process serves.
    wait_for(lambda: crew.developer.http.get("/livez").status_code == 200, "it is back")
    comment(order, "said just after the restart")
    took = until(lambda: "just after the restart" in said(screen), "the page knows", 10)
    assert is_soon(took), took
    expect(screen.page.locator("[data-live=ok]")).to_be_visible(timeout=5000)
    # The supervisor may be quicker than somebody who looks once a second.
    assert {"off", "late"} & set(screen.page.evaluate("window.dots")), "the dot told the truth meanwhile"
    assert not screen.was_reloaded()


def test_two_at_the_deploy_button(open_screen: Open, crew: Crew) -> None:
    order = crew.create(AMS)
    order.build()
    order.to("fat")
    order.promote("uat")
    order.reviewed("uat")
    path = f"/orders/{order.number}/review/uat/"
    screens = [open_screen(person, path) for person in (OPERATOR, APPROVER)]
    for screen in screens:
        expect(screen.act("/review/uat/deploy/")).to_be_enabled()
    moment = time.time() * 1000 + 1500
    for screen in screens:
        screen.page.evaluate(
            """([moment, form]) => setTimeout(
                 () => document.querySelector(`${form} button`).click(), moment - Date.now())""",
            [moment, "form[action$='/review/uat/deploy/']"],
        )
    winners = [who for who, screen in zip(("Zhao Gang", "Liu Yang"), screens, strict=True) if has_won(screen)]
    assert len(winners) == 1
    (loser,) = (screen for screen in screens if "/deployments/" not in screen.page.url)
    expect(loser.page.locator("main")).to_contain_text(f"{winners[0]} is deploying order {order.number} here right now")
    order.deployed("uat")
    order.settled("uat")


def has_won(screen: Screen) -> bool:
    """The rollout, or the page that says why not."""
    screen.page.wait_for_url(re.compile(r"/deployments/\d+/|/uat/deploy/"))
    return "/deployments/" in screen.page.url


def test_without_javascript(open_screen: Open) -> None:
    screen = open_screen(DEVELOPER, javascript=False)
    number = create(screen)
    start_build(screen, number)

    def is_built() -> bool:
        screen.open_order(number, "build")
        return screen.page.locator("#build-status .card-head .state.tone-succeeded").count() > 0

    until(is_built, "the build succeeds")
    assert "Finished: SUCCESS" in screen.page.locator("[data-log-tail]").inner_text()


def test_a_developer_may_not_deploy_to_production(open_screen: Open, crew: Crew) -> None:
    order = crew.create()
    screen = open_screen(DEVELOPER, f"/orders/{order.number}/?panel=prd")
    assert screen.act("/review/prd/deploy/").count() == 0
    body = {"csrfmiddlewaretoken": crew.developer.csrf(), "snapshot": "0" * 64, "last_four": order.number[-4:]}
    answer = crew.developer.http.post(f"/orders/{order.number}/review/prd/deploy/", data=body)
    assert answer.status_code == 403
