"""The nodes of a cluster as they were last read; reading is the work of ``environments.steps.nodes``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models.functions import Now

from deployer.interfaces import NodeFacts
from deployer.nodes import nodes_from_data
from environments.models import NodeObservation
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.wake import wake

FRESH_SECONDS = 15.0
"""What is younger is not read again because of a review: a hundred spaces may share the cluster."""
USEFUL_SECONDS = 600.0
"""What is older says nothing any more."""


@dataclass(frozen=True)
class ObservedNodes:
    """``nodes`` None: not known, for the reason ``message``."""

    nodes: tuple[NodeFacts, ...] | None
    message: MessageLike = ""
    at: datetime | None = None


def ask_for_nodes(cluster_id: int) -> None:
    """Have the nodes read again unless they were a moment ago; returns at once."""
    row = (
        NodeObservation.objects.filter(cluster=cluster_id).only("pk", "seen_at", "message").annotate(now=Now()).first()
    )
    if row is None or row.message or _age(row) < FRESH_SECONDS:
        return
    wake(NodeObservation, row.pk)


def nodes_of(cluster_id: int) -> ObservedNodes:
    """One query."""
    row = NodeObservation.objects.filter(cluster=cluster_id).annotate(now=Now()).first()
    if row is None or (row.seen_at is None and not row.message):
        return ObservedNodes(None, _("nobody has read the nodes yet"))
    if row.seen_at is None:
        return ObservedNodes(None, row.message)
    if _age(row) > USEFUL_SECONDS:
        return ObservedNodes(None, _("the nodes were not read for a long time"), row.seen_at)
    return ObservedNodes(nodes_from_data(row.nodes), "", row.seen_at)


def _age(row: NodeObservation) -> float:
    """In seconds, by the database's clock, which came with the row as ``now``."""
    if row.seen_at is None:
        return float("inf")
    now: datetime = vars(row)["now"]
    return (now - row.seen_at) / timedelta(seconds=1)
