"""A scale outside the bounds of a space needs a second person, and what that one agreed to is all that is set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from audit.models import AuditEvent
from desk.selectors.approvals import to_approve
from environments.access import Rights
from environments.models import Space
from environments.services.people import deactivate_person
from foundation.problems import Denied, Invalid, Missing, Refused, Stale
from foundation.runs.choices import RunState
from releases import scaling, transitions
from releases.choices import DeploymentKind
from releases.models import Approval, Deployment, OrderEvent, Placement, ScaleRequest, Snapshot
from releases.placing import create_deployment
from releases.services import approvals, deployments
from releases.services.scale_requests import approve_scale, ask_scale, reject_scale, withdraw_scale_request
from releases.steps.deployment.start import refusal_of
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_review, make_success
from tests.releases.test_scaling import WORKLOAD

pytestmark = pytest.mark.security("skipped-steps")


@pytest.fixture
def place(world: World) -> Placement:
    """Four pods of Dana's order serve in PRD, whose allocation says two: 1 to 4 need no second person."""
    make_success(make_built(make_component(world), world.dana), world.spaces["prd"], world.olli)
    Snapshot.objects.update(manifests=[WORKLOAD])
    return there(world)


def there(world: World, environment: str = "prd") -> Placement:
    return Placement.objects.get(space=world.spaces[environment])


def scale(world: World, replicas: int, *, by: str = "olli") -> Deployment:
    place = there(world)
    return deployments.scale(actor=world.people[by], space=place.space, placement=place, replicas=replicas)


def ask(world: World, replicas: int = 0, *, by: str = "olli", reason: str = "quiet hours") -> ScaleRequest:
    place = there(world)
    return ask_scale(actor=world.people[by], space=place.space, placement=place, replicas=replicas, reason=reason)


def policy(world: World, environment: str = "prd", **values: Any) -> None:
    Space.objects.filter(pk=world.spaces[environment].pk).update(**values)


def succeed(deployment: Deployment) -> None:
    Placement.objects.filter(in_progress=deployment).update(last_applied=deployment)
    with transaction.atomic():
        transitions.end_run(deployment, RunState.SUCCEEDED, actor=None)


# ---------------------------------------------------------------- bounds
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_inside_the_bounds_one_person_is_enough(world: World, place: Placement, replicas: int) -> None:
    assert refusal_of(scale(world, replicas)) == ""


@pytest.mark.parametrize("replicas", [0, 5, 100])
def test_outside_of_them_nobody_is_enough_alone(world: World, place: Placement, replicas: int) -> None:
    with pytest.raises(Refused) as refusal:
        scale(world, replicas)
    assert refusal.value.code == "gate-bounds"
    assert str(refusal.value) == "Without an approval PRD takes 1–4 pods: ask for one, with a reason."
    assert str(refusal.value.who_can_help) == "Oskar, Petra"
    assert Deployment.objects.count() == 1


def test_the_author_takes_nothing_to_0_alone(world: World) -> None:
    make_success(make_built(make_component(world), world.olli), world.spaces["prd"], world.oskar)
    Snapshot.objects.update(manifests=[WORKLOAD])
    with pytest.raises(Refused, match="Without an approval"):
        scale(world, 0)
    approve_scale(actor=world.petra, row=ask(world))
    with pytest.raises(Refused, match="created or built an order do not deploy it"):
        scale(world, 0)
    assert scale(world, 0, by="oskar").overlay == {"replicas": 0}


@pytest.mark.parametrize(
    ("values", "alone", "not_alone"),
    [
        ({"scale_minimum": 0}, 0, 5),
        ({"scale_minimum": 3}, 3, 2),
        ({"scale_maximum": 10}, 10, 11),
        ({"scale_minimum": 2, "scale_maximum": 6}, 6, 1),
    ],
)
def test_the_policy_of_today_says_them(
    world: World, place: Placement, values: dict[str, int], alone: int, not_alone: int
) -> None:
    policy(world, **values)
    with pytest.raises(Refused, match="Without an approval"):
        scale(world, not_alone)
    assert scale(world, alone).overlay == {"replicas": alone}


