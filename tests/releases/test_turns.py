"""A deployment of another order waits until the one in progress there has ended; then it is asked everything again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from audit.models import AuditEvent
from environments.models import Space
from foundation.problems import Denied, Refused
from foundation.runs import kinds
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from foundation.runs.wake import wake
from releases import gates, transitions
from releases.choices import DeploymentKind, TurnState
from releases.models import Deployment, Placement, Promotion, ReleaseOrder, Review, Snapshot, Turn
from releases.services.deployments import cancel_deployment, restart, roll_back, start_deployment
from releases.services.promotions import promote, withdraw_promotion
from releases.services.restores import begin_after_restore
from releases.services.turns import cancel_turn, deploy_in_turn
from releases.steps.deployment.ends import end
from releases.steps.deployment.removing import is_overtaken
from releases.turns import in_line
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_review, make_success

pytestmark = pytest.mark.django_db


class Line:
    """Orders of one component, one after the other at the door of one space."""

    def __init__(self, world: World, space: str, *, count: int = 3) -> None:
        self.world, self.space = world, world.spaces[space]
        self.component = make_component(world)
        self.orders = [make_built(self.component, world.dana) for _ in range(count)]
        for order in self.orders if space != "fat" else []:
            make_success(order, world.spaces["fat"], world.olli)

    def promote(self, order: ReleaseOrder) -> None:
        verdict = {} if self.space.environment.slug == "fat" else {"test_verdict": "passed"}
        promote(actor=self.world.petra, order=order, space=self.space, **verdict)

    def ask(self, number: int, **more: Any) -> Deployment | Turn:
        """Promote the order and click; what comes before must have been accepted by the cluster."""
        order = self.orders[number]
        self.promote(order)
        if self.space.asks_review:
            review = make_review(order, self.space)
            assert review.snapshot
            more |= {"snapshot_hash": review.snapshot.hash}
        return deploy_in_turn(actor=self.world.olli, order=order, space=self.space, **more)

    def first(self) -> Deployment:
        """The one that is rolling out: the cluster has accepted it."""
        row = self.ask(0)
        assert isinstance(row, Deployment)
        accepted = {"state": "running", "phase": "rolling", "applied_at": timezone.now(), "started_at": timezone.now()}
        Deployment.objects.filter(pk=row.pk).update(applied=[{"kind": "Deployment", "name": "web"}], **accepted)
        row.refresh_from_db()
        return row

    def wait(self, number: int, **more: Any) -> Turn:
        turn = self.ask(number, **more)
        assert isinstance(turn, Turn)
        return turn

    @property
    def place(self) -> Placement:
        return Placement.objects.get(component=self.component, space=self.space)


@pytest.fixture
def line(world: World) -> Line:
    Space.objects.filter(pk=world.spaces["uat"].pk).update(asks_review=True)
    world.spaces["uat"].refresh_from_db()
    return Line(world, "uat")


def finish(row: Deployment, to: str = RunState.SUCCEEDED) -> None:
    row.refresh_from_db()
    with transaction.atomic():
        transitions.end_run(row, to, actor=row.deployed_by)


def pass_over(row: Deployment) -> Deployment:
    """One step, as a worker makes it; nobody listens at the cluster of these rows."""
    wake(Deployment, row.pk)
    (lease,) = claim(kinds.get("deployment"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    run_step(lease)
    row.refresh_from_db()
    return row


def test_another_order_waits_with_its_place_and_has_its_turn_when_the_one_before_ends(line: Line) -> None:
    first = line.first()
    second, third = line.wait(1), line.wait(2)
    assert [(one.position, one.behind) for one in in_line()] == [
        (1, first.order.number), (2, second.order.number)
    ]  # fmt: skip
    assert Deployment.objects.filter(state__in=ACTIVE).get() == first
    finish(first)
    second.refresh_from_db()
    assert second.state == TurnState.STARTED and second.deployment == line.place.in_progress
    assert second.deployment.order == line.orders[1] and second.deployment.deployed_by == line.world.olli
    assert second.deployment.pk > first.pk and second.deployment.next_at <= timezone.now() + timedelta(seconds=5)
    assert [(one.position, one.behind) for one in in_line()] == [(1, second.order.number)]
    kinds_told = list(third.order.events.filter(kind__startswith="turn").values_list("kind", "data__number"))
    assert kinds_told == [("turn.waiting", second.order.number)]
    assert AuditEvent.objects.filter(verb="turn.started", object_name=second.order.number).count() == 1


def test_the_same_order_is_told_who_was_first(line: Line) -> None:
    first = line.first()
    with pytest.raises(Refused, match=rf"Olli is deploying order {first.order.number} here right now") as refused:
        deploy_in_turn(actor=line.world.oskar, order=first.order, space=line.space, snapshot_hash=hash_of(first))
    assert refused.value.code == "gate-queue" and refused.value.who_can_help == "Olli, Oskar"
    turn = line.wait(1)
    with pytest.raises(Refused, match=r"Olli asked for this first: the order waits behind order .*, place 1"):
        deploy_in_turn(actor=line.world.oskar, order=turn.order, space=line.space, snapshot_hash=hash_of(turn))
    assert Turn.objects.count() == 1


def hash_of(row: Deployment | Turn) -> str:
    assert row.snapshot
    return row.snapshot.hash


def test_the_gate_says_who_is_first_since_when_and_which_place_it_would_be(line: Line) -> None:
    first = line.first()
    line.wait(1)
    line.promote(line.orders[2])
    found = gates.deployment_gates(line.orders[2], line.space, snapshot=None, deployer=line.world.olli)
    (gate,) = (gate for gate in found if gate.code == "queue")
    assert gate.is_open and gate.since == first.created_at
    assert str(gate.message) == (
        f"Olli is deploying order {first.order.number} here: this order would wait its turn, place 2."
    )
    strict = gates.deployment_gates(
        line.orders[2], line.space, snapshot=None, deployer=line.world.olli, may_wait=False
    )  # fmt: skip
    assert [gate.code for gate in strict if not gate.is_open] == ["queue"]


def test_what_is_about_what_runs_does_not_wait(line: Line) -> None:
    good = make_success(line.orders[2], line.space, line.world.olli)
    line.first()
    for act in (
        lambda: restart(actor=line.world.olli, space=line.space, placement=line.place),
        lambda: roll_back(actor=line.world.olli, space=line.space, to=good),
    ):
        with pytest.raises(Refused, match="right now"):
            act()
    assert not Turn.objects.exists()


@pytest.mark.security("races")
def test_at_its_turn_a_gate_that_closed_meanwhile_ends_it_and_the_next_one_follows(line: Line) -> None:
    first, second = line.first(), line.wait(1)
    third = line.wait(2)
    # The promotion of the third replaced the second's while both waited.
    assert Promotion.objects.get(state="current").order == third.order
    finish(first)
    second.refresh_from_db()
    assert second.deployment
    refused = pass_over(second.deployment)
    assert (refused.state, refused.reason) == ("failed", "gate")
    assert str(refused.message) == f"Order {third.order.number} is promoted to UAT."
    third.refresh_from_db()
    assert third.state == TurnState.STARTED and line.place.in_progress == third.deployment
    assert Deployment.objects.filter(state__in=ACTIVE).count() == 1


def test_an_old_review_is_not_applied_at_its_turn(line: Line) -> None:
    first, turn = line.first(), line.wait(1)
    Review.objects.filter(pk=turn.review_id).update(seen_at=timezone.now() - timedelta(hours=5))
    finish(first)
    row = pass_over(Deployment.objects.get(turn=turn))
    assert (row.state, row.reason) == ("failed", "gate")
    assert "its review is more than 4 hours old" in str(row.message)
    assert line.place.in_progress is None


def test_a_newer_review_that_found_something_else_stops_it_at_its_turn(line: Line) -> None:
    first, turn = line.first(), line.wait(1)
    newer = make_review(turn.order, line.space)
    assert newer.snapshot
    other = Snapshot.objects.get(pk=newer.snapshot.pk)
    other.pk, other.hash = None, "b" * 64
    other.save(force_insert=True)
    Review.objects.filter(pk=newer.pk).update(snapshot=other)
    finish(first)
    row = pass_over(Deployment.objects.get(turn=turn))
    assert (row.state, row.reason) == ("failed", "gate")
    assert "a newer review found something else" in str(row.message)


def test_where_one_act_makes_both_the_review_is_made_at_its_turn(world: World) -> None:
    line = Line(world, "fat")
    first, turn = line.first(), line.wait(1)
    # Those that the promotions asked for have ended by now.
    Review.objects.update(state="succeeded")
    finish(first)
    row = Deployment.objects.get(turn=turn)
    assert turn.review is None and row.review is None
    row = pass_over(row)
    assert row.review and row.review.order == turn.order and row.review.created_at >= row.created_at
    assert row.state == "queued" and row.is_active


def test_the_place_is_taken_in_turn_however_the_one_before_ends(line: Line) -> None:
    first, turn = line.first(), line.wait(1)
    cancel_deployment(actor=line.world.olli, deployment=first)
    assert pass_over(first).state == "cancelled"
    turn.refresh_from_db()
    assert turn.state == TurnState.STARTED and line.place.in_progress == turn.deployment


def test_one_that_waits_is_cancelled_by_who_asked_or_operations(line: Line) -> None:
    first, second, third = line.first(), line.wait(1), line.wait(2)
    with pytest.raises(Denied):
        cancel_turn(actor=line.world.tess, turn=second)
    cancel_turn(actor=line.world.oskar, turn=second)
    assert (second.state, second.ended_by) == (TurnState.CANCELLED, line.world.oskar)
    assert [(one.order, one.position) for one in in_line()] == [(third.order, 1)]
    with pytest.raises(Refused, match="does not wait any more"):
        cancel_turn(actor=line.world.oskar, turn=second)
    finish(first)
    with pytest.raises(Refused, match="Its turn has come"):
        cancel_turn(actor=line.world.olli, turn=third)


def test_a_newer_order_goes_instead_of_those_that_wait_and_never_of_the_one_in_progress(line: Line) -> None:
    first, second = line.first(), line.wait(1)
    third = line.wait(2, supersede=True)
    second.refresh_from_db()
    first.refresh_from_db()
    assert (second.state, second.ended_by) == (TurnState.SUPERSEDED, line.world.olli)
    assert str(second.message) == f"Olli deploys order {third.order.number} instead of those that waited."
    assert first.state == "running" and line.place.in_progress == first
    assert in_line().get().position == 1
    assert second.order.events.filter(kind="turn.superseded", actor=line.world.olli).exists()
    assert AuditEvent.objects.filter(verb="turn.superseded", object_name=second.order.number).exists()


def test_superseding_that_is_refused_changes_nothing(line: Line) -> None:
    line.first()
    turn = line.wait(1)
    with pytest.raises(Refused):
        deploy_in_turn(actor=line.world.olli, order=line.orders[2], space=line.space, supersede=True)
    turn.refresh_from_db()
    assert turn.state == TurnState.WAITING


def test_an_automatic_roll_back_goes_before_those_that_wait(line: Line) -> None:
    good = make_success(line.orders[2], line.space, line.world.olli)
    Space.objects.filter(pk=line.space.pk).update(auto_rollback=True)
    first, turn = line.first(), line.wait(1)
    wake(Deployment, first.pk)
    (lease,) = claim(kinds.get("deployment"), owner=owner(), limit=1, pk=first.pk, grace=1e9)
    end(lease, Deployment.objects.select_related("order", "space").get(pk=first.pk), RunState.FAILED, "rollout")
    back = line.place.in_progress
    assert back and (back.kind, back.cause, back.snapshot) == (DeploymentKind.ROLL_BACK, first, good.snapshot)
    turn.refresh_from_db()
    assert turn.state == TurnState.WAITING and in_line().get().behind == good.order.number
    finish(back)
    turn.refresh_from_db()
    assert turn.deployment and turn.deployment == line.place.in_progress and turn.deployment.pk > back.pk


def test_what_has_its_turn_stops_a_removal_only_once_it_began(line: Line) -> None:
    first, turn = line.first(), line.wait(1)
    finish(first)
    assert not is_overtaken(first), "it may still be refused"
    Deployment.objects.filter(turn=turn).update(state="running")
    assert is_overtaken(first)


def test_an_order_is_promoted_once_the_cluster_has_accepted_what_is_under_way(line: Line) -> None:
    row = line.ask(0)
    with pytest.raises(Refused, match="wait for the verdict"):
        line.promote(line.orders[1])
    Deployment.objects.filter(pk=row.pk).update(applied_at=timezone.now())
    line.promote(line.orders[1])


def test_nobody_has_a_turn_while_it_is_not_known_what_runs(line: Line) -> None:
    first, turn = line.first(), line.wait(1)
    with transaction.atomic():
        transitions.end_run(first, RunState.ERRORED, actor=None, reason="lost")
    turn.refresh_from_db()
    assert turn.state == TurnState.WAITING and in_line().get().behind == ""
    assert line.place.in_progress is None and line.place.unknown_since


def test_a_restore_ends_those_that_wait(line: Line) -> None:
    line.first()
    turn = line.wait(1)
    begin_after_restore(audit_head="")
    turn.refresh_from_db()
    assert turn.state == TurnState.CANCELLED and "restored" in str(turn.message)
    assert line.place.in_progress is None and not Deployment.objects.filter(state__in=ACTIVE).exists()


def test_an_order_that_lost_its_promotion_is_refused_at_its_turn(line: Line) -> None:
    first, turn = line.first(), line.wait(1)
    withdraw_promotion(actor=line.world.petra, promotion=turn.order.promotions.get(state="current"))
    finish(first)
    row = pass_over(Deployment.objects.get(turn=turn))
    assert (row.state, str(row.message)) == ("failed", "It is not promoted to UAT.")


def test_who_does_not_wait_is_still_told(line: Line) -> None:
    line.first()
    other = line.orders[1]
    line.promote(other)
    review = make_review(other, line.space)
    assert review.snapshot
    with pytest.raises(Refused, match="right now"):
        start_deployment(
            actor=line.world.olli, order=other, space=line.space, snapshot_hash=review.snapshot.hash
        )  # fmt: skip
