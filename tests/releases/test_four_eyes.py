"""Approvals bind to a snapshot, and nobody approves or deploys what they made, administrators included."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.models import Membership
from foundation.problems import Denied, Invalid, Refused, Stale
from releases import gates
from releases.models import Approval, Placement, ReleaseOrder, Snapshot
from releases.services import approvals, deployments, orders
from releases.steps.review.wanted import _void_older
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_review, make_success

pytestmark = pytest.mark.security("skipped-steps")


@pytest.fixture
def ready(world: World) -> ReleaseOrder:
    """An order that may be deployed to production but for its approval."""
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    make_success(order, world.spaces["uat"], world.olli)
    from releases.services import promotions

    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    return order


def snapshot_of(order: ReleaseOrder, world: World, salt: str = "") -> Snapshot:
    snapshot = make_review(order, world.spaces["prd"], salt=salt).snapshot
    assert snapshot
    return snapshot


def give(world: World, username: str, role: str) -> None:
    Membership.objects.create(user=world.people[username], role=role, project=world.project)


def test_the_author_cannot_approve_with_any_role(world: World, ready: ReleaseOrder) -> None:
    give(world, "dana", "operations")
    give(world, "dana", "project_admin")
    Membership.objects.create(user=world.dana, role="platform_admin")
    with pytest.raises(Denied, match="Four eyes"):
        approvals.approve(actor=world.dana, snapshot=snapshot_of(ready, world))


def test_a_builder_cannot_approve_and_is_not_named_as_who_can_help(world: World) -> None:
    order = make_built(make_component(world), world.dana, builder=world.oskar)
    with pytest.raises(Denied, match="Four eyes") as refusal:
        approvals.approve(actor=world.oskar, snapshot=snapshot_of(order, world))
    helpers = str(refusal.value.who_can_help)
    assert world.oskar.shown_name not in helpers
    assert world.olli.shown_name in helpers
    assert world.people["petra"].shown_name in helpers


def test_a_developer_and_a_platform_administrator_may_not_approve(world: World, ready: ReleaseOrder) -> None:
    for username in ("dave", "ada", "uma", "tess"):
        with pytest.raises(Denied):
            approvals.approve(actor=world.people[username], snapshot=snapshot_of(ready, world))


def test_the_approver_is_not_the_deployer(world: World, ready: ReleaseOrder) -> None:
    snapshot = snapshot_of(ready, world)
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    with pytest.raises(Refused, match="Oskar approved it, and people who approve"):
        deployments.start_deployment(
            actor=world.oskar, order=ready, space=world.spaces["prd"], snapshot_hash=snapshot.hash
        )
    deployment = deployments.start_deployment(
        actor=world.olli, order=ready, space=world.spaces["prd"], snapshot_hash=snapshot.hash
    )
    assert deployment.deployed_by == world.olli


def test_who_built_it_does_not_deploy_it_to_production(world: World) -> None:
    order = make_built(make_component(world), world.dana, builder=world.olli)
    make_success(order, world.spaces["uat"], world.oskar)
    snapshot = snapshot_of(order, world)
    found = gates.deployment_gates(order, world.spaces["prd"], snapshot=snapshot, deployer=world.olli)
    assert [gate.is_open for gate in found if gate.code == "four-eyes"] == [False]


def test_a_rejection_blocks_until_its_giver_withdraws_it(world: World, ready: ReleaseOrder) -> None:
    snapshot = snapshot_of(ready, world)
    no = approvals.reject(actor=world.petra, snapshot=snapshot, comment="not tonight")
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    with pytest.raises(Refused, match="not tonight"):
        deployments.start_deployment(
            actor=world.olli, order=ready, space=world.spaces["prd"], snapshot_hash=snapshot.hash
        )
    with pytest.raises(Denied):
        approvals.withdraw_approval(actor=world.oskar, approval=no)
    approvals.withdraw_approval(actor=world.petra, approval=no)
    deployments.start_deployment(actor=world.olli, order=ready, space=world.spaces["prd"], snapshot_hash=snapshot.hash)


def test_a_rejection_needs_a_reason(world: World, ready: ReleaseOrder) -> None:
    with pytest.raises(Invalid):
        approvals.reject(actor=world.petra, snapshot=snapshot_of(ready, world), comment="")


def test_nobody_decides_twice(world: World, ready: ReleaseOrder) -> None:
    snapshot = snapshot_of(ready, world)
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    with pytest.raises(Refused, match="decided"):
        approvals.approve(actor=world.oskar, snapshot=snapshot)


def test_a_new_snapshot_voids_the_approvals_of_the_old_one(world: World, ready: ReleaseOrder) -> None:
    old = snapshot_of(ready, world)
    approvals.approve(actor=world.oskar, snapshot=old)
    new = snapshot_of(ready, world, salt="new allocation")
    _void_older(ready, new)
    assert Approval.objects.get().state == "void"
    with pytest.raises(Stale):
        approvals.approve(actor=world.petra, snapshot=old)
    with pytest.raises(Stale):
        deployments.start_deployment(actor=world.olli, order=ready, space=world.spaces["prd"], snapshot_hash=old.hash)


def test_an_expired_approval_does_not_count(world: World, ready: ReleaseOrder) -> None:
    snapshot = snapshot_of(ready, world)
    approval = approvals.approve(actor=world.oskar, snapshot=snapshot)
    Approval.objects.filter(pk=approval.pk).update(expires_at=timezone.now())
    with pytest.raises(Refused, match="0 of 1"):
        deployments.start_deployment(
            actor=world.olli, order=ready, space=world.spaces["prd"], snapshot_hash=snapshot.hash
        )


# ---------------------------------------------------------------- judged by the policy of today
@pytest.mark.parametrize(
    "stricter",
    [
        {"approver_roles": ["project_admin"]},
        {"approval_needs_comment": True},
        {"approval_hours": 1},
        {"approvals": 2},
    ],
)
def test_an_approval_counts_by_the_policy_of_the_moment(
    world: World, ready: ReleaseOrder, stricter: dict[str, object]
) -> None:
    snapshot = snapshot_of(ready, world)
    given = approvals.approve(actor=world.oskar, snapshot=snapshot)
    Approval.objects.filter(pk=given.pk).update(created_at=timezone.now() - timedelta(hours=2))
    space = world.spaces["prd"]
    assert gates.first_closed(gates.approval_gates(ready, space, snapshot, world.olli)) is None
    for name, value in stricter.items():
        setattr(space, name, value)
    space.save()
    closed = gates.first_closed(gates.approval_gates(ready, space, snapshot, world.olli))
    assert closed is not None and closed.code == "approved"
    review = snapshot.reviews.latest("pk")
    with pytest.raises(Refused):
        deployments.start_deployment(
            actor=world.olli, order=ready, space=space, snapshot_hash=snapshot.hash,
            live_fingerprint=review.live_fingerprint,
        )  # fmt: skip


# ---------------------------------------------------------------- returned orders
def test_a_returned_order_is_never_rolled_back_to(world: World) -> None:
    component, space = make_component(world), world.spaces["prd"]
    old, new = make_built(component, world.dana), make_built(component, world.dana)
    good = make_success(old, space, world.olli)
    make_success(new, space, world.olli)
    assert good.snapshot is not None
    assert gates.first_closed(gates.roll_back_gates(old, space, snapshot=good.snapshot, deployer=world.olli)) is None
    orders.return_order(actor=world.tess, order=old, reason="loses bookings")
    with pytest.raises(Refused, match="was returned"):
        deployments.roll_back(actor=world.olli, space=space, to=good)


def test_what_runs_is_restarted_and_scaled_although_it_was_returned(world: World) -> None:
    space, order = world.spaces["prd"], make_built(make_component(world), world.dana)
    make_success(order, space, world.olli)
    orders.return_order(actor=world.tess, order=order, reason="loses bookings")
    place = Placement.objects.get(space=space)
    assert deployments.restart(actor=world.olli, space=space, placement=place).kind == "restart"