def test_the_way_back_into_the_bounds_is_always_open(world: World, place: Placement) -> None:
    policy(world, scale_maximum=2)
    with pytest.raises(Refused):
        scale(world, 5)
    assert scale(world, 3).overlay == {"replicas": 3}, "still outside, and less so"


def test_elsewhere_there_are_none_but_those_of_the_policy(world: World) -> None:
    make_success(make_built(make_component(world), world.dana), world.spaces["fat"], world.olli)
    Snapshot.objects.update(manifests=[WORKLOAD])
    fat = there(world, "fat")
    policy(world, "fat", scale_maximum=6)
    fat.space.refresh_from_db()
    with pytest.raises(Refused, match="Without an approval FAT takes 0–6 pods"):
        deployments.scale(actor=world.olli, space=fat.space, placement=fat, replicas=9)
    row = ask_scale(actor=world.olli, space=fat.space, placement=fat, replicas=9, reason="load test")
    with pytest.raises(Refused, match="0 of 1 approvals"):
        deployments.scale(actor=world.olli, space=fat.space, placement=fat, replicas=9)
    approve_scale(actor=world.oskar, row=row)
    assert deployments.scale(actor=world.olli, space=fat.space, placement=fat, replicas=9)


# ---------------------------------------------------------------- asking
def test_it_is_asked_with_a_reason_and_only_where_it_is_needed(world: World, place: Placement) -> None:
    with pytest.raises(Invalid):
        ask(world, reason=" ")
    with pytest.raises(Invalid):
        ask(world, 201)
    with pytest.raises(Refused, match="scale at once"):
        ask(world, 3)
    for nobody in ("dana", "tess", "petra", "uma"):
        with pytest.raises(Denied):
            ask(world, by=nobody)
    with pytest.raises(Missing):
        ask(world, by="otto")
    policy(world, pods_ceiling=6)
    with pytest.raises(Refused) as refusal:
        ask(world, 9)
    assert refusal.value.code == "gate-ceiling", "no approval goes over the quota of the space"
    assert not ScaleRequest.objects.exists()


def test_another_number_takes_its_place(world: World, place: Placement) -> None:
    first = ask(world, 0)
    approve_scale(actor=world.oskar, row=first)
    second = ask(world, 9, by="oskar")
    first.refresh_from_db()
    assert (first.state, second.state) == ("void", "waiting")
    with pytest.raises(Refused, match="Without an approval"):
        scale(world, 0)


# ---------------------------------------------------------------- deciding
def test_one_asks_another_approves_and_it_is_set_once(world: World, place: Placement) -> None:
    row = ask(world, 9)
    with pytest.raises(Refused, match="0 of 1 approvals"):
        scale(world, 9)
    approve_scale(actor=world.oskar, row=row, comment="year end")
    with pytest.raises(Refused, match="Without an approval"):
        scale(world, 10)
    deployment = scale(world, 9)
    row.refresh_from_db()
    assert (deployment.kind, deployment.overlay, refusal_of(deployment)) == (DeploymentKind.SCALE, {"replicas": 9}, "")
    assert (row.state, row.deployment) == ("used", deployment)
    succeed(deployment)
    with pytest.raises(Refused, match="Without an approval"):
        scale(world, 10)


def test_who_is_in_it_has_no_word(world: World, place: Placement) -> None:
    row = ask(world)
    for person, code in (("olli", "four-eyes"), ("dana", "denied"), ("tess", "denied"), ("ada", "denied")):
        with pytest.raises(Denied) as refusal:
            approve_scale(actor=world.people[person], row=row)
        assert refusal.value.code == code, person
        assert refusal.value.asked is not None
    with pytest.raises(Missing):
        approve_scale(actor=world.otto, row=row)
    Approval.objects.create(
        snapshot=row.snapshot, scale_request=row, order=row.order, component=row.order.component, space=row.space,
        state="given", by=world.olli,
    )  # fmt: skip
    with pytest.raises(Refused, match="0 of 1 approvals"):
        scale(world, 0, by="oskar")


