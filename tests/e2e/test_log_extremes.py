"""Logs of a million lines, and of a pod that goes on."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from demo.world import DEVELOPER
from tests.e2e.browsing import until
from tests.e2e.conftest import Open
from tests.e2e.logs import StoredLog
from tests.e2e.test_log_viewer import MOST_ROWS, is_in_view, row, rows_drawn, scroll_to
from tests.whole.people import Crew
from tests.whole.product import Product


def test_a_million_lines_scroll_to_both_ends(open_screen: Open, product: Product) -> None:
    """Higher than a browser draws an element: the bar is scaled, and no line is out of reach."""
    log = StoredLog(product, "succeeded", 3)
    for start in range(1, 1_000_001, 100_000):
        log.write("".join(f"n{number}\n" for number in range(start, start + 100_000)))
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.open(log.path)
    for line in (1, 500_000, 999_999, 1_000_000):
        page.evaluate("(hash) => { location.hash = hash; }", f"L{line}")
        until(lambda line=line: is_in_view(page, line), f"line {line}")  # type: ignore[misc]
        expect(row(page, line).locator(".log-text")).to_have_text(f"n{line}")
    scroll_to(page, 0)
    until(lambda: is_in_view(page, 1), "the beginning, by the bar")
    scroll_to(page, 1)
    until(lambda: is_in_view(page, 1_000_000), "the end, by the bar")
    assert rows_drawn(page) <= MOST_ROWS


def test_a_pods_log_grows_by_itself(open_screen: Open, crew: Crew, product: Product) -> None:
    order = crew.create()
    order.build()
    order.to_fat()
    deployed = order.at("fat")["deployment"]["id"]
    pods = product.rows().one("SELECT pods FROM releases_placement WHERE last_succeeded_id = %s", deployed)
    pod = json.loads(pods)[0]["name"]
    path = f"/runtime/{order.component}/fat/pods/{pod}/log/"
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.open(path)
    viewer = page.locator("[data-log-viewer]")
    expect(viewer).to_have_class(re.compile("is-live"))
    lines = int(viewer.get_attribute("data-lines") or 0)
    assert lines > 0 and is_in_view(page, lines)
    expect(page.locator("[data-log-facts]")).to_contain_text("the last 1,000 lines at most")
    until(lambda: int(viewer.get_attribute("data-lines") or 0) > lines, "more lines, by asking again")
    until(lambda: is_in_view(page, int(viewer.get_attribute("data-lines") or 0)), "followed")
    page.locator(".log-search input").fill("ALIVE")
    expect(page.locator(".log-rows mark").first).to_have_text("alive")
    page.get_by_role("link", name="Before the last restart").click()
    expect(page.locator(".note.error")).to_contain_text("has not run before")
    plain = open_screen(DEVELOPER, javascript=False)
    plain.open(path)
    assert "alive for" in plain.page.locator("[data-log-tail]").inner_text()


def test_the_pods_of_a_place_have_one_log(open_screen: Open, crew: Crew, product: Product) -> None:
    """Lines of each pod in one view, which goes on by itself; a restart brings new pods and takes the old ones."""
    order = crew.create()
    order.build()
    order.to("fat")
    order.to("uat")
    path = f"/runtime/{order.component}/uat/log/"
    screen = open_screen(DEVELOPER)
    page = screen.page
    screen.open(path)
    viewer = page.locator("[data-log-viewer]")
    expect(viewer).to_have_class(re.compile("is-live"))
    expect(page.locator("[data-log-pods] li")).to_have_count(2)
    names = page.locator("[data-log-pods] code").all_inner_texts()
    until(lambda: set(page.locator(".log-pod").all_inner_texts()) == set(names), "lines of both")
    lines = int(viewer.get_attribute("data-lines") or 0)
    until(lambda: int(viewer.get_attribute("data-lines") or 0) > lines, "more lines, by asking again")
    page.locator("[data-log-view]").focus()
    page.keyboard.press("/")
    expect(page.locator(".log-search input")).to_be_focused()
    page.keyboard.type("STARTING")
    expect(page.locator("[data-log-found]")).to_have_text("1 of 2")
    page.keyboard.press("Enter")
    expect(page.locator("[data-log-found]")).to_have_text("2 of 2")
    page.keyboard.press("Shift+Enter")
    expect(page.locator("[data-log-found]")).to_have_text("1 of 2")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert f"{order.component.partition('/')[2]}-uat.log" == download.value.suggested_filename
    plain = open_screen(DEVELOPER, javascript=False)
    plain.open(path)
    assert "alive for" in plain.page.locator("[data-log-tail]").inner_text()
