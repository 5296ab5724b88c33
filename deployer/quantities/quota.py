"""What a deployment does to the ResourceQuotas of its namespace, before anything is applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.interfaces import QuotaLine
from deployer.quantities.pods import PodCost, RollingPlan, peak_mixes


@dataclass(frozen=True)
class Load:
    """A number of equal pods."""

    cost: PodCost
    pods: int


@dataclass(frozen=True)
class QuotaEffect:
    """One line of a quota, in its own unit (millicores, bytes, count).

    ``after``: used once the rollout is over. ``peak``: the most that may be used on the way. ``short_by``: what is
    missing for the rollout to get through at all (0: it does). ``peak_short_by``: what is missing for it to run at
    full speed; with ``short_by`` 0 it finishes, but slower, because pods wait for others to leave.
    """

    quota: str
    resource: str
    hard: int
    used: int
    after: int
    peak: int
    short_by: int
    peak_short_by: int


def _share_of(resource: str, cost: PodCost) -> int | None:
    """What one pod of this cost takes of the quota's resource; None when pods do not count towards it."""
    match resource:
        case "pods" | "count/pods":
            return 1
        case "cpu" | "requests.cpu":
            return cost.cpu_request
        case "limits.cpu":
            return cost.cpu_limit
        case "memory" | "requests.memory":
            return cost.memory_request
        case "limits.memory":
            return cost.memory_limit
    return None


def _effect(line: QuotaLine, before: Load, after: Load, plan: RollingPlan | None) -> QuotaEffect:
    old, new = _share_of(line.resource, before.cost), _share_of(line.resource, after.cost)
    if old is None or new is None:
        return QuotaEffect(line.quota, line.resource, line.hard, line.used, line.used, line.used, 0, 0)
    # status.used follows late, so it may not hold all of our own pods yet: others never use less than nothing.
    others = max(0, line.used - old * before.pods)
    end = others + new * after.pods
    peak = max(end, others + old * before.pods)
    needed = end
    if plan is not None and before.pods:
        peak = max(peak, *(others + old * a + new * b for a, b in peak_mixes(before.pods, after.pods, plan)))
        if not plan.stops_old_first and after.pods:
            # No old pod may leave before a new one is ready, so there must be room for all old ones and one new:
            # measured on 1.36, a quota without it leaves the rollout waiting for ever.
            kept = min(before.pods, after.pods)
            needed = max(end, others + old * kept + new)
    return QuotaEffect(
        quota=line.quota,
        resource=line.resource,
        hard=line.hard,
        used=line.used,
        after=end,
        peak=peak,
        short_by=max(0, needed - line.hard),
        peak_short_by=max(0, peak - line.hard),
    )


def quota_effect(
    lines: Sequence[QuotaLine], before: Load, after: Load, plan: RollingPlan | None
) -> tuple[QuotaEffect, ...]:
    """Effect on each quota line of replacing the ``before`` pods, which ``used`` already counts, by the ``after`` pods.

    ``plan`` None: pods are not replaced, only their number changes (scale). Lines that pods do not count towards come
    back unchanged.
    """
    return tuple(_effect(line, before, after, plan) for line in lines)
