"""Home, the order list, a new order and approvals in a browser: what only a browser can get wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from demo.world import APPROVER, CARRIED, DEVELOPER, SUBSYSTEMS, TESTER
from tests.e2e.browsing import CHINESE
from tests.e2e.conftest import Open
from tests.whole.people import COMPONENT, Crew

PROJECT, APP = CARRIED
OTHER = SUBSYSTEMS[1]
NUMBER = re.compile(r"K8S[0-9]{14}[A-Z]{2}")
EXTRA = 45


def is_sideways(page: Page) -> bool:
    """Would one have to scroll sideways?"""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


# ---------------------------------------------------------------- home
def test_home_goes_on_by_itself(open_screen: Open, crew: Crew) -> None:
    screen = open_screen(DEVELOPER, "/")
    page = screen.page
    screen.mark()
    order = crew.create(branch="feature/fee-classes")
    order.start_build()
    running = page.locator(f'#work a[href="/orders/{order.number}/?panel=build"]')
    expect(running).to_be_visible()
    expect(page.locator(f'.matrix a[href="/orders/{order.number}/"] .tone-running')).to_be_visible()
    order.built()
    expect(running).to_have_count(0)
    expect(page.locator(f'.matrix a[href="/orders/{order.number}/"]')).to_contain_text("built")
    # Own, built and promoted nowhere: it waits for its author.
    expect(page.locator(f'#work a[href="/orders/{order.number}/?panel=fat"]')).to_be_visible()
    assert not screen.was_reloaded()


def test_filters_count_at_once_and_stand_in_the_address(open_screen: Open) -> None:
    screen = open_screen(TESTER, "/")
    page = screen.page
    rows = page.locator(".matrix tr[data-row]")
    everything = rows.count()
    page.locator(".matrix-card select[name=project]").select_option(OTHER.slug)
    page.wait_for_url(f"**/?project={OTHER.slug}")
    expect(rows).to_have_count(len(OTHER.apps))
    expect(page.locator("#project-switcher summary")).to_contain_text(OTHER.slug.upper())
    page.locator(".matrix-card input[name=text]").fill("STATIC")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=STATIC")
    expect(rows).to_have_count(1)
    page.go_back()
    expect(rows).to_have_count(len(OTHER.apps))
    page.go_back()
    expect(rows).to_have_count(everything)
    page.goto("/?project=")


@pytest.fixture
def many_components(crew: Crew) -> Iterator[None]:
    """More than a page of them; archived again afterwards."""
    names = [f"{PROJECT.upper()}-EXTRA-{index:02}" for index in range(EXTRA)]
    for name in names:
        crew.developer.post("components/", project=PROJECT, name=name)
    yield
    for name in names:
        crew.operator.send("PUT", f"components/{PROJECT}/{name.lower()}/archive/", is_archived=True)


def test_more_components_come_while_one_scrolls(open_screen: Open, many_components: None) -> None:
    page = open_screen(TESTER, "/").page
    rows = page.locator(".matrix tr[data-row]")
    expect(rows).to_have_count(50)
    page.locator(".matrix .more").scroll_into_view_if_needed()
    total = EXTRA + sum(len(subsystem.apps) for subsystem in SUBSYSTEMS)
    expect(rows).to_have_count(total)
    expect(page.locator(".matrix .more")).to_have_count(0)
    codes = page.locator(".matrix tr[data-row] th a").evaluate_all("links => links.map((link) => link.href)")
    assert len(set(codes)) == total
    plain = open_screen(TESTER, "/", javascript=False).page
    plain.locator(".matrix .more a").click()
    expect(plain.locator(".matrix tr[data-row]")).to_have_count(total - 50)


# ---------------------------------------------------------------- orders
def test_new_rows_wait_for_a_click_and_keys_move(open_screen: Open, crew: Crew) -> None:
    crew.create()
    screen = open_screen(TESTER, "/orders/")
    page = screen.page
    rows = page.locator("#rows tr[data-row]")
    before = rows.count()
    first = rows.first.get_attribute("data-order")
    screen.mark()
    order = crew.create()
    news = page.locator("#news a")
    expect(news).to_have_text("1 new order")
    assert rows.first.get_attribute("data-order") == first and rows.count() == before, "nothing jumps"
    assert not screen.was_reloaded()
    news.click()
    expect(rows.first).to_have_attribute("data-order", order.number)
    page.wait_for_load_state()  # the rows are there before the keys are listened to
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.first.locator("[data-row-link]")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/orders/{order.number}/")


def test_orders_of_a_day_and_of_a_person(open_screen: Open, crew: Crew) -> None:
    order = crew.create()
    page = open_screen(TESTER, "/orders/").page
    page.locator("select[name=author]").select_option(DEVELOPER)
    page.wait_for_url("**author=chenlei**")
    page.locator("#days summary").click()
    page.locator("input[name=since]").fill("2099-01-01")
    page.wait_for_url("**since=2099-01-01**")
    expect(page.get_by_text("No order fits these filters")).to_be_visible()
    page.locator("#days summary").click()
    today = page.evaluate("new Date().toLocaleDateString('sv')")
    page.locator("input[name=since]").fill(today)
    page.wait_for_url(f"**since={today}**")
    expect(page.locator(f'tr[data-order="{order.number}"]')).to_be_visible()


def test_a_state_with_many_words_stays_in_its_column(open_screen: Open, crew: Crew) -> None:
    crew.create()
    page = open_screen(DEVELOPER, "/").page
    for width in (1440, 1100, 768, 375):
        page.set_viewport_size({"width": width, "height": 900})
        beyond = page.evaluate("""() => {
            const word = document.querySelector(".newest .state"), cell = word.closest("td");
            word.lastChild.textContent = "deploying 12/12 in FAT";
            return word.getBoundingClientRect().right - cell.getBoundingClientRect().right;
        }""")
        assert beyond <= 0, f"{width} px wide: {beyond} px beyond its cell"


# ---------------------------------------------------------------- new order
def test_c_then_enter_repeats_the_last_order(open_screen: Open, crew: Crew) -> None:
    last = crew.create(branch="feature/limit-check")
    page = open_screen(DEVELOPER, "/orders/").page
    page.keyboard.press("c")
    page.wait_for_url("**/orders/new/")
    expect(page.locator("#id_branch")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/orders/K8S[0-9]{14}[A-Z]{2}/"))
    found = NUMBER.search(page.url)
    assert found and found[0] != last.number
    made = crew.developer.get(f"orders/{found[0]}/")
    assert (made["component"], made["branch"]) == (APP.slug, "feature/limit-check")


def test_another_component_in_three_steps(open_screen: Open, crew: Crew) -> None:
    crew.create()
    page = open_screen(DEVELOPER, "/orders/new/").page
    component, branch = page.locator("#id_component"), page.locator("#id_branch")
    app = OTHER.apps[3]
    # At once after the project: nothing that is still under way may take the choice back.
    page.locator("#id_project").select_option(OTHER.slug)
    component.select_option(f"{OTHER.slug}/{app.slug}")
    expect(branch).not_to_have_value("")
    before = page.locator("#id_description").bounding_box()
    branch.click()
    first = page.locator("#branches [data-branch]").first
    expect(first).to_be_visible()
    assert page.locator("#id_description").bounding_box() == before, "the list lies over the page"
    page.keyboard.press("Escape")
    expect(first).to_be_hidden()
    branch.click()
    page.locator('#branches [data-branch="crash-on-start"]').click()
    expect(branch).to_have_value("crash-on-start")
    expect(page.locator("#before")).to_contain_text("the tip of crash-on-start now")
    branch.click()
    # What was fetched for it tells of every branch who wrote its tip, and when.
    branch.fill("")
    expect(page.locator("#branches [data-branch] .branch-tip time").first).to_be_visible(timeout=20_000)
    branch.fill("fail")
    expect(page.locator("#branches [data-branch]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(branch).to_have_value("fail-compile")
    expect(page.locator("#before")).to_contain_text("the tip of fail-compile now")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/orders/K8S[0-9]{14}[A-Z]{2}/"))
    found = NUMBER.search(page.url)
    assert found
    made = crew.developer.get(f"orders/{found[0]}/")
    assert (made["component"], made["branch"]) == (app.slug, "fail-compile")


def test_a_tag_is_picked_and_a_commit_typed(open_screen: Open, crew: Crew) -> None:
    page = open_screen(DEVELOPER, "/orders/new/").page
    # What the page's script does last of all when it comes: from then on it hears what is chosen.
    project = COMPONENT.partition("/")[0]
    page.locator("#id_project").select_option(project)
    expect(page.locator(f"#id_component option[value*='/']:not([value^='{project}/'])")).to_have_count(0)
    page.locator("#id_component").select_option(COMPONENT)
    expect(page.locator("#id_git_tag")).to_be_hidden()
    page.get_by_label("a Git tag").check()
    expect(page.locator("#id_git_tag")).to_be_focused()
    expect(page.locator("#id_branch")).to_be_hidden()
    page.locator("#id_git_tag").click()
    page.locator('#git-tags [data-git-tag="v1.0"]').click()
    expect(page.locator("#before")).to_contain_text("Git tag v1.0 now")
    expect(page.locator("#before")).to_contain_text("master")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/orders/K8S[0-9]{14}[A-Z]{2}/"))
    found = NUMBER.search(page.url)
    assert found
    made = crew.developer.get(f"orders/{found[0]}/")
    assert (made["source"], made["git_tag"], made["branch"]) == ("git_tag", "v1.0", "master")
    # The same commit by its digits; in the field of the tag nothing is meant any more.
    page = open_screen(DEVELOPER, f"/orders/new/?repeat={found[0]}").page
    expect(page.locator("#before")).to_contain_text("Git tag v1.0 now")
    page.get_by_label("a commit").check()
    page.keyboard.type(made["commit"][:8])
    expect(page.locator("#before")).to_contain_text(made["commit"][:10])
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/orders/K8S[0-9]{14}[A-Z]{2}/"))
    found = NUMBER.search(page.url)
    assert found
    again = crew.developer.get(f"orders/{found[0]}/")
    assert (again["source"], again["git_tag"], again["commit"]) == ("commit", "", made["commit"])


def test_without_scripts_an_order_is_made_all_the_same(open_screen: Open, crew: Crew) -> None:
    page = open_screen(DEVELOPER, "/orders/new/", javascript=False).page
    page.locator("#id_component").select_option(COMPONENT)
    page.locator("#id_branch").fill("master")
    page.locator("form[data-new-order] .btn-primary").click()
    found = NUMBER.search(page.url)
    assert found and crew.developer.get(f"orders/{found[0]}/")["branch"] == "master"


# ---------------------------------------------------------------- approvals
def test_one_opens_on_its_review(open_screen: Open, crew: Crew) -> None:
    order = crew.create()
    order.build()
    for environment in ("fat", "uat"):
        order.to(environment)
    order.promote("prd")
    order.reviewed("prd")
    page = open_screen(APPROVER, "/approvals/").page
    link = page.locator(f'a[data-row-link][href="/orders/{order.number}/review/prd/"]')
    expect(page.locator("#approvals tr[data-row]", has=link)).to_contain_text("PRD production")
    link.click()
    page.wait_for_url(f"**/orders/{order.number}/review/prd/")


# ---------------------------------------------------------------- narrow, and every theme
@pytest.mark.parametrize("language", ["en-US", CHINESE])
def test_nothing_is_wider_than_a_phone(open_screen: Open, crew: Crew, language: str) -> None:
    crew.create(branch="feature/fee-classes")
    page = open_screen(DEVELOPER, "/", locale=language).page
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/", "/orders/", "/orders/new/", "/approvals/", "/search/?q=proxy", "/health/", "/orders/nothing/"):
        page.goto(path)
        assert not is_sideways(page), f"{path} is wider than 360 px"
    page.goto("/")
    page.locator("label[for=fold-filters]").click()
    expect(page.locator(".matrix-card select[name=state]")).to_be_visible()
    assert not is_sideways(page)
