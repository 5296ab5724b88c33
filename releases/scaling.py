"""What another number of replicas would need, by what is stored: for the page before the click, and the space's bounds.

The cluster itself is asked by the step, before anything is touched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from deployer.interfaces import Manifest
from deployer.manifests import find_workload
from deployer.quota import Load, QuotaEffect, load_of, quota_effect
from environments.ceilings import beyond_ceiling
from environments.models import QuotaObservation
from foundation.messages import MessageLike
from releases import quota
from releases.models import Deployment, Placement
from releases.node_capacity import NodeCapacity, capacity_of_scale


@dataclass(frozen=True)
class ScalePreview:
    """``fits`` None: nobody has read the namespace's quotas yet. ``messages`` say what is short or out of bounds.

    ``capacity`` on the nodes, which warns and decides nothing; None where no pod is added.
    """

    replicas: int
    fits: bool | None
    messages: tuple[MessageLike, ...]
    effects: tuple[QuotaEffect, ...] = ()
    seen_at: datetime | None = None
    capacity: NodeCapacity | None = None


def replicas_of(deployment: Deployment) -> int:
    """Pods that it asked for: its overlay's, else its snapshot's."""
    if "replicas" in deployment.overlay:
        return int(deployment.overlay["replicas"])
    workload = _workload(deployment)
    return quota.replicas_of(workload) if workload else 0


def _workload(deployment: Deployment) -> Manifest | None:
    manifests = deployment.snapshot.manifests if deployment.snapshot else []
    return find_workload(manifests) if manifests else None


def _load(place: Placement) -> Load | None:
    """The pods that stand there, as they were applied last; None where nothing is known of them."""
    standing = place.last_applied or place.last_succeeded
    workload = _workload(standing) if standing else None
    if standing is None or workload is None:
        return None
    return load_of(workload["spec"]["template"]["spec"], replicas_of(standing))


def beyond_bounds(place: Placement, replicas: int) -> MessageLike:
    """Which ceiling of the space so many pods are above; empty when none, and always when there will be fewer pods."""
    now = _load(place)
    if now is None or replicas <= now.pods:
        return ""
    return beyond_ceiling(place.space, now.cost, replicas)


def preview(place: Placement, replicas: int) -> ScalePreview:
    """Does the quota, as it was last read, allow so many?"""
    if beyond := beyond_bounds(place, replicas):
        return ScalePreview(replicas, False, (beyond,))
    standing = place.last_applied or place.last_succeeded
    nodes = capacity_of_scale(place, _workload(standing) if standing else None, replicas)
    return replace(_by_quota(place, replicas), capacity=nodes)


def _by_quota(place: Placement, replicas: int) -> ScalePreview:
    now = _load(place)
    seen = QuotaObservation.objects.filter(space=place.space, namespace=place.space.namespace).first()
    if seen is None or now is None:
        return ScalePreview(replicas, None, ())
    after = Load(now.cost, replicas, now.traits)
    effects = quota_effect(quota.lines_from(seen.lines), now, after, None)
    short = tuple(quota.shortage(one) for one in effects if one.short_by)
    return ScalePreview(replicas, not short, short, effects, seen.at)
