"""For the permission explainer: whose thing an act is about, and the gates that the act itself would ask."""

from __future__ import annotations

from collections.abc import Callable

from accounts.models import User
from environments.models import Space
from environments.verb_words import OWNED
from foundation.messages import message as _
from foundation.problems import Refused
from releases import break_glass, gates, holds, scaling, selectors
from releases.choices import ApprovalState
from releases.gates import Gate
from releases.models import Approval, ReleaseOrder
from releases.place_gates import back_gates, not_proven, nothing_stands, restart_gates
from releases.presenters.review import asked_first, gates_of_removal, review_gates
from releases.scale_gates import scale_gates
from releases.services import approvals
from releases.services.break_glass import ensure_openable, review_gate
from releases.services.builds import ensure_buildable
from releases.services.orders import ensure_closable
from releases.turns import turn_in

DECIDED = (ApprovalState.GIVEN, ApprovalState.REJECTED)


def owner_id_of(verb: str, order: ReleaseOrder, space: Space | None, person: User) -> int | None:
    """Author, deployer or giver of what the act would be about; None where the order has no such thing there."""
    whose = OWNED.get(verb)
    if whose == "deployer":
        place = selectors.place_in_use(order, space) if space else None
        active = place.in_progress if place else None
        if active and active.order_id == order.pk:
            return active.deployed_by_id
        turn = turn_in(place, order)
        return turn.asked_by_id if turn else None
    if whose == "holder":
        held = holds.over(order, space) if space else []
        return person.pk if any(row.held_by_id == person.pk for row in held) else None
    if whose == "giver":
        rows = Approval.objects.filter(order=order, space=space, by=person, state__in=DECIDED)
        return person.pk if rows.exists() else None
    return order.author_id


def gates_of(verb: str, order: ReleaseOrder, space: Space | None, person: User | None, *, kind: str = "") -> list[Gate]:
    """What must hold besides the right; empty for acts without gates. ``person``: who would act, if they may at all.

    ``kind``: one of KINDS, for the acts in a place that share the right to deploy.
    """
    if space is not None and kind:
        return KINDS[kind](order, space, person)
    if space is not None and verb in _IN_SPACE:
        return _IN_SPACE[verb](order, space, person)
    if verb == "build":
        return [_as_gate("open", lambda: ensure_buildable(order))]
    if verb in ("close_order", "withdraw_order", "return"):
        return [_as_gate("open", lambda: ensure_closable(order, verb))]
    return []


def _as_gate(code: str, ensure: Callable[[], None]) -> Gate:
    try:
        ensure()
    except Refused as refusal:
        return Gate(code, False, refusal.message, refusal.who_can_help)
    return Gate(code, True, _("The order's state allows it."))


def _promote(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    return gates.promotion_gates(order, space)


def _review(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    return [gates.built(order)]


def _deploy(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    review = selectors.latest_review(order, space)
    snapshot = review.snapshot if review else None
    return [*asked_first(review, space), *gates.deployment_gates(order, space, snapshot=snapshot, deployer=person)]


def _remove(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    review = selectors.latest_review(order, space, is_removal=True)
    return gates_of_removal(review, order, space, person)


def _approve(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    review = selectors.latest_review(order, space)
    if review is None or review.snapshot is None:
        return review_gates(review, [])
    return [approvals.decision_gate(person, review.snapshot)] if person else []


def _break_glass(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    return [_as_gate("open", lambda: ensure_openable(order, space, person))]


def _review_break_glass(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    waiting = [row for row in break_glass.rows_of(order, space) if row.reviewed_at is None]
    return [review_gate(waiting[0], person)] if waiting else []


def _restart(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    place = selectors.place_in_use(order, space)
    return restart_gates(place, place.last_succeeded) if place else [nothing_stands(space)]


def _scale(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    """To as many pods as there are: another number may need more."""
    place = selectors.place_in_use(order, space)
    if place is None:
        return [nothing_stands(space)]
    good = place.last_succeeded
    return scale_gates(place, good, scaling.replicas_of(good) if good else 0, deployer=person)


def _roll_back(order: ReleaseOrder, space: Space, person: User | None) -> list[Gate]:
    """To the newest success of this very order there."""
    place = selectors.place_in_use(order, space)
    earlier = selectors.earlier_successes(place) if place else []
    target = next((row for row in earlier if row.order_id == order.pk), None)
    return back_gates(target, space, deployer=person) if target else [not_proven(space)]


KINDS: dict[str, Callable[[ReleaseOrder, Space, User | None], list[Gate]]] = {
    "restart": _restart,
    "scale": _scale,
    "roll_back": _roll_back,
}
"""Acts in a place that the right to deploy allows besides deploying."""
_IN_SPACE: dict[str, Callable[[ReleaseOrder, Space, User | None], list[Gate]]] = {
    "promote": _promote,
    "review": _review,
    "deploy": _deploy,
    "remove": _remove,
    "approve": _approve,
    "break_glass": _break_glass,
    "review_break_glass": _review_break_glass,
}
