"""What a change of pods and objects does to the quotas of a namespace: exact sums, nothing is read.

Sources: ``pkg/quota/v1/evaluator/core/{pods,services}.go``, ``plugin/pkg/admission/limitranger`` and
``pkg/quota/v1/resources.go`` of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.interfaces import Manifest, QuotaLine, QuotaScope
from deployer.quantities import PodCost, RollingPlan, pod_cost


@dataclass(frozen=True)
class PodTraits:
    """What the scopes of a quota ask of a pod."""

    is_best_effort: bool = False
    has_deadline: bool = False
    priority_class: str = ""
    crosses_namespaces: bool = False


@dataclass(frozen=True)
class Load:
    """A number of equal pods."""

    cost: PodCost
    pods: int
    traits: PodTraits = field(default_factory=PodTraits)


def load_of(pod_spec: Mapping[str, Any], pods: int, limit_ranges: Sequence[Manifest] = ()) -> Load:
    """So many pods of this spec, as the namespace's LimitRanges complete it. Raises QuantityError."""
    spec = with_defaults(pod_spec, limit_ranges)
    return Load(pod_cost(spec), pods, traits_of(spec))


NO_LOAD = Load(PodCost(), 0)


def with_defaults(pod_spec: Mapping[str, Any], limit_ranges: Sequence[Manifest]) -> dict[str, Any]:
    """The spec with what the admission of LimitRanges writes into containers that leave requests or limits out."""
    requests: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for limit_range in sorted(limit_ranges, key=lambda one: str(one["metadata"]["name"])):
        for item in (limit_range.get("spec") or {}).get("limits") or ():
            if item.get("type") == "Container":
                default = item.get("default") or {}
                limits = {**default, **limits}
                requests = {**default, **(item.get("defaultRequest") or {}), **requests}
    parts = {
        part: [_completed(one, requests, limits) for one in pod_spec[part]]
        for part in ("containers", "initContainers")
        if pod_spec.get(part)
    }
    return {**pod_spec, **parts}


