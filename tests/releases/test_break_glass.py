"""Break-glass: one order, one space, four hours; it opens the flow and nothing else, and somebody else reviews it."""

from __future__ import annotations

from datetime import timedelta
from itertools import cycle, product
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from environments.access import Rights
from environments.models import Membership
from foundation.messages import localized_time
from foundation.problems import Denied, Invalid, Missing, Refused, Stale
from foundation.runs.choices import RunState
from releases import break_glass, gates, transitions
from releases.choices import ClosedReason, OrderState
from releases.models import Approval, BreakGlass, Deployment, OrderEvent, Placement, ReleaseOrder
from releases.services import approvals, deployments, orders
from releases.services.break_glass import end_break_glass, open_break_glass, review_break_glass
from releases.steps.deployment.start import refusal_of
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_review, make_success

pytestmark = pytest.mark.security("skipped-steps")


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    """Built, and nowhere yet; Olli holds the right of break-glass since long ago."""
    hold(world, "olli")
    return make_built(make_component(world), world.dana)


def hold(world: World, username: str, **fields: Any) -> Membership:
    row = Membership.objects.create(
        user=world.people[username], role="break_glass", project=world.project, granted_by=world.petra, **fields
    )
    Membership.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=30))
    return row


def break_it(
    world: World, order: ReleaseOrder, place: str = "prd", *, by: str = "olli", minutes: int = 60
) -> BreakGlass:
    return open_break_glass(
        actor=world.people[by], order=order, space=world.spaces[place], reason="trading stands still", minutes=minutes
    )


def age(row: BreakGlass, hours: float = 5) -> None:
    """As if it had been opened so long ago."""
    past = timedelta(hours=hours)
    BreakGlass.objects.filter(pk=row.pk).update(opened_at=row.opened_at - past, ends_at=row.ends_at - past)


def deploy(world: World, order: ReleaseOrder, *, by: str = "olli") -> Deployment:
    """Reviewed and approved as production asks, then deployed."""
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot
    if not Approval.objects.filter(snapshot=snapshot, state="given").exists():
        approvals.approve(actor=world.oskar, snapshot=snapshot)
    return deployments.start_deployment(
        actor=world.people[by], order=order, space=world.spaces["prd"], snapshot_hash=snapshot.hash
    )


def finish(deployment: Deployment) -> None:
    transitions.end_run(deployment, RunState.SUCCEEDED, actor=None)


# ---------------------------------------------------------------- who may, and what is asked
@pytest.mark.parametrize("username", ["dana", "tess", "oskar", "petra", "ada", "uma"])
def test_no_other_role_includes_the_right(world: World, order: ReleaseOrder, username: str) -> None:
    with pytest.raises(Denied) as refusal:
        break_it(world, order, by=username)
    assert world.olli.shown_name in str(refusal.value.who_can_help)
    assert not BreakGlass.objects.exists()


def test_it_is_not_there_for_who_has_no_access(world: World, order: ReleaseOrder) -> None:
    with pytest.raises(Missing):
        break_it(world, order, by="otto")


def test_the_right_of_one_environment_reaches_no_other(world: World, order: ReleaseOrder) -> None:
    hold(world, "tess", environment=world.environments["uat"])
    assert break_it(world, order, "uat", by="tess").pk
    with pytest.raises(Denied):
        break_it(world, order, by="tess")


