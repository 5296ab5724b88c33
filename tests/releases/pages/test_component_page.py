"""A component opens on where it runs and its last orders; its settings say what the next deployment changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from components.completeness import missing_elements
from components.models import Component
from components.services import save_allocation
from foundation.runs.choices import RunState
from releases import transitions
from releases.locks import lock_placement
from releases.models import Placement
from releases.placing import create_deployment
from tests.cast import World
from tests.releases.rows import make_built, make_order, make_review, make_success

SignIn = Callable[[str], Client]
PLACE = "/components/sis-omm/sis-omm-proxy-gw/"
AMOUNTS = {"replicas": "5", "cpu_request": "1", "cpu_limit": "2", "memory_request": "1", "memory_limit": "2"}


def test_it_says_what_serves_where(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana, branch="release/3.2")
    make_success(order, world.spaces["fat"], world.olli)
    Placement.objects.update(ready=1, wanted=2)
    response = signed_in("uma").get(PLACE)
    fat, uat, *_others = response.context["servings"]
    assert (
        fat.place.last_succeeded.order == order
        and fat.is_short
        and (fat.shown.state, str(fat.shown.word)) == ("short", "1 of 2 ready")
    )
    assert uat.place is None and uat.amounts["replicas"]
    page = response.content.decode()
    assert order.short_name in page and f"release/3.2 @ {order.commit[:7]}" in page and "1/2" in page
    assert '/runtime/sis-omm/sis-omm-proxy-gw/fat/"' in page and "nothing yet" in page
    assert f"{PLACE}edit/#id_prd-replicas" in page


def test_an_attempt_that_failed_stands_beside_what_serves(
    world: World, component: Component, signed_in: SignIn
) -> None:
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    order, space = make_built(component, world.dana), world.spaces["fat"]
    review = make_review(order, space)
    with transaction.atomic():
        place = lock_placement(order, space)
        row = create_deployment(order, space, place, actor=world.olli, snapshot=review.snapshot, review=review)
        transitions.end_run(row, RunState.FAILED, actor=None, reason="rollout", diagnosis={})
    fat = signed_in("dana").get(PLACE).context["servings"][0]
    assert fat.attempt == row and fat.attempt_shown.state == "failed"
    assert fat.place.last_succeeded is not None and fat.place.last_succeeded.order_id != order.pk


def test_the_list_has_a_chip_for_each_environment(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    Placement.objects.update(ready=1, wanted=2)
    (row,) = signed_in("dana").get("/components/").context["rows"]
    fat, uat, *_others = row["chips"]
    assert (fat.shown.state, fat.number) == ("short", order.short_name)
    assert (uat.shown.state, uat.number) == ("none", "")
    page = signed_in("dana").get("/components/").content.decode()
    assert '/runtime/sis-omm/sis-omm-proxy-gw/fat/"' in page and "1 of 2 ready" in page


def test_the_list_says_what_is_not_set(world: World, component: Component, signed_in: SignIn) -> None:
    """As the component's own page says it, but for what the servers offer."""
    (row,) = signed_in("dana").get("/components/").context["rows"]
    own = {str(one.label) for one in missing_elements(component)}
    assert {str(label) for label in row["missing"]} == own
    component.allocations.filter(environment=world.environments["uat"]).delete()
    new = component.project.components.create(name="NEW", slug="new")
    rows = {row["component"].slug: row["missing"] for row in signed_in("dana").get("/components/").context["rows"]}
    assert "Allocation in UAT" in list(map(str, rows[component.slug]))
    everything = {str(one.label): one.field for one in missing_elements(new)}
    left_out = everything.keys() - set(map(str, rows["new"]))
    assert {everything[label] for label in left_out} <= {"job_name", "node_label"}
    assert len(rows["new"]) > 5 and set(map(str, rows["new"])) <= everything.keys()


def test_the_list_costs_the_same_for_one_and_for_many(
    world: World, component: Component, signed_in: SignIn, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in("dana")
    client.get("/components/")
    with CaptureQueriesContext(connection) as one:
        client.get("/components/")
    for number in range(7):
        component.project.components.create(name=f"C{number}", slug=f"c{number}")
    with django_assert_num_queries(len(one)):
        client.get("/components/")


def test_its_last_orders_newest_first(world: World, component: Component, signed_in: SignIn) -> None:
    orders = [make_order(component, world.dana) for _number in range(7)]
    shown = signed_in("dana").get(PLACE).context["orders"]
    assert [row.order.pk for row in shown] == [order.pk for order in reversed(orders[2:])]
    assert len(signed_in("dana").get(f"{PLACE}orders/").context["orders"]) == 7


def test_without_orders_it_says_what_an_order_is(component: Component, signed_in: SignIn) -> None:
    assert "There is no order of this component yet" in signed_in("dana").get(PLACE).content.decode()


def test_the_panel_is_fetched_anew_by_itself(world: World, component: Component, signed_in: SignIn) -> None:
    whole = signed_in("dana").get(PLACE)
    assert f'data-topic="project:{world.project.pk}"' in whole.content.decode()
    part = signed_in("dana").get(PLACE, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and 'id="running"' in part and f'data-topics="project:{world.project.pk}"' in part


@pytest.mark.parametrize("path", [PLACE, f"{PLACE}orders/"])
def test_outsiders_see_nothing(component: Component, signed_in: SignIn, path: str) -> None:
    assert signed_in("otto").get(path).status_code == 404


def test_many_orders_ask_no_more(
    world: World, component: Component, signed_in: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in("dana")
    for name in ("fat", "uat"):
        make_success(make_built(component, world.dana), world.spaces[name], world.olli)
    for _number in range(12):
        make_order(component, world.dana)
    client.get(PLACE)
    with django_assert_max_num_queries(36):
        client.get(PLACE)
    with django_assert_max_num_queries(26):
        client.get(f"{PLACE}orders/")


def test_the_next_deployment_is_told_from_what_is_deployed_not_from_what_was_saved(
    world: World, component: Component, signed_in: SignIn
) -> None:
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    fat = world.environments["fat"]
    before = component.allocations.get(environment=fat).replicas
    save_allocation(actor=world.olli, component=component, environment=fat, amounts=AMOUNTS, note="peak")
    columns = {one.environment.slug: one for one in signed_in("olli").get(f"{PLACE}edit/").context["columns"]}
    changed = {str(change.label): (change.before, change.after) for change in columns["fat"].changes}
    assert changed["Replicas"] == (str(before), "5")
    assert columns["uat"].deployed is None
    page = signed_in("olli").get(f"{PLACE}edit/").content.decode()
    assert "nothing of it runs there yet" in page
