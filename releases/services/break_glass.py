"""紧急放行: open the flow for one order in one space with a reason, end it early, and review what somebody else did.

It gives nobody a right and opens no other gate: who deploys needs the right to, and approvals and four eyes hold.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from environments.access import asked_for, require, who_may
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import localized_time
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Refused, Stale
from foundation.runs.choices import ACTIVE
from releases import break_glass
from releases.break_glass import LONGEST, deployments_under, is_in_force, who_reviews
from releases.choices import ClosedReason, OrderState
from releases.events import record_act
from releases.gate import Gate
from releases.locks import lock_order, lock_orders
from releases.models import BreakGlass, ReleaseOrder

LONGEST_TEXT = 500
MOST_MINUTES = int(LONGEST.total_seconds()) // 60


def open_break_glass(*, actor: User, order: ReleaseOrder, space: Space, reason: str, minutes: int) -> BreakGlass:
    """From now on, for so many minutes, the flow stops nobody from deploying the order there.

    Raises Denied, Invalid without a reason or for more than four hours, Refused where nobody else could review it or
    the same person's last one waits for its review, Stale where somebody was first.
    """
    require(actor, "break_glass", space=space)
    _check(reason, minutes)
    with transaction.atomic():
        # The order's lock: of two who open it at once, one is told who was first.
        locked = lock_order(order.pk)
        ensure_openable(locked, space, actor)
        now = db_now()
        row = BreakGlass(
            order=locked, space=space, reason=reason.strip()[:LONGEST_TEXT], opened_by=actor, opened_at=now,
            ends_at=now + timedelta(minutes=minutes),
        )  # fmt: skip
        if not who_reviews(row):
            message = _("Nobody else could review it, so nobody would be told: give one more person the role here.")
            raise Refused(message, "no-reviewer", who_may("manage_members", space=space))
        row.save()
        _record(row, "opened", actor, row.reason, until=localized_time(row.ends_at))
    return row


def _check(reason: str, minutes: int) -> None:
    problems: dict[str, Any] = {}
    if not reason.strip():
        problems["reason"] = [_("Say why: a second person reads it now and reviews it afterwards.")]
    if not 1 <= minutes <= MOST_MINUTES:
        problems["minutes"] = [_("Between 1 and %(most)s minutes.", most=MOST_MINUTES)]
    if problems:
        raise Invalid(problems)


def ensure_openable(order: ReleaseOrder, space: Space, person: User | None) -> None:
    """Raises Refused where there is nothing to open, Stale where it is open already. Who acts has locked the order."""
    if order.state == OrderState.CLOSED and order.closed_reason != ClosedReason.RETURNED:
        raise Refused(_("The order is closed: repeat it as a new order."), "closed")
    open_now = break_glass.in_force(order, space)
    if open_now is not None:
        message = _(
            "Break-glass of %(who)s is in force here until %(until)s.",
            who=open_now.opened_by.localized_name,
            until=localized_time(open_now.ends_at),
        )
        raise Stale(message, "break-glass-in-force", open_now.opened_by.shown_name)
    own = [row for row in break_glass.rows_of(order, space) if person and row.opened_by_id == person.pk]
    waiting = next((row for row in own if row.reviewed_at is None), None)
    if waiting is not None:
        message = _("Your last break-glass for this order here waits for its review: four hours are the most.")
        raise Refused(message, "break-glass-to-review", who_reviews(waiting))


def end_break_glass(*, actor: User, row: BreakGlass, comment: str = "") -> BreakGlass:
    """The flow counts again, for what starts from now on. Raises Denied, Refused where it is over already."""
    require(actor, "review_break_glass", space=row.space)
    with transaction.atomic():
        locked = _lock(row)
        if not is_in_force(locked):
            raise Refused(_("This break-glass is over already."), "break-glass-over")
        locked.ended_by, locked.ended_at = actor, db_now()
        locked.save(update_fields=["ended_by", "ended_at"])
        _record(locked, "ended", actor, comment.strip()[:LONGEST_TEXT])
    return locked


def review_break_glass(*, actor: User, row: BreakGlass, comment: str) -> BreakGlass:
    """Somebody who neither opened it nor deployed under it looked at it: the task is done.

    Raises Denied, Invalid without a comment, Refused while it is in force, a deployment under it runs, or it has its
    review.
    """
    require(actor, "review_break_glass", space=row.space)
    if not comment.strip():
        raise Invalid({"comment": [_("Say what you found: the audit keeps it.")]})
    with transaction.atomic():
        locked = _lock(row)
        ensure_may_review(actor, locked)
        # A review that comes before the engine's pass tells the end first.
        _expire(locked)
        locked.reviewed_by, locked.reviewed_at = actor, db_now()
        locked.review_comment = comment.strip()[:LONGEST_TEXT]
        locked.save(update_fields=["reviewed_by", "reviewed_at", "review_comment"])
        under = [f"{one.order.number} {one.kind} {one.state}" for one in deployments_under(locked)]
        _record(locked, "reviewed", actor, locked.review_comment, deployments=under)
    return locked


def ensure_may_review(person: User, row: BreakGlass) -> None:
    """Raises Refused before it is over and once it has its review, Denied for who is in it themselves."""
    ensure_reviewable(row)
    if why := break_glass.why_not_reviewer(person, row):
        asked = asked_for("review_break_glass", None, row.space)
        raise Denied(why, "not-the-second", who_reviews(row), asked=asked)


def ensure_reviewable(row: BreakGlass) -> None:
    """Raises Refused before it is over, and once it has its review."""
    if row.reviewed_at is not None:
        raise Refused(_("This break-glass has been reviewed."), "reviewed")
    if is_in_force(row):
        raise Refused(_("It is in force: end it, or review it when it is over."), "break-glass-in-force")
    if deployments_under(row).filter(state__in=sorted(ACTIVE)).exists():
        raise Refused(_("A deployment under it is under way: wait for the verdict."), "deployment-under-way")


def expire_over() -> None:
    """One pass of the engine: whose time, or whose opener's right, has ended is over, and says so. A returned right
    opens none of them again."""
    for row in break_glass.untold():
        if not is_in_force(row):
            with transaction.atomic():
                _expire(_lock(row))


def _expire(locked: BreakGlass) -> None:
    if break_glass.is_told_over(locked) or is_in_force(locked):
        return
    locked.expired_at = db_now()
    locked.save(update_fields=["expired_at"])
    _record(locked, "expired", None, why=break_glass.why_over(locked))


def _lock(row: BreakGlass) -> BreakGlass:
    lock_orders(row.order_id)
    return break_glass.by_id(row.pk)


def _record(row: BreakGlass, act: str, actor: User | None, reason: str = "", **facts: Any) -> None:
    """Event and audit; the event tells the opener's name besides who acted, None for the platform."""
    record_act(
        row.order,
        f"break_glass.{act}",
        actor,
        subject=row,
        space=row.space,
        data={"by": row.opened_by.shown_name, "note": reason, **facts},
        reason=reason,
        after={"opened_by": row.opened_by.username, "ends_at": row.ends_at.isoformat(), **facts},
    )


def review_gate(row: BreakGlass, person: User | None) -> Gate:
    """The same as a gate, for the permission explainer."""
    try:
        ensure_reviewable(row) if person is None else ensure_may_review(person, row)
    except (Denied, Refused) as refusal:
        return Gate(refusal.code, False, refusal.message, refusal.who_can_help)
    return Gate("break-glass", True, _("It is over and waits for its review."))
