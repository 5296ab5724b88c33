"""Row locks, taken in one order everywhere: placement, orders by ascending id, then the run.

An order is locked by its feed's row: a lock then touches no page of the wide table, and a row that refers to the order
by a foreign key waits for nobody.

Two transactions that take the same locks in the same order wait for each other; in opposite order PostgreSQL ends one
of them with "deadlock detected", and a person's act is lost.
"""

from __future__ import annotations

from django.db.models import QuerySet

from environments.models import Space
from releases.choices import PromotionState, ScaleRequestState, TurnState
from releases.models import Deployment, OrderFeed, Placement, Promotion, ReleaseOrder, ScaleRequest, Turn

_WIDE = (
    *("pods", "drift", "autoscaler"),
    *(f"in_progress__{name}" for name in ("applied", "diagnosis", "entry", "overlay", "progress", "removals")),
)
"""Columns that nobody reads of a row that is locked, and that are most of its bytes."""


def lock_orders(*order_ids: int) -> None:
    """Take the locks of these orders, by ascending id: before any run or promotion of theirs is written.

    A transaction that writes a run and then appends takes the two locks the wrong way round, and meets a step that has
    them the right way: PostgreSQL ends one of the two with "deadlock detected".
    """
    rows = OrderFeed.objects.select_for_update().filter(pk__in=order_ids).order_by("pk")
    list(rows.values_list("pk", flat=True))


def lock_order(order_id: int) -> ReleaseOrder:
    """The order as it is under its lock, with project and component; the caller's own copy may be older."""
    lock_orders(order_id)
    return ReleaseOrder.objects.select_related("project", "component").get(pk=order_id)


def lock_place(order: ReleaseOrder, space: Space) -> int:
    """The lock of :func:`lock_placement` alone, and the placement's id: for who reads nothing of the row."""
    here = Placement.objects.select_for_update().filter(component_id=order.component_id, space=space)
    found = here.order_by().values_list("pk", flat=True).first()
    return lock_placement(order, space).pk if found is None else found


def lock_end(deployment: Deployment, *more: int) -> None:
    """The locks of everything that a deployment's end writes to: its place, its order, that of the next in line and
    that of a scale which waits for approval there.

    ``more``: further orders that the caller writes to, by id.
    """
    place = lock_place(deployment.order, deployment.space)
    waiting = Turn.objects.filter(placement=place, state=TurnState.WAITING).order_by("pk")
    asked = ScaleRequest.objects.filter(placement=place, state=ScaleRequestState.WAITING)
    others = [*waiting.values_list("order_id", flat=True)[:1], *asked.values_list("order_id", flat=True)]
    lock_orders(deployment.order_id, *others, *more)


def lock_placement(order: ReleaseOrder, space: Space) -> Placement:
    """The placement, locked: the first lock of every deployment, and what tells a second clicker who was first."""
    rows = Placement.objects.select_for_update(of=("self",)).select_related(
        "in_progress__deployed_by", "in_progress__order"
    )
    here = rows.defer(*_WIDE).filter(component_id=order.component_id, space=space)
    if (found := here.first()) is not None:
        return found
    Placement.objects.get_or_create(component_id=order.component_id, space=space)
    return here.get()


def lock_for_promotion(order: ReleaseOrder, *spaces: Space) -> None:
    """The locks of everything that promotions there write to: the places, then all orders, by ascending id."""
    replaced: list[int] = []
    for space in sorted(spaces, key=lambda space: space.pk):
        lock_place(order, space)
        replaced += current_promotions(order, space).values_list("order_id", flat=True)
    lock_orders(order.pk, *replaced)


def current_promotions(order: ReleaseOrder, space: Space) -> QuerySet[Promotion]:
    """The promotion in force there, if any: at most one row."""
    return Promotion.objects.filter(component_id=order.component_id, space=space, state=PromotionState.CURRENT)
