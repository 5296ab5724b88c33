"""The states an order and its runs may pass through, and the one function that moves them.

``move`` compares and sets on the old state and writes the event and the audit row in the same transaction, so a state
never changes without a trace and two movers never both win.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Now

from accounts.models import User
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Stale
from foundation.runs.choices import ACTIVE, TERMINAL, RunState
from foundation.runs.finish import finish
from foundation.runs.lease import Lease, LeaseLost
from foundation.runs.models import Run
from foundation.runs.wake import wake
from releases import going_on
from releases.choices import DeploymentKind, OrderState, Reason, ScaleRequestState, TurnState
from releases.events import append_event, record_act
from releases.locks import lock_end, lock_orders
from releases.models import (
    Build,
    Deployment,
    DrpRun,
    Placement,
    Prune,
    ReleaseOrder,
    Review,
    ScaleRequest,
    Schedule,
    SpaceObservation,
    Turn,
)
from releases.placing import create_deployment, wake_observations
from releases.scaling import replicas_of
from releases.turns import waiting_turns

RUN_MOVES: dict[str, frozenset[str]] = {
    RunState.QUEUED: frozenset(
        {RunState.RUNNING, RunState.SUCCEEDED, RunState.FAILED, RunState.ERRORED, RunState.CANCELLED}
    ),
    RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.ERRORED, RunState.CANCELLED}),
}
ORDER_MOVES: dict[str, frozenset[str]] = {
    OrderState.CREATED: frozenset({OrderState.BUILDING, OrderState.CLOSED}),
    OrderState.BUILDING: frozenset({OrderState.BUILT, OrderState.BUILD_FAILED, OrderState.CLOSED}),
    OrderState.BUILD_FAILED: frozenset({OrderState.BUILDING, OrderState.CLOSED}),
    OrderState.BUILT: frozenset({OrderState.CLOSED}),
    OrderState.CLOSED: frozenset(),
}
"""From state to states; a state that is not named is final."""

NOTHING_RUNS: dict[str, Any] = {
    "last_applied": None,
    "last_succeeded": None,
    "settled_at": None,
    "unsettled_reason": "",
    "ready": 0,
    "wanted": 0,
    "pods": [],
    "replica_sets": [],
    "drift": [],
    "autoscaler": {},
}
"""What a placement says once everything of its component was removed."""

UNKNOWN_AFTER = (Reason.LOST, Reason.RELEASED)
"""Ends after which nobody knows what the cluster did, or what a late step may still have sent."""

MovedRun = Build | Review | Deployment | Prune | Schedule
Moved = ReleaseOrder | MovedRun
NAMES: dict[type[models.Model], str] = {
    ReleaseOrder: "order",
    Build: "build",
    Review: "review",
    Deployment: "deployment",
    Prune: "prune",
    Schedule: "schedule",
}


class IllegalMove(Exception):
    """A programming mistake: the table knows no such move."""


def move(
    row: Moved,
    to: str,
    *,
    actor: User | None,
    reason: str = "",
    lease: Lease | None = None,
    data: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Move ``row`` from its state to ``to``; ``fields`` are written with it, ``data`` goes into the event.

    Call inside a transaction, with the locks taken in their order. Raises Stale when somebody moved it first
    (or the lease is lost), IllegalMove for a move that the table does not have.
    """
    old = row.state
    table = ORDER_MOVES if isinstance(row, ReleaseOrder) else RUN_MOVES
    if to not in table.get(old, frozenset()):
        raise IllegalMove(f"{type(row).__name__} {row.pk}: {old} → {to}")
    order_id = row.pk if isinstance(row, ReleaseOrder) else row.order_id
    # No savepoint: who calls this lets its transaction fail with it.
    with transaction.atomic(savepoint=False):
        # The order's lock comes before the run's, even if the caller holds neither.
        lock_orders(order_id)
        if isinstance(row, ReleaseOrder):
            _set_order(row, to, fields)
        else:
            _set_run(row, to, reason, lease, fields)
        row.state = to
        for name, value in fields.items():
            setattr(row, name, value)
        _record(row, old, to, actor=actor, reason=reason, data=data or {})
        if isinstance(row, Run) and to in TERMINAL:
            _wake_who_waits(row)


def _set_order(row: ReleaseOrder, to: str, fields: dict[str, Any]) -> None:
    if to == OrderState.CLOSED:
        fields = fields | {"to_test_since": None}
    if ReleaseOrder.objects.filter(pk=row.pk, state=row.state).update(state=to, **fields) != 1:
        raise Stale(_("This order has changed in the meantime: refresh the page."))


def _set_run(row: MovedRun, to: str, reason: str, lease: Lease | None, fields: dict[str, Any]) -> None:
    fence: dict[str, Any] = {"fence": lease.fence, "owner": lease.owner} if lease else {}
    if to in TERMINAL:
        done = finish(type(row), row.pk, to=to, reason=reason, **fence, **fields)
        row.reason = reason
    else:
        done = (
            type(row).objects.filter(pk=row.pk, state=row.state, **fence).update(state=to, started_at=Now(), **fields)
            == 1
        )
    if not done and lease:
        raise LeaseLost(f"{lease} is not ours any more.")
    if not done:
        raise Stale(_("This has changed in the meantime: refresh the page."))


