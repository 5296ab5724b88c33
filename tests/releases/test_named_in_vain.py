"""No gate and no refusal names somebody who could not clear it: who left, lost the role, or is barred by four eyes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.access import who_may
from environments.models import Group, GroupMember, Membership, Space
from environments.services import people
from releases import gates
from releases.gate import Gate
from releases.models import Placement, Promotion, ReleaseOrder, Snapshot
from releases.services import approvals, deployments, holds
from tests.cast import World, browse
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_component, make_review, make_success

pytestmark = pytest.mark.security("rights-on-every-way-in")


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    """Made by Olli, who is of operations."""
    return make_built(make_component(world), world.olli)


def here(world: World, slug: str) -> Space:
    rows = Space.objects.select_related("project", "environment__twin", "cluster")
    return rows.get(pk=world.spaces[slug].pk)


def lose_roles(world: World, username: str) -> None:
    Membership.objects.filter(user=world.people[username]).update(ends_at=timezone.now())


def named(found: list[Gate], code: str) -> str:
    (gate,) = [one for one in found if one.code == code]
    return str(gate.who)


def snapshot_of(order: ReleaseOrder, space: Space) -> Snapshot:
    made = make_review(order, space).snapshot
    assert made is not None
    return Snapshot.objects.get(pk=made.pk)


def in_queue(world: World, order: ReleaseOrder) -> str:
    fat = here(world, "fat")
    return named(gates.deployment_gates(order, fat, snapshot=None, deployer=world.oskar), "queue")


def test_a_place_that_is_taken_names_all_who_may_cancel(world: World, order: ReleaseOrder) -> None:
    other = make_built(order.component, world.dana)
    make_success(order, here(world, "fat"), world.olli)
    deployments.restart(actor=world.olli, space=here(world, "fat"), placement=Placement.objects.get())
    assert [in_queue(world, one) for one in (order, other)] == ["Olli, Oskar"] * 2
    lose_roles(world, "olli")
    assert [in_queue(world, one) for one in (order, other)] == ["Oskar"] * 2
    people.deactivate_person(actor=world.ada, person=world.olli)
    assert in_queue(world, order) == "Oskar"


def test_four_eyes_bar_its_maker_from_taking_it_through(world: World, order: ReleaseOrder) -> None:
    Space.objects.filter(pk=world.spaces["uat"].pk).update(four_eyes=True)
    Promotion.objects.create(
        order=order, component=order.component, space=here(world, "uat"), promoted_by=world.tess
    )  # fmt: skip
    assert named(gates.promotion_gates(order, here(world, "prd")), "came-through") == "Oskar"
    lose_roles(world, "oskar")
    assert named(gates.promotion_gates(order, here(world, "prd")), "came-through") == "Petra", "who can give the role"


def test_what_is_ready_asks_nobody_whom_four_eyes_bar(world: World, order: ReleaseOrder) -> None:
    Space.objects.filter(pk=world.spaces["fat"].pk).update(four_eyes=True)
    Promotion.objects.create(order=order, component=order.component, space=here(world, "fat"), promoted_by=world.tess)
    page = words(browse(world, "dana").get(f"/orders/{order.number}/"))
    assert "It waits for somebody to deploy it. Who may do it: Oskar" in page


def test_who_may_not_approve_reads_who_may(world: World, order: ReleaseOrder) -> None:
    snapshot = snapshot_of(order, here(world, "prd"))
    assert str(approvals.decision_gate(world.dana, snapshot).who) == "Oskar, Petra", "not Olli, whose order it is"
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approver_roles=["operations"])
    assert who_may("approve", space=here(world, "prd")) == "Olli, Oskar"
    narrowed = Snapshot.objects.get(pk=snapshot.pk)
    for username in ("dana", "petra"):
        assert str(approvals.decision_gate(world.people[username], narrowed).who) == "Oskar"
    group = Group.objects.create(slug="risk", name="Risk")
    GroupMember.objects.bulk_create(GroupMember(group=group, user=one) for one in (world.olli, world.petra))
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approver_roles=[], approver_groups=["risk"])
    of_group = Snapshot.objects.get(pk=snapshot.pk)
    assert str(approvals.decision_gate(world.oskar, of_group).who) == "Petra"


@pytest.mark.parametrize("how", ["role", "account"])
def test_a_no_of_somebody_who_left_says_how_to_go_on(world: World, order: ReleaseOrder, how: str) -> None:
    prd = here(world, "prd")
    snapshot = snapshot_of(order, prd)
    approvals.reject(actor=world.petra, snapshot=snapshot, comment="not at year-end")
    found = gates.deployment_gates(order, prd, snapshot=snapshot, deployer=world.oskar)
    assert named(found, "approved") == "Petra"
    if how == "role":
        lose_roles(world, "petra")
    else:
        people.deactivate_person(actor=world.ada, person=world.petra)
    found = gates.deployment_gates(order, prd, snapshot=snapshot, deployer=world.oskar)
    (gate,) = [one for one in found if one.code == "approved"]
    assert not gate.is_open and "repeat it as a new order. not at year-end" in str(gate.message)
    assert "Petra" not in str(gate.who) and str(gate.who).startswith("Dana")


def test_a_hold_of_somebody_without_a_role_names_who_lifts_it(world: World, order: ReleaseOrder) -> None:
    uat = here(world, "uat")
    holds.hold(actor=world.tess, space=uat, reason="testing", ends_at=timezone.now() + timedelta(hours=1))
    assert named(gates.promotion_gates(order, uat), "hold").startswith("Tess, ")
    lose_roles(world, "tess")
    assert named(gates.promotion_gates(order, uat), "hold") == "Olli, Oskar, Petra"
