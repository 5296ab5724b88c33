"""Asking for approval of a roll back to something older than the last success: its very snapshot is reviewed.

What people agree to is applied by :func:`releases.services.deployments.roll_back`, which asks all gates again.
"""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from accounts.models import User
from environments.access import require_either
from environments.models import Space
from foundation.messages import message as _
from releases import gates, selectors
from releases.events import record_act
from releases.gate import Gate
from releases.locks import lock_order, lock_placement
from releases.models import Deployment, Review
from releases.place_gates import back_gates
from releases.roll_back_asks import waiting_ask_of
from releases.services.reviews import request_review


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


def ask_roll_back(*, actor: User, space: Space, to: Deployment) -> Review:
    """Ask for approval of exactly this snapshot; its review is the row that asks, and answers what it would do now.

    Raises Denied, Refused with the first closed gate that no approval opens, and where none is needed or one waits.
    """
    require_either(actor, "review", "approve", space=space)
    with transaction.atomic():
        lock_placement(to.order, space)
        to.order = order = lock_order(to.order_id)
        asked = replace(gates.asked_about("deploy", order, space), kind="roll_back")
        gates.ensure_open(asking_gates(to, space), asked=asked)
        assert to.snapshot is not None
        review = request_review(order, space, actor=actor, of=to.snapshot, taken=dict(to.snapshot.take_over))
        record_act(
            order, "review.roll_back_asked", actor, subject=review, space=space,
            data={"snapshot": to.snapshot.short_hash}, after={"snapshot": to.snapshot.hash},
        )  # fmt: skip
    return review
