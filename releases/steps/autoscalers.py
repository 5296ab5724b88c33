"""What our autoscalers in a space show: one list more for a pass, and only where a snapshot has one and it is time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.autoscaling import autoscaler_view, find_of
from deployer.errors import Forbidden
from deployer.interfaces import Observation
from deployer.manifests import bounds_in, find_workload
from foundation.clock import db_now
from releases.models import Placement
from releases.steps.watch import SELECTOR

AUTOSCALER_SECONDS = 15.0
"""As often as the controller itself looks at its metrics."""


def read_autoscalers(
    cluster: KubernetesCluster, namespace: str, places: Sequence[Placement], seen: Observation
) -> dict[int, dict[str, Any]]:
    """``Placement.autoscaler`` by placement id, for those that were looked at; {} where there is none (any more)."""
    found: dict[int, dict[str, Any]] = {}
    due = []
    for place in places:
        name = _scaled_workload(place)
        if name and _is_due(place, name, seen):
            due.append((place, name))
        elif not name and place.autoscaler:
            found[place.pk] = {}
    if not due:
        return found
    try:
        live = cluster.autoscalers(namespace, SELECTOR)
    except Forbidden:
        # The test of the connection names the right that is missing; what was seen before stays, with its time.
        return found
    for place, name in due:
        one = find_of(live, name)
        view = asdict(autoscaler_view(one)) if one else {}
        found[place.pk] = {**view, "seen_at": db_now().isoformat()}
    return found


def has_moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether it decided anything: its use of CPU is another one each time."""
    names = ("name", "minimum", "maximum", "current", "wanted", "scaled_at")
    return _reasons(before) != _reasons(after) or any(before.get(name) != after.get(name) for name in names)


def _reasons(view: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["type"], one["is_true"], one["reason"]) for one in view.get("conditions", ())]


def is_same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether both show the same; the time of the read aside."""
    return _shown(before) == _shown(after)


def _shown(view: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back from the row: tuples are lists there."""
    kept = {name: value for name, value in view.items() if name != "seen_at"}
    return {**kept, "conditions": list(kept.get("conditions", ()))}


def _scaled_workload(place: Placement) -> str:
    """The name of the Deployment that the snapshot's own autoscaler scales; empty without one."""
    standing = place.last_applied or place.last_succeeded
    manifests = standing.snapshot.manifests if standing and standing.snapshot else []
    return str(find_workload(manifests)["metadata"]["name"]) if bounds_in(manifests) else ""


def _is_due(place: Placement, name: str, seen: Observation) -> bool:
    at = str(place.autoscaler.get("seen_at") or "")
    if not at or db_now() - datetime.fromisoformat(at) >= timedelta(seconds=AUTOSCALER_SECONDS):
        return True
    live = next((one for one in seen.deployments if one["metadata"].get("name") == name), None)
    return live is not None and int(live["spec"].get("replicas", 1)) != place.wanted
