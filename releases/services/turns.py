"""Waiting for one's turn: another order's deployment is in progress where this one goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import User
from environments.access import can, require
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Refused
from releases import break_glass
from releases.choices import OrderState, TurnState
from releases.events import record_act
from releases.locks import lock_orders, lock_place, lock_placement
from releases.models import Deployment, Placement, ReleaseOrder, Turn
from releases.placing import ensure_not_archived
from releases.services.deployments import Decision, decide, start_there
from releases.transitions import end_turn
from releases.turns import in_line, waiting_turns

TURN_PARTS = ("order__project", "order__component", "asked_by", "placement__space__environment")


def deploy_in_turn(
    *,
    actor: User,
    order: ReleaseOrder,
    space: Space,
    snapshot_hash: str = "",
    live_fingerprint: str = "",
    removals: Sequence[str] = (),
    supersede: bool = False,
) -> Deployment | Turn:
    """Deploy, or wait for the deployment of another order that is in progress there.

    ``supersede``: instead of all who wait; never instead of what is in progress. Raises as
    :func:`releases.services.deployments.start_deployment`; who was first where this order is on its way there already.
    """
    require(actor, "deploy", space=space)
    seen = {"snapshot_hash": snapshot_hash, "live_fingerprint": live_fingerprint}
    with transaction.atomic():
        place = lock_placement(order, space)
        waiting = waiting_turns().filter(placement=place).exclude(order=order) if supersede else waiting_turns().none()
        others = list(waiting.select_related("order__project", "placement__space__environment"))
        if others:
            lock_orders(order.pk, *(turn.order_id for turn in others))
        for turn in others:
            _supersede(turn, order, actor)
        active = place.in_progress
        if active is None or active.order_id == order.pk:
            return start_there(place, actor=actor, order=order, space=space, removals=removals, **seen)
        decided = decide(actor, order, space, removals=removals, may_wait=True, **seen)
        return _wait(actor, decided, place, space, removals)


def _supersede(turn: Turn, order: ReleaseOrder, actor: User) -> None:
    message = _(
        "%(who)s deploys order %(number)s instead of those that waited.",
        who=actor.localized_name,
        number=order.number,
    )
    end_turn(turn, TurnState.SUPERSEDED, actor=actor, message=message)


def _wait(actor: User, decided: Decision, place: Placement, space: Space, removals: Sequence[str]) -> Turn:
    ensure_not_archived(space)
    made = Turn.objects.create(
        order=decided.order,
        placement=place,
        snapshot=decided.review.snapshot if decided.review else None,
        review=decided.review,
        live_fingerprint=decided.live_fingerprint,
        removals=list(removals),
        asked_by=actor,
    )
    turn = in_line().get(pk=made.pk)
    data = {"place": turn.position, "number": turn.behind}
    record_act(decided.order, "turn.waiting", actor, subject=turn, space=space, data=data)
    Placement.objects.filter(pk=place.pk).update(changed_at=Now())
    return turn


def lock_waiting(turns: QuerySet[Turn], *more: int) -> list[Turn]:
    """Those of the turns that wait, under the locks of their places and orders; ``more``: further orders, by id.

    One that begins to wait after its place was read here is not among them: the engine finds it.
    """
    places = list(turns.order_by().values_list("placement", flat=True).distinct())
    # As promotions lock the places of a component: by ascending space.
    locked = Placement.objects.select_for_update().filter(pk__in=places).order_by("space", "component")
    held = list(locked.values_list("pk", flat=True))
    rows = waiting_turns().filter(pk__in=turns.order_by().values("pk"), placement__in=held)
    lock_orders(*rows.values_list("order", flat=True), *more)
    return list(rows.select_related(*TURN_PARTS))


def end_waiting(turns: Iterable[Turn], *, actor: User | None, message: MessageLike) -> None:
    """Out of the line, under the locks of :func:`lock_waiting`."""
    for turn in turns:
        end_turn(turn, TurnState.CANCELLED, actor=actor, message=message)


def why_in_vain(turn: Turn) -> MessageLike:
    """Why its deployment could not begin whenever its turn came; empty where it could."""
    return why_never(turn.order, turn.placement.space, turn.asked_by)


def why_never(order: ReleaseOrder, space: Space, person: User) -> MessageLike:
    """Why what this person asked to be deployed later could not begin at any time; empty where it could."""
    if order.state == OrderState.CLOSED and not break_glass.reopens(order, space):
        return _("The order was closed.")
    if not person.is_active:
        return _("%(who)s may not sign in any more.", who=person.localized_name)
    if not can(person, "deploy", space=space):
        return _("%(who)s may no longer deploy to %(name)s.", who=person.localized_name, name=space.environment.label)
    return ""


def end_vain() -> None:
    """One pass of the engine: who waits in vain waits no longer, within seconds and not only at the turn."""
    for turn in waiting_turns().select_related(*TURN_PARTS):
        if why_in_vain(turn):
            with transaction.atomic():
                for held in lock_waiting(waiting_turns().filter(pk=turn.pk)):
                    if why := why_in_vain(held):
                        end_waiting([held], actor=None, message=why)


def cancel_turn(*, actor: User, turn: Turn) -> None:
    """Out of the line again; nothing of it was applied. Raises Refused when its turn came first."""
    space = turn.placement.space
    require(actor, "cancel_deployment", space=space, owner_id=turn.asked_by_id)
    with transaction.atomic():
        lock_place(turn.order, space)
        lock_orders(turn.order_id)
        turn.refresh_from_db(fields=["state"])
        if turn.state == TurnState.STARTED:
            raise Refused(_("Its turn has come: cancel its deployment."), "turn-came")
        if turn.state != TurnState.WAITING:
            raise Refused(_("This deployment does not wait any more."), "turn-ended")
        end_turn(turn, TurnState.CANCELLED, actor=actor)
    turn.refresh_from_db()