def test_who_approved_does_not_set_it(world: World, place: Placement) -> None:
    approve_scale(actor=world.oskar, row=ask(world))
    with pytest.raises(Refused, match="people who approve an order do not deploy it"):
        scale(world, 0, by="oskar")


def test_a_no_stops_it_until_it_is_taken_back(world: World, place: Placement) -> None:
    row = ask(world)
    approve_scale(actor=world.petra, row=row)
    with pytest.raises(Invalid):
        reject_scale(actor=world.oskar, row=row, comment="")
    no = reject_scale(actor=world.oskar, row=row, comment="trading hours")
    with pytest.raises(Refused, match="Oskar rejected it: trading hours"):
        scale(world, 0)
    with pytest.raises(Refused, match="decided on this number of pods already"):
        approve_scale(actor=world.oskar, row=row)
    approvals.withdraw_approval(actor=world.oskar, approval=no)
    assert scale(world, 0)


def test_it_is_no_approval_of_a_deployment_and_none_of_it(world: World, place: Placement) -> None:
    order = place.last_succeeded.order  # type: ignore[union-attr]
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot == place.last_succeeded.snapshot  # type: ignore[union-attr]
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    row = ask(world)
    with pytest.raises(Refused, match="0 of 1 approvals"):
        scale(world, 0)
    Approval.objects.all().delete()
    approve_scale(actor=world.oskar, row=row)
    with pytest.raises(Refused, match="promoted"):
        deployments.start_deployment(
            actor=world.olli, order=order, space=world.spaces["prd"], snapshot_hash=snapshot.hash
        )
    from releases import gates

    (approved,) = [gate for gate in gates.approval_gates(order, world.spaces["prd"], snapshot, world.olli)
                   if gate.code == "approved"]  # fmt: skip
    assert not approved.is_open


# ---------------------------------------------------------------- what ends it
def lapse(world: World, row: ScaleRequest) -> None:
    ScaleRequest.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def take_back(world: World, row: ScaleRequest) -> None:
    withdraw_scale_request(actor=world.olli, row=row)


def narrow(world: World, row: ScaleRequest) -> None:
    policy(world, approver_roles=["project_admin"])


def ask_for_more(world: World, row: ScaleRequest) -> None:
    policy(world, approvals=2)


def expire(world: World, row: ScaleRequest) -> None:
    policy(world, approval_hours=1)
    Approval.objects.update(created_at=timezone.now() - timedelta(hours=2))


def leave(world: World, row: ScaleRequest) -> None:
    deactivate_person(actor=world.ada, person=world.oskar)
    assert Approval.objects.get().state == "void"


def other_number(world: World, row: ScaleRequest) -> None:
    succeed(scale(world, 3))
    row.refresh_from_db()
    assert row.state == "void"


def other_snapshot(world: World, row: ScaleRequest) -> None:
    order = row.order
    snapshot = make_review(order, world.spaces["prd"], salt="new").snapshot
    place = there(world)
    Snapshot.objects.filter(pk=snapshot.pk).update(manifests=[WORKLOAD])  # type: ignore[union-attr]
    with transaction.atomic():
        made = create_deployment(order, place.space, place, actor=world.olli, snapshot=snapshot)
    made.snapshot.refresh_from_db()  # type: ignore[union-attr]
    succeed(made)
    row.refresh_from_db()
    assert row.state == "void"


ENDS: list[Callable[[World, ScaleRequest], None]] = [
    lapse, take_back, narrow, ask_for_more, expire, leave, other_number, other_snapshot,
]  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_an_approval_that_counts_no_more_sets_nothing(
    world: World, place: Placement, end: Callable[[World, ScaleRequest], None]
) -> None:
    row = ask(world, 0)
    approve_scale(actor=world.oskar, row=row)
    end(world, row)
    with pytest.raises(Refused) as refusal:
        scale(world, 0)
    assert refusal.value.code in ("gate-bounds", "gate-approved")


