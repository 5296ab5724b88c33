"""A scheduled deployment: reviewed once more shortly before its time, and at its time what a click would do.

Every gate and right is asked at that time by the services that a click goes through. What cannot begin within a few
seconds of it is missed: it says why, and nobody makes up for it by itself.
"""

from __future__ import annotations

from django.db import transaction

from foundation.clock import db_now
from foundation.messages import as_message, join_messages
from foundation.messages import message as _
from foundation.problems import PlatformError, Refused
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Done, Lease, Outcome
from releases import selectors
from releases.locks import lock_orders
from releases.models import Schedule, Turn
from releases.schedules import rows
from releases.services.reviews import request_review
from releases.services.schedules import LEAD
from releases.services.turns import deploy_in_turn, why_never
from releases.transitions import move

PATIENCE_SECONDS = 5.0
"""So late it may begin; later it was missed."""
AGAIN_SECONDS = 0.5


def step(lease: Lease) -> Outcome:
    """One pass. Raises LeaseLost where it was withdrawn meanwhile."""
    row = rows().get(pk=lease.pk)
    if not row.is_active:
        return Done()
    left = _seconds_left(row)
    if row.phase == "start" and row.snapshot_id is not None and left > -PATIENCE_SECONDS:
        if left > LEAD.total_seconds():
            return Again(left - LEAD.total_seconds())
        _review_once_more(row, lease)
        left = _seconds_left(row)
    if left > 0:
        return Again(left)
    try:
        _begin(row, lease)
    except PlatformError as error:
        if error.code == "not-reviewed" and _seconds_left(row) > -PATIENCE_SECONDS:
            # Its last review, or one that somebody asked for in this moment, ends in a few seconds.
            return Again(AGAIN_SECONDS)
        _miss(row, lease, error)
    return Done()


def _seconds_left(row: Schedule) -> float:
    return (row.due_at - db_now()).total_seconds()


def _review_once_more(row: Schedule, lease: Lease) -> None:
    """So that at its time it is known whether the same would be deployed, over the same."""
    with transaction.atomic():
        latest = selectors.latest_review(row.order, row.space)
        if latest is None or not selectors.is_fresh(latest):
            request_review(row.order, row.space, actor=row.asked_by)
        lease.save(phase="reviewing")


def _begin(row: Schedule, lease: Lease) -> None:
    """What the click does, and that it was done, in one transaction. Raises what a click is refused with."""
    with transaction.atomic():
        if row.phase != "reviewing":
            # Nobody was there in time for its last review either: that is what is said, and not what it lacks.
            _ensure_in_time(row)
        _ensure_same(row)
        _ensure_in_time(row)
        made = deploy_in_turn(
            actor=row.asked_by,
            order=row.order,
            space=row.space,
            snapshot_hash=row.snapshot.hash if row.snapshot else "",
            live_fingerprint=row.live_fingerprint,
            removals=row.removals,
        )
        # Asked again: the locks may have been waited for, and the gates were asked only then.
        _ensure_in_time(row)
        turn, deployment = (made, None) if isinstance(made, Turn) else (None, made)
        data = {"deployment": deployment.pk if deployment else None, "turn": turn.pk if turn else None}
        move(row, RunState.SUCCEEDED, actor=None, lease=lease, data=data, turn=turn, deployment=deployment)


def _ensure_in_time(row: Schedule) -> None:
    late = -_seconds_left(row)
    if late > PATIENCE_SECONDS:
        message = _("The platform was not there at its time, and %(n)s s later it was too late.", n=round(late))
        raise Refused(message, "too-late")


def _ensure_same(row: Schedule) -> None:
    """That the person may still deploy there, and that the last review found what was scheduled."""
    if why := why_never(row.order, row.space, row.asked_by):
        raise Refused(why, "in-vain")
    if row.snapshot_id is None:
        return
    review = selectors.latest_review(row.order, row.space)
    if review is not None and review.is_active:
        raise Refused(_("Its last review had not ended at its time."), "not-reviewed")
    if review is not None and review.snapshot_id is not None and review.snapshot_id != row.snapshot_id:
        raise Refused(_("What would be deployed has changed since it was scheduled: review again."), "changed")


def _miss(row: Schedule, lease: Lease, error: PlatformError) -> None:
    who = _("Who can clear it: %(who)s", who=error.who_can_help) if error.who_can_help else ""
    message = join_messages(as_message(error.message), who)
    with transaction.atomic():
        lock_orders(row.order_id)
        move(row, RunState.FAILED, actor=None, lease=lease, data={"message": message}, message=message)
