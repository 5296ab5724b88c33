"""定时部署: deploy at a time, withdraw it, and end what would come in vain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from environments.access import know_groups, read_rights, require
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import MessageLike, localized_time
from foundation.messages import message as _
from foundation.problems import Invalid, Refused, Stale
from foundation.runs.choices import RunState
from releases import gates
from releases.events import record_act
from releases.locks import lock_orders, lock_place
from releases.models import ReleaseOrder, Schedule
from releases.placing import ensure_not_archived
from releases.schedules import waiting_schedules
from releases.services.deployments import reviewed_by
from releases.services.ticks import ensure_ticked, reviewed_ticks
from releases.services.turns import why_never
from releases.transitions import move

LONGEST = timedelta(days=30)
LEAD = timedelta(seconds=60)
"""So long before its time it is reviewed once more, where the space asks for a review."""
LASTING = frozenset({"built", "open", "promoted", "four-eyes"})
"""Gates that do not open by waiting: asked already when it is scheduled. All are asked at the time."""


def schedule(
    *,
    actor: User,
    order: ReleaseOrder,
    space: Space,
    due_at: datetime,
    snapshot_hash: str = "",
    live_fingerprint: str = "",
    removals: Sequence[str] = (),
) -> Schedule:
    """Deploy what was reviewed at that time, as a click of this person would then.

    Raises Denied, Invalid for a time that has passed or is too far away, Refused for a gate that waiting does not
    open or without a review, Stale where the review is not the one that the person saw or it is scheduled already.
    """
    require(actor, "deploy", space=space)
    _check_time(due_at)
    with transaction.atomic():
        lock_place(order, space)
        lock_orders(order.pk)
        ensure_not_archived(space)
        _ensure_alone(order, space)
        is_reviewed = bool(snapshot_hash) or space.asks_review
        review = reviewed_by(order, space, snapshot_hash, live_fingerprint) if is_reviewed else None
        fresh = ReleaseOrder.objects.select_related("project", "component").get(pk=order.pk)
        snapshot = review.snapshot if review else None
        found = gates.deployment_gates(fresh, space, snapshot=snapshot, deployer=actor)
        lasting = [gate for gate in found if gate.code in LASTING]
        gates.ensure_open(lasting, asked=gates.asked_about("deploy", fresh, space))
        if review:
            ensure_ticked(reviewed_ticks(review.findings), removals)
        row = Schedule.objects.create(
            order=fresh, space=space, snapshot=snapshot, removals=list(removals), due_at=due_at, asked_by=actor,
            live_fingerprint=live_fingerprint or (review.live_fingerprint if review else ""),
            next_at=due_at - LEAD if review else due_at,
        )  # fmt: skip
        data = {
            "until": localized_time(due_at),
            "snapshot": snapshot.short_hash if snapshot else "",
        }
        record_act(fresh, "schedule.queued", actor, subject=row, space=space, data=data)
    return row


def _check_time(due_at: datetime) -> None:
    now = db_now()
    if due_at <= now:
        raise Invalid({"due_at": [_("This time has passed: choose a later one.")]})
    if due_at > now + LONGEST:
        raise Invalid({"due_at": [_("At most %(days)s days ahead.", days=LONGEST.days)]})


def _ensure_alone(order: ReleaseOrder, space: Space) -> None:
    other = waiting_schedules().filter(order=order, space=space).first()
    if other is not None:
        values = {"at": localized_time(other.due_at), "who": other.asked_by.localized_name}
        message = _("It is scheduled for %(at)s by %(who)s already: withdraw that to change the time.", **values)
        raise Stale(message, "already-scheduled", other.asked_by.shown_name)


def withdraw_schedule(*, actor: User, row: Schedule) -> Schedule:
    """It does not begin. Raises Denied, and Refused where its time came first or it has ended otherwise."""
    require(actor, "cancel_deployment", space=row.space, owner_id=row.asked_by_id)
    with transaction.atomic():
        lock_orders(row.order_id)
        row.refresh_from_db(fields=["state"])
        if row.state == RunState.SUCCEEDED:
            raise Refused(_("Its time has come: cancel its deployment."), "time-came")
        if not row.is_active:
            raise Refused(_("This schedule has ended already."), "schedule-ended")
        end(row, RunState.CANCELLED, actor=actor)
    row.refresh_from_db()
    return row


def end(row: Schedule, to: str, *, actor: User | None, message: MessageLike = "") -> None:
    """Nothing is deployed by it; ``to``: withdrawn (cancelled) or missed (failed). Under the order's lock."""
    move(row, to, actor=actor, data={"message": message}, message=message, ended_by=actor)


def end_each(
    found: QuerySet[Schedule], *, actor: User | None, message: MessageLike, to: str = RunState.CANCELLED
) -> None:
    """All of them, under the locks of their orders, which the caller has."""
    for row in found:
        end(row, to, actor=actor, message=message)


def end_vain_schedules() -> None:
    """One pass of the engine: what could not begin at its time any more says so now, and not only then."""
    found = list(waiting_schedules())
    for row in _without_right(found):
        with transaction.atomic():
            lock_orders(row.order_id)
            held = waiting_schedules().filter(pk=row.pk).first()
            if held is not None and (why := why_never(held.order, held.space, held.asked_by)):
                end(held, RunState.FAILED, actor=None, message=why)


def _without_right(found: Sequence[Schedule]) -> Iterable[Schedule]:
    """Those of people who may not deploy there any more: a few queries for all."""
    if not found:
        return []
    people = {row.asked_by_id: row.asked_by for row in found}
    rights = {one.user.pk: one for one, _ends in read_rights(people.values())}
    know_groups(rights.values())
    return [
        row for row in found
        if not row.asked_by.is_active or not rights[row.asked_by_id].can("deploy", space=row.space)
    ]  # fmt: skip
