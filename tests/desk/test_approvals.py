"""Approvals: what, where, how risky, since when; and the way from one to the next."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from components.models import Component
from environments.models import Space
from environments.services.spaces import edit_policy
from releases.models import Approval, Promotion, ReleaseOrder, Snapshot
from releases.services import approvals
from tests.cast import World
from tests.releases.pages.conftest import reviewed
from tests.releases.rows import make_built, make_component, make_success

SignIn = Callable[[str], Client]
HTMX = {"HX-Request": "true"}
DIFF = [
    {
        "kind": "Deployment",
        "name": "app",
        "action": "change",
        "lines": ["--- a", "+++ b", "@@", "-1", "+2", "+3", " 4"],
    },
    {"kind": "Service", "name": "app", "action": "same", "lines": []},
    {"kind": "ConfigMap", "name": "app", "action": "create", "lines": ["--- a", "+++ b", "+x"]},
]


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def waiting(world: World, component: Component, *, hours: int, **findings: Any) -> ReleaseOrder:
    """An order of dana's that tess promoted to PRD so long ago, with its review."""
    order = make_built(component, world.dana)
    make_success(order, world.spaces["uat"], world.olli)
    row = Promotion.objects.create(
        order=order, component=component, space=world.spaces["prd"], promoted_by=world.tess, test_verdict="passed"
    )
    Promotion.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    reviewed(order, world.spaces["prd"], **findings)
    return order


@pytest.fixture
def three(world: World, component: Component) -> list[ReleaseOrder]:
    """Three orders of three components, the oldest first."""
    others = [make_component(world, "SIS-OMM-MOP"), make_component(world, "SIS-OMM-AMS")]
    return [waiting(world, one, hours=9 - place) for place, one in enumerate([component, *others])]


def test_a_row_says_what_where_how_risky_and_since_when(world: World, component: Component, signed_in: SignIn) -> None:
    order = waiting(world, component, hours=5, diff=DIFF)
    ReleaseOrder.objects.filter(pk=order.pk).update(changes_database=True)
    page = signed_in("oskar").get("/approvals/")
    ((one, risk),) = page.context["rows"]
    assert (one.order, one.space, one.by) == (order, world.spaces["prd"], world.tess)
    assert (risk.added, risk.removed, risk.objects, risk.is_first) == (3, 1, 2, True)
    said = words(page)
    assert "first time there" in said and "+3 −1 in 2 objects" in said and "changes the database" in said
    assert "Dana promoted by Tess" in said and "5 hours ago" in said and "PRD production" in said
    assert f"/orders/{order.number}/review/prd/" in page.content.decode()


def test_what_serves_there_is_named(world: World, component: Component, signed_in: SignIn) -> None:
    before = make_built(component, world.dana)
    make_success(before, world.spaces["prd"], world.olli)
    waiting(world, component, hours=1, diff=[])
    said = words(signed_in("oskar").get("/approvals/"))
    assert f"replaces {before.short_name}" in said and "no difference in the manifests" in said
    assert "first time there" not in said


@pytest.mark.parametrize("username", ["dana", "dave", "tess", "uma", "otto"])
def test_others_have_nothing_to_decide(
    world: World, three: list[ReleaseOrder], signed_in: SignIn, username: str
) -> None:
    assert "Nothing waits for your approval" in words(signed_in(username).get("/approvals/"))


def test_one_that_somebody_rejected_waits_for_nobody(world: World, component: Component, signed_in: SignIn) -> None:
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approvals=2)
    order = waiting(world, component, hours=1)
    snapshot = Snapshot.objects.get(order=order, space=world.spaces["prd"])
    assert len(signed_in("petra").get("/approvals/").context["rows"]) == 1
    row = Approval.objects.create(
        snapshot=snapshot, order=order, component=component, space=world.spaces["prd"], state="rejected", by=world.oskar
    )
    assert signed_in("petra").get("/approvals/").context["rows"] == []
    Approval.objects.filter(pk=row.pk).update(state="given", expires_at=timezone.now() - timedelta(minutes=1))
    assert len(signed_in("petra").get("/approvals/").context["rows"]) == 1, "an approval that expired counts no more"


