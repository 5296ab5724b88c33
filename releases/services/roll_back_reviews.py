"""Asking for approval of a roll back to something older than the last success: its very snapshot is reviewed.

What people agree to is applied by :func:`releases.services.deployments.roll_back`, which asks all gates again.
"""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from environments.access import require, require_either
from environments.models import Space
from foundation.messages import message as _
from foundation.problems import Invalid, Stale
from foundation.runs.choices import ACTIVE, RunState
from releases import gates, selectors
from releases.events import record_act
from releases.gate import Gate
from releases.locks import lock_order, lock_orders, lock_place, lock_placement
from releases.models import Deployment, Review
from releases.place_gates import back_gates
from releases.roll_back_asks import open_ask, waiting_ask_of
from releases.services.approvals import void_since
from releases.services.reviews import request_review
from releases.transitions import end_run

LONGEST_REASON = 500


def asking_gates(to: Deployment, space: Space) -> list[Gate]:
    """What must hold before approval of going back to ``to`` is asked for: all that no approval opens."""
    found = back_gates(to, space, deployer=None)
    approved = next((gate for gate in found if gate.code == "approved"), None)
    return [*(gate for gate in found if gate is not approved), _lacks_approval(to, approved)]


def _lacks_approval(to: Deployment, approved: Gate | None) -> Gate:
    """Open while an approval is missing that nobody has refused and nobody has asked for."""
    if to.snapshot is None or approved is None or approved.is_open:
        return Gate("approved", False, _("Going back to it needs no approval: roll back at once."))
    if selectors.rejection(to.snapshot) is not None:
        return approved
    waiting = waiting_ask_of(to.snapshot)
    if waiting is None:
        return Gate("approved", True, _("Approval of it may be asked for."))
    by = waiting.requested_by
    message = _("%(who)s has asked for it already: it waits for approval.", who=by.localized_name if by else "Prism4k")
    return Gate("approved", False, message, approved.who, waiting.created_at)


def ask_roll_back(*, actor: User, space: Space, to: Deployment, reason: str) -> Review:
    """Ask for approval of exactly this snapshot; its review is the row that asks, and answers what it would do now.

    Raises Denied, Invalid without a reason, Refused with the first closed gate that no approval opens, and where none
    is needed or one waits.
    """
    require_either(actor, "review", "approve", space=space)
    why = reason.strip()[:LONGEST_REASON]
    if not why:
        raise Invalid({"reason": [_("Say why: who approves reads it.")]})
    with transaction.atomic():
        lock_placement(to.order, space)
        to.order = order = lock_order(to.order_id)
        asked = replace(gates.asked_about("deploy", order, space), kind="roll_back")
        gates.ensure_open(asking_gates(to, space), asked=asked)
        assert to.snapshot is not None
        taken = dict(to.snapshot.take_over)
        review = request_review(order, space, actor=actor, of=to.snapshot, taken=taken, why=why)
        record_act(
            order, "review.roll_back_asked", actor, subject=review, space=space, reason=why,
            data={"snapshot": to.snapshot.short_hash, "why": why}, after={"snapshot": to.snapshot.hash},
        )  # fmt: skip
    return review


def withdraw_roll_back(*, actor: User, review: Review) -> Review:
    """Ask for it no more: by who asked, or by operations there. What was approved since it was asked for is void.

    Raises Denied, Stale when it does not wait any more.
    """
    order, space = review.order, review.space
    require(actor, "cancel_deployment", space=space, owner_id=review.requested_by_id)
    with transaction.atomic():
        lock_place(order, space)
        lock_orders(order.pk)
        asked = open_ask(review.pk)
        if asked is None or asked.wanted_snapshot is None:
            raise Stale(_("This request does not wait any more: refresh the page."))
        Review.objects.filter(pk=asked.pk).update(withdrawn_at=Now())
        if asked.state in ACTIVE:
            end_run(asked, RunState.CANCELLED, actor=actor)
        void_since(asked.wanted_snapshot, asked.created_at, actor=actor, reason="asked for no more")
        record_act(
            asked.order, "review.roll_back_withdrawn", actor, subject=asked, space=space,
            data={"snapshot": asked.wanted_snapshot.short_hash},
            before={"asked_by": asked.requested_by.username if asked.requested_by else "", "reason": asked.asked_why},
            after={"snapshot": asked.wanted_snapshot.hash},
        )  # fmt: skip
    review.refresh_from_db(from_queryset=selectors.reviews())
    return review
