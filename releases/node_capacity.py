"""Whether the nodes have capacity for a deployment or a scale, by the last read of them: a preview, and no gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.interfaces import Manifest
from deployer.messages import Message
from deployer.messages import message as _
from deployer.nodes import Change, capacity_for, pod_amounts
from deployer.quantities import QuantityError, RollingPlan
from environments.models import Space
from environments.node_observation import nodes_of
from releases.models import Placement

UNKNOWN = "unknown"
FITS = "fits"


@dataclass(frozen=True)
class NodeCapacity:
    """``outcome`` of ``deployer.nodes.Capacity``, or unknown; ``seen_at`` when the nodes were read."""

    outcome: str
    message: Message
    seen_at: datetime | None = None

    @property
    def fits(self) -> bool | None:
        """None where it is not known."""
        return None if self.outcome == UNKNOWN else self.outcome == FITS

    def as_finding(self) -> dict[str, Any]:
        """Plain data for a review."""
        seen_at = self.seen_at.isoformat() if self.seen_at else None
        return {"outcome": self.outcome, "message": self.message, "seen_at": seen_at}


def capacity_of_rollout(
    space: Space,
    component_id: int,
    pods: Mapping[str, Any],
    after: int,
    old: Mapping[str, Any] | None,
    plan: RollingPlan,
) -> NodeCapacity:
    """``after`` pods of the spec ``pods`` take the place of those that run, whose spec is ``old``."""
    place = Placement.objects.filter(space=space, component=component_id).only("pods").first()
    before = _nodes_of_pods(place) if place is not None and old is not None else ()
    return _capacity(space, Change(pods, after, before, None if old is None else pod_amounts(old), plan))


def capacity_of_scale(place: Placement, workload: Manifest | None, replicas: int) -> NodeCapacity | None:
    """``replicas`` pods as ``workload`` has them; None for no more pods than there are, or where nothing is known."""
    before = _nodes_of_pods(place)
    if workload is None or replicas <= len(before):
        return None
    try:
        return _capacity(place.space, Change(workload["spec"]["template"]["spec"], replicas, before))
    except QuantityError:
        return None


def _nodes_of_pods(place: Placement) -> tuple[str, ...]:
    """The node of each pod that was last seen there and stays."""
    return tuple(str(pod.get("node") or "") for pod in place.pods if not pod.get("is_leaving"))


def _capacity(space: Space, change: Change) -> NodeCapacity:
    observed = nodes_of(space.cluster_id)
    if observed.nodes is None:
        message = _("Whether the nodes have capacity for it is not known: %(why)s.", why=observed.message)
        return NodeCapacity(UNKNOWN, message, observed.at)
    found = capacity_for(observed.nodes, change)
    return NodeCapacity(found.outcome, found.message, observed.at)