def test_only_the_roles_of_the_policy_decide(world: World, component: Component, signed_in: SignIn) -> None:
    waiting(world, component, hours=1)
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approver_roles=["project_admin"])
    assert signed_in("oskar").get("/approvals/").context["rows"] == []
    assert len(signed_in("petra").get("/approvals/").context["rows"]) == 1


def test_the_next_one_follows_the_oldest_first(world: World, three: list[ReleaseOrder], signed_in: SignIn) -> None:
    client = signed_in("oskar")

    def after(place: int) -> str:
        return str(client.get(f"/approvals/next/?after={three[place].number}@prd")["Location"])

    assert client.get("/approvals/next/")["Location"] == f"/orders/{three[0].number}/review/prd/"
    assert after(0) == f"/orders/{three[1].number}/review/prd/"
    assert after(2) == f"/orders/{three[0].number}/review/prd/", "from the oldest again"
    snapshot = Snapshot.objects.get(order=three[1], space=world.spaces["prd"])
    client.post(f"/orders/{three[1].number}/review/prd/decide/", {"snapshot": snapshot.hash, "decision": "approve"})
    assert after(1) == f"/orders/{three[2].number}/review/prd/", "decided, and the one promoted after it comes"
    for order in (three[0], three[2]):
        snapshot = Snapshot.objects.get(order=order, space=world.spaces["prd"])
        client.post(f"/orders/{order.number}/review/prd/decide/", {"snapshot": snapshot.hash, "decision": "approve"})
    assert client.get("/approvals/next/")["Location"] == "/approvals/"
    assert "Nothing else waits for your approval." in words(client.get("/approvals/"))


def test_the_rail_counts_all_and_the_list_says_what_waits_elsewhere(
    world: World, three: list[ReleaseOrder], signed_in: SignIn
) -> None:
    client = signed_in("oskar")
    assert words(client.get("/?part=count", headers=HTMX)).split() == ["3"] * 4
    elsewhere = client.get("/approvals/?project=other")
    assert elsewhere.context["rows"] == [] and "3 more in other projects" in words(elsewhere)


def test_more_decisions_cost_no_more_queries(world: World, component: Component, signed_in: SignIn) -> None:
    def count() -> int:
        client = signed_in("oskar")
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/approvals/").status_code == 200
        return len(caught.captured_queries)

    waiting(world, component, hours=2, diff=DIFF)
    few = count()
    for index in range(4):
        waiting(world, make_component(world, f"SIS-OMM-C{index}"), hours=1, diff=DIFF)
    assert count() <= few


def test_a_rule_change_waits_there_for_its_second_person(world: World, signed_in: SignIn) -> None:
    space = world.spaces["prd"]
    space.approvals = 2
    space.save()
    edit_policy(actor=world.petra, space=space, approvals=1, reason="year-end")
    client = signed_in("ada")
    assert words(client.get("/?part=count", headers=HTMX)).split() == ["1"] * 4
    page = client.get("/approvals/")
    assert "Rule changes that wait for you" in words(page) and "Approvals needed 2 → 1" in words(page)
    assert "Rule changes that wait for you" not in words(signed_in("petra").get("/approvals/"))


def test_an_approval_that_counts_no_longer_asks_others_again(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = waiting(world, component, hours=2, diff=DIFF)
    approvals.approve(actor=world.olli, snapshot=Snapshot.objects.get(order=order, space=world.spaces["prd"]))
    assert signed_in("oskar").get("/approvals/").context["rows"] == []
    world.spaces["prd"].approval_needs_comment = True
    world.spaces["prd"].save()
    assert len(signed_in("oskar").get("/approvals/").context["rows"]) == 1