def _completed(container: Mapping[str, Any], requests: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    own = container.get("resources") or {}
    own_limits = own.get("limits") or {}
    # A limit becomes the absent request before any default does.
    wanted = {**requests, **own_limits, **(own.get("requests") or {})}
    return {**container, "resources": {**own, "requests": wanted, "limits": {**limits, **own_limits}}}


def traits_of(pod_spec: Mapping[str, Any]) -> PodTraits:
    """Traits of a pod of this spec. Raises QuantityError."""
    deadline = pod_spec.get("activeDeadlineSeconds")
    return PodTraits(
        is_best_effort=_asks_for_nothing(pod_spec),
        has_deadline=isinstance(deadline, int) and deadline >= 0,
        priority_class=str(pod_spec.get("priorityClassName") or ""),
        crosses_namespaces=any(_crosses(term) for term in _affinity_terms(pod_spec)),
    )


def _asks_for_nothing(pod_spec: Mapping[str, Any]) -> bool:
    """Neither CPU nor memory in any container, init containers included: the class BestEffort."""
    for container in [*(pod_spec.get("containers") or ()), *(pod_spec.get("initContainers") or ())]:
        cost = pod_cost({"containers": [container]})
        if cost.cpu_request or cost.cpu_limit or cost.memory_request or cost.memory_limit:
            return False
    return True


def _affinity_terms(pod_spec: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    affinity = pod_spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}


def _crosses(term: Mapping[str, Any]) -> bool:
    return bool(term.get("namespaces")) or term.get("namespaceSelector") is not None


def _is_in_scope(scope: QuotaScope, traits: PodTraits) -> bool:
    match scope.name:
        case "BestEffort":
            return traits.is_best_effort
        case "NotBestEffort":
            return not traits.is_best_effort
        case "Terminating":
            return traits.has_deadline
        case "NotTerminating":
            return not traits.has_deadline
        case "CrossNamespacePodAffinity":
            return traits.crosses_namespaces
        case "PriorityClass":
            return _selects(scope, traits.priority_class)
    # A scope that only other kinds of objects have.
    return False


def _selects(scope: QuotaScope, value: str) -> bool:
    match scope.operator:
        case "In":
            return value in scope.values
        case "NotIn":
            # As a label selector: a pod without a class is in none of them.
            return value not in scope.values
        case "DoesNotExist":
            return not value
    return bool(value)


def is_counted(line: QuotaLine, traits: PodTraits) -> bool:
    """Does this line count pods of these traits?"""
    return all(_is_in_scope(scope, traits) for scope in line.scopes)


def peak_mixes(before_pods: int, after_pods: int, plan: RollingPlan) -> Sequence[tuple[int, int]]:
    """The (old, new) numbers of pods between which a rollout moves; any cost is greatest at one of them."""
    if plan.surge == 0 and plan.unavailable >= after_pods:
        return ((before_pods, 0), (0, after_pods))
    top = after_pods + plan.surge
    return (
        (before_pods, max(0, min(after_pods, top - before_pods))),
        (min(before_pods, plan.surge), after_pods),
        (0, after_pods),
    )


@dataclass(frozen=True)
class QuotaEffect:
    """One line of a quota, in its own unit (millicores, bytes, count).

    ``after``: used once the rollout is over. ``peak``: the most that may be used on the way. ``needed``: the least
    that the rollout must be allowed to use to get through at all; ``short_by`` is what is missing of it (0: nothing).
    ``peak_short_by``: what is missing to run at full speed; with ``short_by`` 0 it finishes, but slower, because pods
    wait for others to leave.
    """

    quota: str
    resource: str
    hard: int
    used: int
    after: int
    peak: int
    needed: int
    short_by: int
    peak_short_by: int


def _share_of(resource: str, cost: PodCost) -> int:
    """What one pod of this cost takes of the quota's resource; 0 when pods do not count towards it."""
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
    if resource == "ephemeral-storage" or resource.startswith("hugepages-"):
        return cost.others.get(f"requests.{resource}", 0)
    return cost.others.get(resource, 0)


def quota_effect(
    lines: Sequence[QuotaLine],
    before: Load,
    after: Load,
    plan: RollingPlan | None,
    objects: Mapping[str, int] | None = None,
) -> tuple[QuotaEffect, ...]:
    """Effect on each quota line of replacing the ``before`` pods, which ``used`` already counts, by the ``after`` pods.

    ``plan`` None: pods are not replaced, only their number changes (scale). ``objects``: how many more there will be
    of each count, see :func:`object_counts`. Lines that nothing counts towards come back unchanged; lines whose scopes
    leave out the pods of both sides do not come back.
    """
    return tuple(
        _object_effect(line, (objects or {})[line.resource])
        if line.resource in (objects or {})
        else _effect(line, before, after, plan)
        for line in lines
        if not line.scopes or is_counted(line, after.traits) or (before.pods and is_counted(line, before.traits))
    )


def _object_effect(line: QuotaLine, more: int) -> QuotaEffect:
    end = max(0, line.used + more)
    short = max(0, end - line.hard) if more > 0 else 0
    return QuotaEffect(line.quota, line.resource, line.hard, line.used, end, end, end, short, short)


def _effect(line: QuotaLine, before: Load, after: Load, plan: RollingPlan | None) -> QuotaEffect:
    old = _share_of(line.resource, before.cost) if is_counted(line, before.traits) else 0
    new = _share_of(line.resource, after.cost) if is_counted(line, after.traits) else 0
    # status.used follows late, so it may not hold all of our own pods yet: others never use less than nothing.
    others = max(0, line.used - old * before.pods) if old else line.used
    end = others + new * after.pods
    peak = max(end, others + old * before.pods)
    needed = end
    if plan is not None and before.pods:
        peak = max(peak, *(others + old * a + new * b for a, b in peak_mixes(before.pods, after.pods, plan)))
        if not plan.stops_old_first and after.pods:
            # No old pod may leave before a new one is ready, so there must be capacity for all old ones and one new:
            # measured on 1.36, a quota without it leaves the rollout waiting for ever.
            kept = min(before.pods, after.pods)
            needed = max(end, others + old * kept + new)
    # A quota that is over-full already stops only who makes pods that count: fewer pods always pass.
    makes_pods = bool(new and after.pods) and (plan is not None or after.pods > before.pods)
    return QuotaEffect(
        quota=line.quota,
        resource=line.resource,
        hard=line.hard,
        used=line.used,
        after=end,
        peak=peak,
        needed=needed,
        short_by=max(0, needed - line.hard) if makes_pods else 0,
        peak_short_by=max(0, peak - line.hard) if makes_pods else 0,
    )


def object_counts(wanted: Iterable[Manifest], live: Iterable[Manifest]) -> dict[str, int]:
    """How many more there will be under each name that a quota may count them by, once ``wanted`` is applied.

    ``live``: those of the wanted objects that are there already.
    """
    counts: dict[str, int] = {}
    for sign, manifests in ((1, wanted), (-1, live)):
        for manifest in manifests:
            for name, amount in _counted_as(manifest).items():
                counts[name] = counts.get(name, 0) + sign * amount
    return counts


def _counted_as(manifest: Manifest) -> dict[str, int]:
    group, _slash, _version = str(manifest["apiVersion"]).rpartition("/")
    plural = _plural(str(manifest["kind"]))
    named = {f"count/{plural}.{group}" if group else f"count/{plural}": 1}
    if not group:
        named[plural] = 1
    return named | (_service_counts(manifest.get("spec") or {}) if plural == "services" else {})


def _plural(kind: str) -> str:
    name = kind.lower()
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch")) else f"{name}s"


def _service_counts(spec: Mapping[str, Any]) -> dict[str, int]:
    kind, ports = spec.get("type"), len(spec.get("ports") or ())
    if kind == "LoadBalancer":
        has_ports = spec.get("allocateLoadBalancerNodePorts") is not False
        return {"services.loadbalancers": 1, "services.nodeports": ports if has_ports else 0}
    return {"services.nodeports": ports if kind == "NodePort" else 0, "services.loadbalancers": 0}
