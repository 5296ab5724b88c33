"""The quota part of a review: what applying a snapshot needs of the namespace's quotas, before it is applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.errors import Problem
from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests import find_workload, ref_of
from deployer.messages import Message
from deployer.messages import message as _
from deployer.quantities import RollingPlan, rolling_plan
from deployer.quota import QuotaEffect, load_of, object_counts, quota_effect, with_defaults
from releases import quota
from releases.steps.review.surroundings import Surroundings

REPLICA_SETS = "count/replicasets.apps"


@dataclass(frozen=True)
class Headroom:
    """Effects on every line that counts here, what is short, and what only takes longer; the rollout they come from."""

    effects: tuple[QuotaEffect, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Message, ...]
    rollout: Rollout


@dataclass(frozen=True)
class Rollout:
    """Specs of a new and of an old pod (None: there is none), with the namespace's defaults, and how many there are."""

    pods: dict[str, Any]
    old: dict[str, Any] | None
    after: int
    plan: RollingPlan


def quota_headroom(
    around: Surroundings,
    live: Mapping[ObjectRef, Manifest | None],
    wanted: Mapping[ObjectRef, Manifest],
) -> Headroom:
    """``live`` by the address of each object that is to be applied, None where it is absent; ``wanted`` as applied.

    Raises what the cluster's reads raise, and QuantityError.
    """
    lines = around.quota()
    workload = find_workload(list(wanted.values()))
    there = live.get(ref_of(workload))
    scaler = next((one for one in wanted.values() if one["kind"] == "HorizontalPodAutoscaler"), None)
    pods = workload["spec"]["template"]["spec"]
    ranges = around.limit_ranges() if lines or _takes_defaults(pods) else ()
    after = load_of(pods, quota.pods_wanted(workload, there, scaler), ranges)
    before = quota.load_now(there, ranges)
    plan = rolling_plan(after.pods, workload["spec"].get("strategy"))
    counts = object_counts(wanted.values(), [one for one in live.values() if one])
    if there is None or there["spec"]["template"] != workload["spec"]["template"]:
        counts[REPLICA_SETS] = 1
    effects = quota_effect(lines, before, after, plan, counts)
    problems = tuple(Problem(one.resource, quota.shortage(one)) for one in effects if one.short_by)
    warnings = [_slower(one) for one in effects if one.peak_short_by and not one.short_by]
    if scaler is not None and not problems:
        most = load_of(pods, int(scaler["spec"]["maxReplicas"]), ranges)
        warnings += _no_headroom(quota_effect(lines, before, most, None), most.pods)
    old = None if there is None else with_defaults(there["spec"]["template"]["spec"], ranges)
    return Headroom(effects, problems, tuple(warnings), Rollout(with_defaults(pods, ranges), old, after.pods, plan))


def _takes_defaults(pods: Mapping[str, Any]) -> bool:
    """True where a LimitRange would write requests into a container."""
    containers = [*(pods.get("containers") or ()), *(pods.get("initContainers") or ())]
    return not all(
        {"cpu", "memory"} <= ((one.get("resources") or {}).get("requests") or {}).keys() for one in containers
    )


def _slower(effect: QuotaEffect) -> Message:
    return _(
        "Quota %(quota)s has too little %(resource)s to replace pods at full speed.",
        quota=effect.quota,
        resource=effect.resource,
    )


def _no_headroom(effects: tuple[QuotaEffect, ...], most: int) -> Iterator[Message]:
    for one in effects:
        if one.short_by:
            yield _(
                "An autoscaler may ask for %(most)s pods: quota %(quota)s is then short by %(short)s of %(resource)s.",
                most=most,
                quota=one.quota,
                short=quota.amount(one, one.short_by),
                resource=one.resource,
            )