def _record(row: Moved, old: str, to: str, *, actor: User | None, reason: str, data: dict[str, Any]) -> None:
    order = row if isinstance(row, ReleaseOrder) else row.order
    record_act(
        order,
        f"{NAMES[type(row)]}.{to}",
        actor,
        subject=row,
        space=getattr(row, "space", None),
        data={"from": old, "to": to, "reason": reason, **data},
        reason=reason,
        before={"state": old},
        after={"state": to, **data},
    )


def _wake_who_waits(row: Run) -> None:
    """The end of one run makes the next one due, in the same transaction where the order of locks allows it."""
    if isinstance(row, Review):
        waiting = Deployment.objects.filter(review=row, state=RunState.QUEUED).values_list("pk", flat=True)
        for pk in waiting:
            wake(Deployment, pk, prompt=True)
    if isinstance(row, Deployment) and row.drp_switch_id:
        # After the commit: a pass of the switch has its run locked and waits for the place that is locked here. Who
        # dies in between loses a moment, for the pass comes back by itself.
        transaction.on_commit(partial(_wake_switch, row.drp_switch_id))


def _wake_switch(pk: int) -> None:
    for run in DrpRun.objects.filter(switch=pk).values_list("pk", flat=True):
        wake(DrpRun, run)


def give_up_build(lease: Lease, reason: str) -> None:
    """The engine gave up on a build (20 claims that came to no end): ours, shown on the health page."""
    _give_up(Build.objects.get(pk=lease.pk), lease, reason)


def give_up_review(lease: Lease, reason: str) -> None:
    """The same for a review."""
    _give_up(Review.objects.get(pk=lease.pk), lease, reason)


def give_up_deployment(lease: Lease, reason: str) -> None:
    """The same for a deployment."""
    _give_up(Deployment.objects.get(pk=lease.pk), lease, reason)


def give_up_prune(lease: Lease, reason: str) -> None:
    """The same for what is removed after a deployment."""
    _give_up(Prune.objects.get(pk=lease.pk), lease, reason)


def give_up_schedule(lease: Lease, reason: str) -> None:
    """The same for what was to begin at a time."""
    _give_up(Schedule.objects.get(pk=lease.pk), lease, reason)


def _give_up(row: MovedRun, lease: Lease, reason: str) -> None:
    if row.state not in TERMINAL:
        with transaction.atomic():
            if isinstance(row, Deployment):
                lock_end(row)
            end_run(row, RunState.ERRORED, actor=None, reason=reason or Reason.ENGINE, lease=lease)


def contact_changed_build(pk: int) -> None:
    """Jenkins (or the registry, or Git) went away or came back: the order's page says since when."""
    row = Build.objects.get(pk=pk)
    with transaction.atomic():
        append_event(row.order_id, "build.contact", data={"id": pk, "since": _iso(row), "side": row.other_side})


def contact_changed_deployment(pk: int) -> None:
    """The cluster went away or came back: the order's page says since when."""
    row = Deployment.objects.get(pk=pk)
    with transaction.atomic():
        append_event(row.order_id, "deployment.contact", data={"id": pk, "since": _iso(row)})


def contact_changed_space(pk: int) -> None:
    """The cluster of an observed space went away or came back: what its pages show is unknown, or known again."""
    Placement.objects.filter(space__observation=pk).update(changed_at=Now())


def _iso(row: Run) -> str | None:
    return row.contact_lost_since.isoformat() if row.contact_lost_since else None


def end_run(
    row: MovedRun,
    to: str,
    *,
    actor: User | None,
    reason: str = "",
    lease: Lease | None = None,
    data: dict[str, Any] | None = None,
    gives_turn: bool = True,
    **fields: Any,
) -> None:
    """Move a run to its final state together with what mirrors it: the order of a build, the place of a deployment.

    ``gives_turn``: who waits for that place may have it; False where the caller takes it again.
    """
    if isinstance(row, Deployment):
        _free_place(row, to, is_unknown=reason in UNKNOWN_AFTER)
    move(row, to, actor=actor, reason=reason, lease=lease, data=data, **fields)
    if isinstance(row, Build):
        _order_after_build(row, to)
    if isinstance(row, Deployment) and gives_turn:
        give_turn(row.component_id, row.space_id)


def give_turn(component_id: int, space_id: int) -> None:
    """The first in line takes the place, if it is free and known what runs there; its own first step asks all gates.

    The caller holds the locks of :func:`releases.locks.lock_end` and calls this last.
    """
    here = {"placement__component_id": component_id, "placement__space_id": space_id}
    if not Turn.objects.filter(**here, state=TurnState.WAITING).exists():
        return
    places = Placement.objects.filter(component_id=component_id, space_id=space_id)
    place = places.filter(in_progress=None, unknown_since=None).first()
    if place is None:
        return
    parts = ("order__project", "asked_by", "snapshot", "review", "placement__space__cluster")
    turn = waiting_turns().select_related(*parts, "placement__space__environment").filter(placement=place).first()
    if turn is None:
        return
    space = turn.placement.space
    deployment = create_deployment(
        turn.order,
        space,
        place,
        actor=turn.asked_by,
        snapshot=turn.snapshot,
        review=turn.review,
        live_fingerprint=turn.live_fingerprint,
        removals=turn.removals,
    )
    end_turn(turn, TurnState.STARTED, actor=None, deployment=deployment)