@pytest.mark.parametrize(
    ("reason", "minutes", "field"), [(" ", 60, "reason"), ("x", 0, "minutes"), ("x", 241, "minutes")]
)
def test_a_reason_and_at_most_four_hours(
    world: World, order: ReleaseOrder, reason: str, minutes: int, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        open_break_glass(actor=world.olli, order=order, space=world.spaces["prd"], reason=reason, minutes=minutes)
    assert set(refusal.value.fields) == {field}
    assert not BreakGlass.objects.exists()


def test_of_two_the_second_is_told_who_was_first(world: World, order: ReleaseOrder) -> None:
    hold(world, "oskar")
    break_it(world, order)
    with pytest.raises(Stale, match="Break-glass of Olli is in force"):
        break_it(world, order, by="oskar")
    assert BreakGlass.objects.count() == 1


def test_it_needs_somebody_else_who_could_review_it(world: World, order: ReleaseOrder) -> None:
    Membership.objects.filter(role__in=["project_admin", "platform_admin"]).delete()
    with pytest.raises(Refused, match="Nobody else could review it"):
        break_it(world, order)


def test_a_closed_order_has_nothing_to_open_but_a_returned_one_has(world: World, order: ReleaseOrder) -> None:
    ReleaseOrder.objects.filter(pk=order.pk).update(state=OrderState.CLOSED, closed_reason=ClosedReason.DONE)
    with pytest.raises(Refused, match="The order is closed"):
        break_it(world, order)
    ReleaseOrder.objects.filter(pk=order.pk).update(closed_reason=ClosedReason.RETURNED)
    assert break_it(world, order).pk


def test_event_and_audit_say_who_where_why_and_until(world: World, order: ReleaseOrder) -> None:
    row = break_it(world, order)
    event = OrderEvent.objects.get(order=order, kind="break_glass.opened")
    assert (event.actor, event.data["environment"], event.data["note"]) == (world.olli, "prd", "trading stands still")
    assert event.data["until"] == localized_time(row.ends_at)
    recorded = AuditEvent.objects.get(verb="break_glass.opened")
    assert (recorded.actor_name, recorded.environment, recorded.reason) == ("Olli", "prd", "trading stands still")


# ---------------------------------------------------------------- what it opens
def test_an_order_that_came_through_nothing_is_deployed_and_bears_it(world: World, order: ReleaseOrder) -> None:
    with pytest.raises(Refused, match="not promoted to PRD"):
        deploy(world, order)
    row = break_it(world, order)
    deployment = deploy(world, order)
    assert deployment.break_glass == row
    queued = OrderEvent.objects.get(order=order, kind="deployment.queued")
    assert queued.data["break_glass"] == row.pk
    assert refusal_of(deployment) == ""


def test_a_returned_order_is_approved_and_deployed_under_it_alone(world: World, order: ReleaseOrder) -> None:
    orders.return_order(actor=world.tess, order=order, reason="wrong sums")
    order.refresh_from_db()
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot
    with pytest.raises(Refused, match="The order is closed"):
        approvals.approve(actor=world.oskar, snapshot=snapshot)
    row = break_it(world, order)
    assert deploy(world, order).break_glass == row


def test_a_roll_back_to_a_returned_order(world: World, order: ReleaseOrder) -> None:
    good = make_success(order, world.spaces["prd"], world.olli)
    later = make_built(order.component, world.dana)
    make_success(later, world.spaces["prd"], world.olli)
    orders.return_order(actor=world.tess, order=order, reason="wrong sums")
    with pytest.raises(Refused, match="was returned"):
        deployments.roll_back(actor=world.olli, space=world.spaces["prd"], to=good)
    row = break_it(world, order)
    back = deployments.roll_back(actor=world.olli, space=world.spaces["prd"], to=good)
    assert back.break_glass == row and refusal_of(back) == ""


def test_it_is_of_one_order_and_one_space(world: World, order: ReleaseOrder) -> None:
    other = make_built(order.component, world.dana)
    break_it(world, order)
    for one, place in ((other, "prd"), (order, "drp"), (order, "uat")):
        found = gates.deployment_gates(one, world.spaces[place], snapshot=None, deployer=None)
        assert [gate.is_open for gate in found if gate.code == "promoted"] == [False]


def test_it_promotes_nothing(world: World, order: ReleaseOrder) -> None:
    before = gates.promotion_gates(order, world.spaces["prd"])
    break_it(world, order)
    assert gates.promotion_gates(order, world.spaces["prd"]) == before
    assert gates.first_closed(before)


STATES: dict[str, dict[str, Any]] = {
    "built": {},
    "no image": {"image_digest": ""},
    "returned": {"state": OrderState.CLOSED, "closed_reason": ClosedReason.RETURNED},
    "done": {"state": OrderState.CLOSED, "closed_reason": ClosedReason.DONE},
    "withdrawn": {"state": OrderState.CLOSED, "closed_reason": ClosedReason.WITHDRAWN},
}


@pytest.mark.parametrize("state", STATES)
def test_every_gate_but_those_of_the_flow_stays_as_it_is(world: World, order: ReleaseOrder, state: str) -> None:
    """For each order, policy, place and person in turn: with and without it, the other gates say the same."""
    space = world.spaces["prd"]
    snapshot = make_review(order, space).snapshot
    assert snapshot
    row = break_it(world, order)
    for name, value in STATES[state].items():
        setattr(order, name, value)
    opened, people = set(), cycle((world.olli, world.dana, None))
    for (four_eyes, ticket, branch), person in zip(product((False, True), repeat=3), people, strict=False):
        # Any two of the five meet in each way; all 32 of them, each with every person, would take minutes.
        approvals_, unknown = int(four_eyes != ticket), four_eyes != branch
        space.approvals, space.four_eyes, space.change_ticket_required = approvals_, four_eyes, ticket
        space.branch_pattern = "release/.*" if branch else ""
        Placement.objects.update_or_create(
            component=order.component, space=space, defaults={"unknown_since": timezone.now() if unknown else None}
        )
        BreakGlass.objects.filter(pk=row.pk).update(ended_at=None, ended_by=None)
        with_it = all_gates(order, space, snapshot, person)
        BreakGlass.objects.filter(pk=row.pk).update(ended_at=timezone.now(), ended_by=world.olli)
        without = all_gates(order, space, snapshot, person)
        assert [gate.code for gate in with_it] == [gate.code for gate in without]
        for one, other in zip(with_it, without, strict=True):
            if one.is_open != other.is_open:
                opened.add(one.code)
                assert one.break_glass_id == row.pk and other.is_flow
            elif not other.is_flow:
                assert one == other
    returned = {"open"} if state == "returned" else set()
    assert opened == {"promoted"} | returned


def all_gates(order: ReleaseOrder, space: Any, snapshot: Any, person: Any) -> list[gates.Gate]:
    return [
        *gates.promotion_gates(order, space),
        *gates.deployment_gates(order, space, snapshot=snapshot, deployer=person),
        *gates.roll_back_gates(order, space, snapshot=snapshot, deployer=person),
        *gates.again_gates(order, space, snapshot=snapshot, deployer=person),
        *gates.removal_gates(order, space, snapshot=snapshot, deployer=person),
    ]


def test_approvals_and_four_eyes_hold_under_it(world: World, order: ReleaseOrder) -> None:
    break_it(world, order)
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot
    with pytest.raises(Refused, match="0 of 1 approvals"):
        deployments.start_deployment(
            actor=world.olli, order=order, space=world.spaces["prd"], snapshot_hash=snapshot.hash
        )
    approvals.approve(actor=world.olli, snapshot=snapshot)
    with pytest.raises(Refused, match="people who approve an order do not deploy it"):
        deployments.start_deployment(
            actor=world.olli, order=order, space=world.spaces["prd"], snapshot_hash=snapshot.hash
        )


# ---------------------------------------------------------------- how it ends
@pytest.mark.parametrize("how", ["time", "by hand", "role", "left"])
def test_what_ends_it_between_click_and_step_refuses_the_step(world: World, order: ReleaseOrder, how: str) -> None:
    row = break_it(world, order)
    deployment = deploy(world, order, by="oskar" if how == "left" else "olli") if how != "left" else None
    if deployment is None:
        hold_deploy = make_review(order, world.spaces["prd"]).snapshot
        assert hold_deploy
        approvals.approve(actor=world.petra, snapshot=hold_deploy)
        deployment = deployments.start_deployment(
            actor=world.oskar, order=order, space=world.spaces["prd"], snapshot_hash=hold_deploy.hash
        )
    assert refusal_of(deployment) == ""
    if how == "time":
        age(row)
    elif how == "by hand":
        end_break_glass(actor=world.petra, row=row, comment="not needed")
    elif how == "role":
        Membership.objects.filter(role="break_glass").update(ends_at=timezone.now())
    else:
        world.olli.is_active = False
        world.olli.save()
    fresh = Deployment.objects.get(pk=deployment.pk)
    said = str(refusal_of(fresh))
    assert said == "It is not promoted to PRD. The break-glass of Olli is over."


def test_a_step_that_another_one_opens_bears_that_one(world: World, order: ReleaseOrder) -> None:
    hold(world, "oskar")
    first = break_it(world, order)
    deployment = deploy(world, order)
    age(first)
    second = break_it(world, order, by="oskar")
    fresh = Deployment.objects.get(pk=deployment.pk)
    assert refusal_of(fresh) == "" and fresh.break_glass_id == second.pk


def test_four_hours_are_the_most_for_one_person_until_somebody_looked(world: World, order: ReleaseOrder) -> None:
    row = break_it(world, order)
    age(row)
    with pytest.raises(Refused, match="waits for its review") as refusal:
        break_it(world, order)
    assert "Petra" in str(refusal.value.who_can_help)
    row.refresh_from_db()
    review_break_glass(actor=world.petra, row=row, comment="a good reason")
    assert break_it(world, order).pk != row.pk


def test_it_ends_once(world: World, order: ReleaseOrder) -> None:
    row = break_it(world, order)
    for username in ("oskar", "uma", "dana"):
        with pytest.raises(Denied):
            end_break_glass(actor=world.people[username], row=row)
    ended = end_break_glass(actor=world.olli, row=row, comment="done")
    assert (ended.ended_by, ended.order.number) == (world.olli, order.number)
    with pytest.raises(Refused, match="over already"):
        end_break_glass(actor=world.petra, row=row)


# ---------------------------------------------------------------- its review
def test_somebody_else_reviews_it_once_it_is_over(world: World, order: ReleaseOrder) -> None:
    row = break_it(world, order)
    with pytest.raises(Refused, match="It is in force"):
        review_break_glass(actor=world.petra, row=row, comment="fine")
    age(row)
    with pytest.raises(Denied, match="You opened it"):
        review_break_glass(actor=world.olli, row=row, comment="fine")
    with pytest.raises(Invalid):
        review_break_glass(actor=world.petra, row=row, comment=" ")
    review_break_glass(actor=world.petra, row=row, comment="a good reason")
    row.refresh_from_db()
    assert (row.reviewed_by, row.review_comment) == (world.petra, "a good reason")
    assert AuditEvent.objects.get(verb="break_glass.reviewed").reason == "a good reason"
    with pytest.raises(Refused, match="has been reviewed"):
        review_break_glass(actor=world.ada, row=row, comment="fine")


def test_who_deployed_under_it_does_not_review_it(world: World, order: ReleaseOrder) -> None:
    Membership.objects.create(user=world.petra, role="operations", project=world.project)
    row = break_it(world, order)
    deployment = deploy(world, order, by="petra")
    end_break_glass(actor=world.olli, row=row)
    with pytest.raises(Refused, match="under way"):
        review_break_glass(actor=world.ada, row=row, comment="fine")
    finish(deployment)
    with pytest.raises(Denied, match="You deployed under it"):
        review_break_glass(actor=world.petra, row=row, comment="fine")
    reviewed = review_break_glass(actor=world.ada, row=row, comment="fine")
    facts = AuditEvent.objects.get(verb="break_glass.reviewed").after
    assert facts["deployments"] == [f"{order.number} deploy succeeded"] and reviewed.reviewed_by == world.ada


def test_who_gave_the_right_within_a_day_could_be_its_holder(world: World, order: ReleaseOrder) -> None:
    held = Membership.objects.filter(role="break_glass")
    held.update(created_at=timezone.now() - timedelta(hours=1))
    row = break_it(world, order)
    age(row)
    with pytest.raises(Denied, match="less than a day from one hand"):
        review_break_glass(actor=world.petra, row=row, comment="fine")
    assert break_glass.who_reviews(row) == "Ada"
    assert row in break_glass.waits_for(world.petra, Rights(world.petra)), (
        "told at once, and able to when a day is over"
    )
    held.update(created_at=timezone.now() - timedelta(hours=25))
    assert review_break_glass(actor=world.petra, row=row, comment="fine").reviewed_by == world.petra


def test_the_task_waits_for_those_who_may_until_it_is_done(world: World, order: ReleaseOrder) -> None:
    row = break_it(world, order)

    def waits(username: str) -> list[BreakGlass]:
        person = world.people[username]
        return break_glass.waits_for(person, Rights(person))

    assert {name for name in world.people if waits(name)} == {"petra", "ada"}
    age(row)
    row.refresh_from_db()
    assert waits("petra") == [row]
    review_break_glass(actor=world.ada, row=row, comment="fine")
    assert not waits("petra") and not waits("ada")