def test_a_restart_changes_neither_snapshot_nor_number(world: World, place: Placement) -> None:
    approve_scale(actor=world.oskar, row=ask(world, 0))
    place = there(world)
    succeed(deployments.restart(actor=world.olli, space=place.space, placement=place))
    assert scale(world, 0).overlay["replicas"] == 0


@pytest.mark.parametrize("end", [narrow, ask_for_more, expire, leave])
def test_what_ends_between_the_click_and_the_step_refuses_the_step(
    world: World, place: Placement, end: Callable[[World, ScaleRequest], None]
) -> None:
    row = ask(world, 0)
    approve_scale(actor=world.oskar, row=row)
    deployment = scale(world, 0)
    assert refusal_of(deployment) == ""
    if end is leave:
        approvals.withdraw_approval(actor=world.oskar, approval=Approval.objects.get())
    else:
        end(world, row)
    assert "approvals" in str(refusal_of(Deployment.objects.get(pk=deployment.pk)))


def test_bounds_that_came_closer_refuse_the_step_too(world: World, place: Placement) -> None:
    deployment = scale(world, 2)
    policy(world, scale_minimum=3)
    assert "Without an approval" in str(refusal_of(Deployment.objects.get(pk=deployment.pk)))


def test_what_is_over_takes_no_word(world: World, place: Placement) -> None:
    row = ask(world)
    lapse(world, row)
    with pytest.raises(Stale, match="lapsed"):
        approve_scale(actor=world.oskar, row=row)
    other = ask(world)
    withdraw_scale_request(actor=world.oskar, row=other)
    with pytest.raises(Stale, match="does not wait"):
        approve_scale(actor=world.oskar, row=other)
    with pytest.raises(Stale):
        withdraw_scale_request(actor=world.olli, row=other)
    with pytest.raises(Denied):
        withdraw_scale_request(actor=world.petra, row=ask(world))


# ---------------------------------------------------------------- trace and tasks
def test_event_and_audit_say_who_what_and_why(world: World, place: Placement) -> None:
    row = ask(world, 9)
    approve_scale(actor=world.oskar, row=row, comment="fine")
    scale(world, 9)
    kinds = list(OrderEvent.objects.filter(order=row.order, kind__startswith="scale_").values_list("kind", flat=True))
    assert kinds == ["scale_request.waiting", "scale_approval.given", "scale_request.used"]
    asked, given, used = AuditEvent.objects.filter(verb__in=kinds).order_by("pk")
    assert (asked.actor_name, asked.reason, asked.after["replicas"], asked.after["before"]) == (
        "Olli", "quiet hours", 9, 4,
    )  # fmt: skip
    assert (given.actor_name, given.after["replicas"], given.after["snapshot"]) == ("Oskar", 9, row.snapshot.hash)
    assert (used.actor_name, used.environment, used.after["asked_by"]) == ("Olli", "prd", "olli")


def test_it_is_a_task_of_who_may_decide_it(world: World, place: Placement) -> None:
    row = ask(world)

    def waiting(name: str) -> list[ScaleRequest | None]:
        return [one.scale for one in to_approve(Rights(world.people[name]))]

    assert [waiting(name) for name in ("oskar", "petra")] == [[row], [row]]
    assert [waiting(name) for name in ("olli", "dana", "tess", "ada", "otto")] == [[]] * 5
    approve_scale(actor=world.oskar, row=row)
    assert waiting("petra") == []


def test_bounds_are_those_of_what_was_reviewed(world: World, place: Placement) -> None:
    assert place.last_succeeded and place.last_succeeded.snapshot
    found = scaling.bounds_of(place.space, place.last_succeeded.snapshot)
    assert (found.least, found.most) == (1, 4)
    place.last_succeeded.snapshot.allocation.replicas = 0
    found = scaling.bounds_of(place.space, place.last_succeeded.snapshot)
    assert (found.least, found.most) == (1, 1)