def end_turn(
    turn: Turn, to: str, *, actor: User | None, message: MessageLike = "", deployment: Deployment | None = None
) -> None:
    """Out of the line, with event and audit, under the locks of place and order; raises Stale when it is late."""
    waiting = Turn.objects.filter(pk=turn.pk, state=TurnState.WAITING)
    ended = {"state": to, "ended_at": Now(), "ended_by": actor, "message": message, "deployment": deployment}
    if waiting.update(**ended) != 1:
        raise Stale(_("This deployment does not wait its turn any more: refresh the page."))
    # Everybody behind it stands one place further on.
    Placement.objects.filter(pk=turn.placement_id).update(changed_at=Now())
    data = {"deployment": deployment.pk if deployment else None, "message": message}
    record_act(
        turn.order,
        f"turn.{to}",
        actor,
        subject=turn,
        space=turn.placement.space,
        data=data,
        reason=message,
        before={"state": TurnState.WAITING},
        after={"state": to, **data},
    )


def end_scale_request(
    row: ScaleRequest, to: str, *, actor: User | None, reason: str = "", deployment: Deployment | None = None
) -> None:
    """It waits no more, with event and audit, under the locks of place and order; raises Stale when it is late."""
    waiting = ScaleRequest.objects.filter(pk=row.pk, state=ScaleRequestState.WAITING)
    if waiting.update(state=to, ended_at=Now(), deployment=deployment) != 1:
        raise Stale(_("This request does not wait any more: refresh the page."))
    record_act(
        row.order,
        f"scale_request.{to}",
        actor,
        subject=row,
        space=row.space,
        data=row.facts,
        reason=reason,
        before={"state": ScaleRequestState.WAITING},
        after={"state": to, "asked_by": row.asked_by.username, **row.facts},
    )


def _void_scale_request(place_id: int, row: Deployment) -> None:
    """What somebody asked for is of what stood there: another snapshot or number is not what approvers looked at."""
    waiting = ScaleRequest.objects.filter(placement=place_id, state=ScaleRequestState.WAITING)
    for asked in waiting.select_related("order__project", "space__environment", "snapshot", "asked_by"):
        is_same = row.kind != DeploymentKind.REMOVE and row.snapshot_id == asked.snapshot_id
        if not is_same or replicas_of(row) != asked.replicas_before:
            end_scale_request(asked, ScaleRequestState.VOID, actor=None, reason="something else stands there")


def _free_place(row: Deployment, to: str, *, is_unknown: bool) -> None:
    # Locked before the order and the run, as everywhere.
    place = (
        Placement.objects.select_for_update(of=("self",))
        .only("in_progress_id", "last_succeeded__order_id")
        .select_related("last_succeeded")
        .get(component_id=row.component_id, space_id=row.space_id)
    )
    changes: dict[str, Any] = {"changed_at": Now()}
    if place.in_progress_id == row.pk:
        changes["in_progress"] = None
    if to == RunState.SUCCEEDED and row.kind == DeploymentKind.REMOVE:
        changes |= NOTHING_RUNS | {"seen_at": Now()}
    elif to == RunState.SUCCEEDED:
        changes |= {"last_succeeded": row, "settled_at": None, "unsettled_reason": ""}
    if is_unknown:
        # What the cluster did with it is not known: nobody deploys here before it was read again.
        changes["unknown_since"] = Now()
    Placement.objects.filter(pk=place.pk).update(**changes)
    if to == RunState.SUCCEEDED:
        _void_scale_request(place.pk, row)
        going_on.mark_again(row.order_id, place.last_succeeded.order_id if place.last_succeeded else None)
    elif to == RunState.CANCELLED:
        going_on.note_cancelled(row)
    # From here the placement is looked at for itself: settling first, drift afterwards.
    others = Deployment.objects.filter(space_id=row.space_id, state__in=sorted(ACTIVE)).exclude(pk=row.pk)
    wake_observations(SpaceObservation.objects.filter(space_id=row.space_id), under_way=others.count())


def _order_after_build(row: Build, to: str) -> None:
    order = ReleaseOrder.objects.select_related("project").get(pk=row.order_id)
    if order.state != OrderState.BUILDING:
        return
    if to == RunState.SUCCEEDED:
        move(
            order,
            OrderState.BUILT,
            actor=None,
            data={"digest": row.digest},
            image=f"{row.registry.address}/{order.project.slug}/{order.component.slug}",
            image_digest=row.digest,
            built_at=Now(),
        )
        going_on.mark_built(order)
    else:
        move(order, OrderState.BUILD_FAILED, actor=None, reason=row.reason)
