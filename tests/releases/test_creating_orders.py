"""Creating an order over the API: what it answers, and what that costs."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from components.models import Component, GitServer
from components.validators import git_address
from deployer.adapters import git
from deployer.interfaces import BranchTip
from releases.models import ReleaseOrder
from releases.services import orders as order_services
from tests.cast import World
from tests.releases.rows import COMMIT, make_component
from tests.releases.test_api import Caller

MOST_QUERIES = 17


class Source:
    """A repository with every branch that is asked for."""

    def resolve(self, branch: str) -> BranchTip:
        return BranchTip(branch, COMMIT)


@pytest.fixture
def component(world: World, monkeypatch: pytest.MonkeyPatch) -> Component:
    monkeypatch.setattr(git, "connect", lambda target: Source())
    component = make_component(world)
    GitServer.objects.get_or_create(host=git_address(component.settings.get().git_url).host)
    return component


def test_the_answer_is_the_orders_own_fields_and_where_the_rest_is(world: World, component: Component) -> None:
    dana = Caller(world, "dana")
    body = {"component": f"{component.project.slug}/{component.slug}", "branch": "master", "description": "fees"}
    answer = dana.post("orders/", body)
    assert answer.status_code == 201, answer.content
    order = ReleaseOrder.objects.get()
    found = answer.json()
    assert (found["number"], found["state"], found["branch"]) == (order.number, "created", "master")
    assert (found["author"], found["description"], found["last_seq"]) == ("dana", "fees", order.last_seq)
    assert "environments" not in found and "builds" not in found
    assert answer["Location"] == f"/api/v1/orders/{order.number}/"
    whole = dana.client.get(answer["Location"]).json()
    assert {name: whole[name] for name in found} == found
    assert whole["environments"]


def test_a_repeated_request_names_the_same_order(world: World, component: Component) -> None:
    dana = Caller(world, "dana")
    body = {"component": f"{component.project.slug}/{component.slug}", "branch": "master"}
    first, again = dana.post("orders/", body, key="k1"), dana.post("orders/", body, key="k1")
    assert first["Location"] == again["Location"] != ""
    assert again["Idempotency-Replayed"] == "true" and ReleaseOrder.objects.count() == 1


def test_two_orders_that_draw_the_same_number_become_two_numbers(
    world: World, component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["K8S20261130222625BA", "K8S20261130222625BA", "K8S20261130222625BC"])
    monkeypatch.setattr(order_services, "new_number", lambda: next(drawn))
    dana = Caller(world, "dana")
    body = {"component": f"{component.project.slug}/{component.slug}", "branch": "master"}
    numbers = [dana.post("orders/", body).json()["number"] for _ in range(2)]
    assert numbers == ["K8S20261130222625BA", "K8S20261130222625BC"]
    # Also where nobody draws: the number is the image's tag, and the address of the order's page.
    with pytest.raises(IntegrityError), transaction.atomic():
        ReleaseOrder.objects.filter(number=numbers[0]).update(number=numbers[1])


def test_creating_costs_few_queries(world: World, component: Component) -> None:
    dana = Caller(world, "dana")
    body = {"component": f"{component.project.slug}/{component.slug}", "branch": "master"}
    dana.post("orders/", body)
    with CaptureQueriesContext(connection) as caught:
        assert dana.post("orders/", body).status_code == 201
    said = [query["sql"] for query in caught.captured_queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(said) <= MOST_QUERIES, "\n".join(said)
