"""A number of replicas outside the bounds of a space: one person asks, with a reason, and others approve.

What they agree to is set by :func:`releases.services.deployments.scale`, which asks all gates again at that moment.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accounts.models import User
from environments.access import require
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Refused, Stale
from releases import gates, scaling
from releases.choices import ApprovalState, ScaleRequestState
from releases.events import record_act
from releases.locks import lock_orders, lock_place
from releases.models import Approval, Placement, ScaleRequest
from releases.scale_gates import asking_gates
from releases.scale_requests import is_of
from releases.services.approvals import ensure_role, put_word
from releases.services.deployments import ensure_replicas, lock_standing
from releases.transitions import end_scale_request

LIFETIME = timedelta(hours=24)
LONGEST_REASON = 500


def ask_scale(*, actor: User, space: Space, placement: Placement, replicas: int, reason: str) -> ScaleRequest:
    """Ask for approval of so many replicas of what stands there; another number that waits there is asked for no more.

    Raises Denied, Invalid without a reason, Refused where no approval is needed or none would help.
    """
    ensure_replicas(replicas)
    require(actor, "deploy", space=space)
    if not reason.strip():
        raise Invalid({"reason": [_("Say why: who approves reads it.")]})
    with transaction.atomic():
        place, good = lock_standing(space, placement)
        asked = gates.asked_about("deploy", good.order, space)
        gates.ensure_open(asking_gates(place, good, replicas), asked=asked)
        assert good.snapshot is not None
        if not scaling.needs_second(space, good, replicas):
            raise Refused(_("So many pods need no approval here: scale at once."), "no-approval-needed")
        waiting = ScaleRequest.objects.filter(placement=place, state=ScaleRequestState.WAITING)
        earlier = list(waiting.select_related("order__project", "space__environment", "snapshot", "asked_by"))
        for row in earlier:
            end_scale_request(row, ScaleRequestState.VOID, actor=actor, reason="asked anew")
        now = db_now()
        row = ScaleRequest.objects.create(
            order=good.order, space=space, placement=place, snapshot=good.snapshot, replicas=replicas,
            replicas_before=scaling.replicas_of(good), reason=reason.strip()[:LONGEST_REASON], asked_by=actor,
            created_at=now, expires_at=now + LIFETIME,
        )  # fmt: skip
        record_act(
            good.order, "scale_request.waiting", actor, subject=row, space=space, reason=row.reason,
            data={**row.facts, "why": row.reason}, after={**row.facts, "snapshot": good.snapshot.hash},
        )  # fmt: skip
    return row


def approve_scale(*, actor: User, row: ScaleRequest, comment: str = "") -> Approval:
    """Say yes to exactly this number of this snapshot. Raises Denied where four eyes would be two."""
    return _decide(actor, row, ApprovalState.GIVEN, comment)


def reject_scale(*, actor: User, row: ScaleRequest, comment: str) -> Approval:
    """Say no: it is not set until you withdraw that."""
    if not comment.strip():
        raise Invalid({"comment": [_("Say why: who asked for it reads this.")]})
    return _decide(actor, row, ApprovalState.REJECTED, comment)


def _decide(actor: User, row: ScaleRequest, state: str, comment: str) -> Approval:
    ensure_may_decide(actor, row)
    return put_word(
        actor, row.snapshot, state, comment, ensure=lambda: ensure_may_decide(actor, row), scale_request=row
    )


def ensure_may_decide(actor: User, row: ScaleRequest) -> None:
    """Raises Missing, Denied for who may not approve there or is in it themselves, Stale once it is over."""
    space, order = row.space, row.order
    asked = gates.asked_about("approve", order, space)
    ensure_role(actor, order, space, asked, but=row.asked_by_id)
    who = gates.fair_approvers(order, space, but=row.asked_by_id)
    if actor.pk == row.asked_by_id:
        raise Denied(_("You asked for it: somebody else approves or rejects it."), "four-eyes", who, asked=asked)
    if actor.pk in gates.makers_of(order):
        message = _("Four eyes: people who created or built an order do not approve it, administrators included.")
        raise Denied(message, "four-eyes", who, asked=asked)
    ensure_waits(row)


def ensure_waits(row: ScaleRequest) -> None:
    """Raises Stale once it was used or taken back, its day is over, or something else stands there."""
    fresh = ScaleRequest.objects.select_related("placement__last_succeeded__snapshot", "asked_by").get(pk=row.pk)
    who = fresh.asked_by.shown_name
    if fresh.state != ScaleRequestState.WAITING:
        raise Stale(_("This request does not wait any more: refresh the page."), "scale-request-over", who)
    if fresh.expires_at <= db_now():
        message = _("This request has lapsed after 24 hours: it must be asked for again.")
        raise Stale(message, "scale-request-over", who)
    if not is_of(fresh, fresh.placement.last_succeeded):
        message = _("Something else stands there by now: it must be asked for again.")
        raise Stale(message, "scale-request-over", who)


def withdraw_scale_request(*, actor: User, row: ScaleRequest) -> ScaleRequest:
    """Ask for it no more: by who asked, or by operations there. Raises Denied, Stale when it waits no more."""
    require(actor, "cancel_deployment", space=row.space, owner_id=row.asked_by_id)
    with transaction.atomic():
        lock_place(row.order, row.space)
        lock_orders(row.order_id)
        end_scale_request(row, ScaleRequestState.WITHDRAWN, actor=actor)
    row.refresh_from_db()
    return row
