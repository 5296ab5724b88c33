"""Search and palette: what is found by which text, what nobody sees without access, and at what cost."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Project
from components.models import Component, ComponentSettings
from desk.palette import palette
from desk.selectors import search
from desk.selectors.places import PAGES
from desk.selectors.search import NEWEST
from environments.models import Membership, Space
from releases.models import Placement, ReleaseOrder
from tests.cast import World
from tests.patience import at_most

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def order(component: Component, world: World, number: str, branch: str = "master", **more: Any) -> ReleaseOrder:
    return ReleaseOrder.objects.create(
        number=number, component=component, project=component.project, branch=branch, author=world.dana, **more
    )


@pytest.fixture
def gateway(component: Component) -> Component:
    Component.objects.filter(pk=component.pk).update(name="PROXY-GW", slug="proxy-gw")
    component.refresh_from_db()
    ComponentSettings.objects.create(component=component, number=99, name_zh="理财网关")
    return component


@pytest.fixture
def foreign(world: World) -> Component:
    """A component with an order and a pod in a project that only the site's readers see."""
    project = Project.objects.create(organisation=world.organisation, slug="secret", name="秘密")
    made = Component.objects.create(project=project, name="PROXY-VAULT", slug="proxy-vault")
    ComponentSettings.objects.create(component=made, number=1, name_zh="理财金库")
    order(made, world, "K8S20261120141209ZZ", "release/secret")
    space = Space.objects.create(
        project=project, environment=world.environments["fat"], cluster=world.cluster, namespace="secret-fat"
    )
    Placement.objects.create(component=made, space=space, pods=[{"name": "proxy-vault-1-a", "state": "ready"}])
    return made


def numbers(world: World, text: str) -> list[str]:
    with time_machine.travel(NOW, tick=False):
        return [found.number for found in search(world.dana, text).orders]


# ---------------------------------------------------------------- orders
@pytest.mark.parametrize(
    "text",
    [
        "K8S20261120141209CK", "k8s20261120141209ck", "K8S2026112014", "20261120", "1120-1412·CK", "1120-1412CK",
        "11201412ck", "1120-14", "1120", "1120 ck", "112", "09CK", "1209ck", "K8S2026", "k8", "login", "feature/lo",
        "9C41E7A",
    ],
)  # fmt: skip
def test_an_order_is_found_by_any_part_of_its_name(world: World, component: Component, text: str) -> None:
    order(component, world, "K8S20260301101010AB", "hotfix", commit="b" * 40)
    order(component, world, "K8S20261120141209CK", "feature/login", commit="9c41e7a" + "0" * 33)
    assert "K8S20261120141209CK" in numbers(world, text)


@pytest.mark.parametrize("text", ["1120-1412·CD", "1121", "20261121", "K8S20261120141210", "logout", "9c41e7b", "zzz"])
def test_what_does_not_fit_is_not_found(world: World, component: Component, text: str) -> None:
    order(component, world, "K8S20261120141209CK", "feature/login", commit="9c41e7a" + "0" * 33)
    assert numbers(world, text) == []


def test_a_short_name_means_the_newest_year_first_and_reaches_two_years_back(
    world: World, component: Component
) -> None:
    for number in ("K8S20231120141209CK", "K8S20241120141209CK", "K8S20261120141209CK"):
        order(component, world, number)
    assert numbers(world, "1120-1412") == ["K8S20261120141209CK", "K8S20241120141209CK"]


def test_branches_are_looked_for_among_the_newest_and_numbers_among_all(world: World, component: Component) -> None:
    order(component, world, "K8S20261101000000AA", "feature/old")
    common = {"component": component, "project": component.project, "author": world.dana, "branch": "master"}
    assert numbers(world, "feature") == ["K8S20261101000000AA"]
    ReleaseOrder.objects.bulk_create(
        ReleaseOrder(number=f"K8S20261110{count:06}AA", **common) for count in range(NEWEST)
    )
    assert numbers(world, "feature") == []
    assert numbers(world, "1101") == ["K8S20261101000000AA"]
    assert numbers(world, "mast")[0] == f"K8S20261110{NEWEST - 1:06}AA"


# ---------------------------------------------------------------- components, pods, people
@pytest.mark.parametrize("text", ["prox", "PROXY-G", "y-gw", "理财", "网关", "lcwg", "LCW", "cwg", "lc wg"])
def test_a_component_is_found_by_code_name_and_initials(world: World, gateway: Component, text: str) -> None:
    assert [found.slug for found in search(world.dana, text).components] == [gateway.slug]


