"""How far the reviews and approvals of many orders are in one space: four queries for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from environments.models import Space
from foundation.runs.choices import ACTIVE, RunState
from releases.models import Build, ReleaseOrder, Review
from releases.waiting.decisions import Decision, decisions_of


@dataclass(frozen=True)
class Reviewed:
    """The newest review of one order; ``decision`` is what people said of its snapshot, None where it has none."""

    is_running: bool
    snapshot_hash: str = ""
    decision: Decision | None = None

    @property
    def has_problems(self) -> bool:
        """It ended, and there is nothing to deploy."""
        return not self.is_running and self.decision is None


def reviewed_orders(orders: Sequence[ReleaseOrder], space: Space) -> dict[int, Reviewed]:
    """By order, of those that were ever reviewed for this space, or are being."""
    rows = Review.objects.filter(
        order__in=[order.pk for order in orders], space=space, wanted_snapshot=None, is_removal=False
    )
    newest = {row["order_id"]: row for row in rows.order_by("pk").values(
        "order_id", "state", "snapshot_id", "snapshot__hash"
    )}  # fmt: skip
    good = {
        row["snapshot_id"]: pk for pk, row in newest.items()
        if row["state"] == RunState.SUCCEEDED and row["snapshot_id"]
    }  # fmt: skip
    makers = _makers([order for order in orders if order.pk in good.values()])
    decisions = decisions_of({snapshot: makers[pk] for snapshot, pk in good.items()}, dict.fromkeys(good, space))
    return {
        pk: Reviewed(row["state"] in ACTIVE, row["snapshot__hash"] or "", decisions.get(row["snapshot_id"]))
        for pk, row in newest.items()
    }


def _makers(orders: Sequence[ReleaseOrder]) -> dict[int, set[int]]:
    """Who created or built each."""
    found = {order.pk: {order.author_id} for order in orders}
    for pk, person in Build.objects.filter(order__in=found).values_list("order", "started_by"):
        found[pk].add(person)
    return found
