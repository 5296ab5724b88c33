"""Settings, configuration, templates, places and tokens by hand: few steps, checked while typing, nothing lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Screen
from tests.e2e.conftest import Open

MOP = "/components/sis-omm/sis-omm-jtc-app-mop/"
POS = "/components/sis-china-itc/sis-china-itc-app-pos/"
OPERATOR, PROJECT_ADMIN, ADMIN = "zhaogang", "sunli", "zhoujie"


def amount(page: Page, name: str) -> str:
    return page.locator(f"#id_{name}").input_value()


def test_an_allocation_is_changed_in_four_steps_from_the_component(open_screen: Open) -> None:
    page = open_screen(OPERATOR, MOP).page
    page.locator(f'a[href="{MOP}edit/#id_fat-replicas"]').click()  # 1
    page.locator("#id_fat-replicas").fill("2")  # 2
    expect(page.locator("#saves")).to_contain_text("allocation in FAT")
    page.locator("#id_note").fill("two at the opening")  # 3
    page.locator(".foot .btn-primary").click()  # 4
    expect(page.locator("#messages")).to_contain_text("The allocation in FAT is saved.")
    assert amount(page, "fat-replicas") == "2"
    expect(page.locator("#history-card + *, .changes").first).to_contain_text("Allocation in FAT, version 2")


def test_the_grid_is_checked_while_somebody_types(open_screen: Open) -> None:
    screen = open_screen(OPERATOR, f"{MOP}edit/")
    page = screen.page
    screen.mark()
    checks = page.locator("#allocation-checks")
    lower, upper = page.locator("#id_prd-memory_request"), page.locator("#id_prd-memory_limit")
    lower.press_sequentially("2")
    typed = lower.input_value()
    bounds = f"the lower bound {typed} is above the upper bound {upper.input_value()}."
    expect(checks).to_contain_text(f"PRD · Memory: {bounds}")
    expect(lower).to_have_attribute("aria-invalid", "true")
    expect(upper).to_have_attribute("aria-invalid", "true")
    expect(lower).to_be_focused()
    assert lower.input_value() == typed, "an answer takes nothing away from who types"
    expect(page.locator("#effect")).to_contain_text("to be corrected")
    page.locator("#id_prd-replicas").fill("190")
    expect(checks).to_contain_text("want 19")
    expect(checks).to_contain_text("Who can raise a ceiling")
    page.locator("#id_prd-replicas").fill("1")
    lower.fill("0.125")
    expect(checks).to_contain_text("Every amount fits.")
    expect(lower).not_to_have_attribute("aria-invalid", "true")
    assert not screen.was_reloaded()


@pytest.mark.parametrize("javascript", [True, False], ids=["", "no-javascript"])
def test_a_column_is_copied_and_what_was_typed_stays(open_screen: Open, javascript: bool) -> None:
    screen = open_screen(OPERATOR, f"{POS}edit/", javascript=javascript)
    page = screen.page
    page.locator("#id_description").fill("half typed")
    page.locator("#id_prd-replicas").fill("7")
    page.locator("#allocation details.menu > summary").click()
    page.locator("#copy-from").select_option("prd")
    page.locator("#copy-to").select_option("drp")
    if javascript:
        screen.mark()
    page.locator("#allocation button[name=copy]").click()
    expect(page.locator("#id_drp-replicas")).to_have_value("7")
    assert amount(page, "drp-cpu_limit") == amount(page, "prd-cpu_limit")
    assert page.locator("#id_description").input_value() == "half typed"
    if javascript:
        assert not screen.was_reloaded()
    screen.open(f"{POS}edit/")
    assert amount(page, "drp-replicas") != "7", "copying saves nothing"


def test_without_javascript_a_mistake_is_summed_up_above_the_form(open_screen: Open) -> None:
    page = open_screen(OPERATOR, f"{POS}edit/", javascript=False).page
    page.locator("#id_package_name").fill("a/b.war")
    page.locator("#id_uat-cpu_limit").fill("much")
    page.locator("#id_note").fill("why not")
    page.locator(".foot .btn-primary").click()
    summary = page.locator("[data-errors]")
    expect(summary).to_contain_text("Package")
    expect(summary.locator("a")).to_have_attribute("href", "#id_package_name")
    expect(page.locator("#allocation-checks")).to_contain_text("UAT · Write a number of cores")
    assert (page.locator("#id_package_name").input_value(), amount(page, "uat-cpu_limit")) == ("a/b.war", "much")
    assert page.locator("#id_note").input_value() == "why not"


def test_the_first_mistake_has_the_focus(open_screen: Open) -> None:
    page = open_screen(PROJECT_ADMIN, "/projects/sis-omm/").page
    page.locator("#id_username").fill("chenlei")
    page.locator("#id_role").select_option("grant")
    page.locator("#id_reason").fill("night shift")
    page.locator('form[action$="/members/"] .btn-primary').click()
    expect(page.locator("[data-errors]")).to_contain_text("A grant needs an end.")
    expect(page.locator("#id_environment")).to_be_focused()
    assert page.locator("#id_reason").input_value() == "night shift"


def test_a_template_renders_beside_its_editor_and_says_whom_it_would_break(open_screen: Open) -> None:
    screen = open_screen(ADMIN, "/templates/")
    page = screen.page
    page.locator('th a[href="/templates/prism-python-service.yaml/"]').click()  # 1
    expect(page.locator("#preview .rendered")).to_contain_text("kind: Service")
    expect(page.locator("#preview .sub-tabs .tone-succeeded")).to_have_count(4)
    body = page.locator("#id_body")
    good = body.input_value()
    body.fill(good + "\nbroken: {{ nothing_of_this_name }}\n")
    line = str(len(good.split("\n")) + 1)
    problem = page.locator("#preview a.problem-line")
    expect(problem).to_contain_text("nothing_of_this_name")
    expect(problem).to_have_attribute("data-line", line)
    expect(page.locator(".gutter .is-wrong")).to_contain_text(line)
    page.locator("#preview .sub-tabs a").last.click()
    expect(page.locator("#preview .sub-tabs a").last).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Try every component that uses it").click()
    expect(page.locator("#trial")).to_contain_text(re.compile(r"fails for (\d+) of \1"))
    body.fill(good + "\n# said by a test\n")  # 2
    expect(page.locator("#preview .sub-tabs .tone-succeeded")).to_have_count(4)
    page.locator("#published-diff > summary").click()
    expect(page.locator("#published-diff")).to_contain_text("+# said by a test")
    page.locator(".foot .btn-primary").click()  # 3
    expect(page.locator("#messages")).to_contain_text("Version 2 is published")


def test_a_connection_test_runs_before_ones_eyes(open_screen: Open) -> None:
    screen = open_screen(ADMIN, "/clusters/test/")
    page = screen.page
    screen.mark()
    page.get_by_role("button", name="Test the connection").click()
    expect(page.locator("#cluster-test")).to_contain_text("every right that we need is there")
    page.locator("#cluster-test details > summary").first.click()
    expect(page.locator("#cluster-test .rights .tone-succeeded").first).to_be_visible()
    assert not screen.was_reloaded()


def test_a_token_is_shown_once_and_copied(open_screen: Open) -> None:
    page = open_screen(OPERATOR, "/me/tokens/").page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#id_name").fill("nightly report")
    page.get_by_role("button", name="Create the token").click()
    shown = page.locator(".secret-once code")
    text = shown.inner_text()
    page.locator(".secret-once .copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.goto("/me/tokens/")
    expect(page.locator("main")).to_contain_text("nightly report")
    assert text not in page.content()


NARROW = {
    OPERATOR: (
        MOP,
        *(f"{MOP}{tab}/" for tab in ("edit", "configuration", "configuration/prd", "history")),
        "/components/",
    ),
    PROJECT_ADMIN: ("/projects/sis-omm/", "/spaces/sis-omm/prd/", "/spaces/sis-omm/prd/policy/", "/environments/"),
    ADMIN: ("/clusters/test/", "/servers/", "/people/", "/templates/prism-python-service.yaml/", "/health/", "/admin/"),
}
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll("main .scroll")]
    .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
    .map((one) => `${one.tagName} ${one.scrollWidth}`)"""


@pytest.mark.parametrize("who", sorted(NARROW))
def test_nothing_scrolls_sideways_on_a_small_screen(open_screen: Open, who: str) -> None:
    screen: Screen = open_screen(who, "/me/")
    screen.page.set_viewport_size({"width": 360, "height": 720})
    wide = {}
    for path in NARROW[who]:
        screen.open(path)
        if found := screen.page.evaluate(TOO_WIDE):
            wide[path] = found
    assert wide == {}
