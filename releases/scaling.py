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
from environments.models import QuotaObservation, Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases import quota
from releases.models import Deployment, Placement, Snapshot
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
    bounds: ScaleBounds | None = None
    needs_approval: bool = False
    """Outside of what one sets alone."""


def replicas_of(deployment: Deployment) -> int:
    """Pods that it asked for: its overlay's, else its snapshot's."""
    if "replicas" in deployment.overlay:
        return int(deployment.overlay["replicas"])
    workload = _workload(deployment)
    return quota.replicas_of(workload) if workload else 0


@dataclass(frozen=True)
class ScaleBounds:
    """Numbers of replicas that operations set alone; ``most`` None without an upper bound."""

    least: int
    most: int | None

    @property
    def words(self) -> MessageLike:
        """As on pages: ``1–8``."""
        if self.most is None:
            return _("%(least)s or more", least=self.least)
        return f"{self.least}–{self.most}"

    def is_beyond(self, replicas: int, now: int) -> bool:
        """Outside, and further away than what stands there: the way back in is always open."""
        return now > replicas < self.least or (self.most is not None and now < replicas > self.most)


def bounds_of(space: Space, snapshot: Snapshot) -> ScaleBounds:
    """By the policy of today, and by the allocation that was reviewed with the snapshot."""
    is_production = space.environment.is_production
    least = space.scale_minimum if space.scale_minimum is not None else int(is_production)
    if space.scale_maximum is not None:
        return ScaleBounds(least, space.scale_maximum)
    return ScaleBounds(least, max(least, 2 * snapshot.allocation.replicas) if is_production else None)


def needs_second(space: Space, good: Deployment, replicas: int) -> bool:
    """Does so large a change of what succeeded there last need a second person?"""
    return good.snapshot is not None and bounds_of(space, good.snapshot).is_beyond(replicas, replicas_of(good))


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
    good = place.last_succeeded
    alone = bounds_of(place.space, good.snapshot) if good and good.snapshot else None
    is_more = good is not None and needs_second(place.space, good, replicas)
    standing = place.last_applied or place.last_succeeded
    nodes = capacity_of_scale(place, _workload(standing) if standing else None, replicas)
    return replace(_by_quota(place, replicas), capacity=nodes, bounds=alone, needs_approval=is_more)


def _by_quota(place: Placement, replicas: int) -> ScalePreview:
    now = _load(place)
    seen = QuotaObservation.objects.filter(space=place.space, namespace=place.space.namespace).first()
    if seen is None or now is None:
        return ScalePreview(replicas, None, ())
    after = Load(now.cost, replicas, now.traits)
    effects = quota_effect(quota.lines_from(seen.lines), now, after, None)
    short = tuple(quota.shortage(one) for one in effects if one.short_by)
    return ScalePreview(replicas, not short, short, effects, seen.at)