def test_a_new_chinese_name_is_found_by_its_own_initials_alone(world: World, gateway: Component) -> None:
    ComponentSettings.objects.create(component=gateway, number=100, name_zh="银行网关")
    for text, is_found in (("yhwg", True), ("yxwg", True), ("lcwg", False)):
        assert bool(search(world.dana, text).components) is is_found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("proxy-gw-7d9", 2), ("proxy-gw-7d9f-x", 1), ("proxy-gw-8", 0), ("pr", 0),
        # As tiles write it, shortened to its end; less than an end means something else.
        ("7d9f-x", 1), ("…7d9f-", 2), ("d9f-", 0), ("ready", 0),
    ],
)  # fmt: skip
def test_a_pod_is_found_by_its_name_or_the_end_of_it(world: World, gateway: Component, text: str, count: int) -> None:
    pods = [{"name": f"{gateway.slug}-7d9f-{end}", "state": "ready"} for end in "xy"]
    Placement.objects.create(component=gateway, space=world.spaces["fat"], pods=pods)
    assert len(search(world.dana, text).pods) == count


def test_people_are_those_of_ones_projects_and_everybody_for_the_site(world: World) -> None:
    assert [person.username for person in search(world.dana, "tess").people] == ["tess"]
    assert search(world.dana, "otto").people == []
    assert [person.username for person in search(world.ada, "otto").people] == ["otto"]
    Membership.objects.filter(user=world.tess).delete()
    assert search(world.dana, "tess").people == []


# ---------------------------------------------------------------- rights
@pytest.mark.parametrize(
    "text",
    ["proxy", "lcjk", "理财", "1120", "1120-1412·ZZ", "K8S20261120141209ZZ", "secret", "proxy-vault-1", "vault-1-a"],
)
def test_a_project_without_access_never_appears(
    world: World, gateway: Component, foreign: Component, text: str
) -> None:
    with time_machine.travel(NOW, tick=False):
        for person in (world.dana, world.otto, world.petra):
            shown = str(palette(person, text))
            assert "vault" not in shown.lower() and "ZZ" not in shown and "金库" not in shown, person
        assert "vault" in str(palette(world.uma, text)).lower()


def lines(person: Any, group: str, text: str = "") -> list[str]:
    return [line["title"] for found in palette(person, text) if found["name"] == group for line in found["lines"]]


def test_actions_and_pages_are_those_that_the_viewer_may(world: World) -> None:
    assert "New order" in lines(world.dana, "actions")
    assert "New order" not in lines(world.tess, "actions")
    assert "New order" not in lines(world.otto, "actions")
    assert "System health" in lines(world.ada, "pages")
    assert not {"System health", "Servers", "People"} & set(lines(world.dana, "pages"))


@pytest.mark.parametrize(("text", "title"), [("app", "Approvals"), ("sp", "Approvals"), ("fabu", "Orders")])
def test_pages_are_found_in_english_and_in_pinyin(world: World, text: str, title: str) -> None:
    assert title in lines(world.dana, "pages", text)


def test_every_page_of_the_palette_opens(world: World) -> None:
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    for place in PAGES:
        assert browser.get(place.url).status_code == 200, place.name


# ---------------------------------------------------------------- over HTTP
def test_the_answer_is_json_and_never_kept(world: World, gateway: Component) -> None:
    browser = Client()
    assert browser.get("/search/palette/?q=proxy").status_code == 302
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    answer = browser.get("/search/palette/?q=lcwg")
    assert answer["Cache-Control"] == "no-store"
    (group,) = answer.json()["groups"]
    assert (group["name"], group["lines"][0]["url"]) == ("components", "/components/sis-omm/proxy-gw/")


def test_a_palettes_answer_costs_a_bounded_number_of_queries(world: World, gateway: Component) -> None:
    def count(text: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            palette(world.dana, text)
        return len(queries)

    few = count("1120")
    for day in range(10, 30):
        order(gateway, world, f"K8S202611{day}000000AA", "feature/1120")
    assert count("1120") <= few <= 14


ANSWER_SECONDS = 0.1


@pytest.mark.parametrize("text", ["", "lcwg", "1120", "K8S2026", "feature", "proxy-gw-7d9", "dan"])
def test_an_answer_takes_a_tenth_of_a_second_of_work(world: World, gateway: Component, text: str) -> None:
    common = {"component": gateway, "project": gateway.project, "author": world.dana, "branch": "feature/login"}
    ReleaseOrder.objects.bulk_create(
        ReleaseOrder(number=f"K8S20261120{count:06}AA", **common) for count in range(NEWEST)
    )
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    took = []
    for _again in range(4):
        began = time.process_time()
        assert browser.get("/search/palette/", {"q": text}).status_code == 200
        took.append(time.process_time() - began)
    # Work, not the clock on the wall: what else the machine does is not measured.
    assert min(took) <= at_most(ANSWER_SECONDS), took


@pytest.mark.security("hostile-logs")
@pytest.mark.parametrize("text", ["%", "_", "'", "\\", "（", "a" * 5000, "🚀", "K8S" + "9" * 40, "-" * 300])
def test_hostile_text_is_only_text(world: World, gateway: Component, text: str) -> None:
    browser = Client()
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert browser.get("/search/palette/", {"q": text}).status_code == 200
    assert browser.get("/search/", {"q": text}).status_code == 200
