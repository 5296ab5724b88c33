"""Is there capacity on the nodes for the pods that a rollout or a scale makes?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.interfaces import NodeFacts
from deployer.messages import Message
from deployer.messages import message as _
from deployer.nodes.facts import pod_amounts
from deployer.nodes.fit import blocker
from deployer.quantities import RollingPlan, format_cpu, format_memory, millicores_to_cores
from deployer.quota import peak_mixes

FITS, SLOWER, SHORT, NONE = "fits", "slower", "short", "none"
_MOST_REASONS = 6


@dataclass(frozen=True)
class Change:
    """``before``: the node of each pod that runs now, empty for one that has none; ``old`` what each of them takes.

    ``after`` pods of ``spec`` take their place, by ``plan``; None for a scale, which leaves the pods that there are.
    """

    spec: Mapping[str, Any]
    after: int
    before: Sequence[str] = ()
    old: Mapping[str, int] | None = None
    plan: RollingPlan | None = None


@dataclass(frozen=True)
class Capacity:
    """``outcome``: fits, slower (pods wait until old ones have left), short, none (no node may take a pod)."""

    outcome: str
    message: Message


def capacity_for(nodes: Sequence[NodeFacts], change: Change) -> Capacity:
    """Do the new pods fit, one by one on nodes that may take them, the surge of a rollout included?

    They are equal, so that each node takes as many as its scarcest resource allows. Not modelled: rules between pods
    (affinity, anti-affinity, spreading), the zones of volumes, host ports, pods that wait for a node already, eviction
    of pods of lower priority, and nodes that an autoscaler would add. So "fits" may be too hopeful, "short" is not
    unless nodes or capacity are added. Raises QuantityError.
    """
    if change.after <= (len(change.before) if change.plan is None else 0):
        return Capacity(FITS, _("No pod is added, so the nodes have capacity for it."))
    reasons = {node.name: blocker(change.spec, node) for node in nodes}
    are_open = [node for node in nodes if reasons[node.name] is None]
    if not are_open:
        return Capacity(NONE, _no_node(list(reasons.values())))
    need = pod_amounts(change.spec)
    for kept, new in _needed_mixes(change):
        if lack := _lack(are_open, change, need, kept, new):
            return Capacity(SHORT, _short(lack, new, has_old=kept > 0 and change.plan is not None))
    if any(_lack(are_open, change, need, kept, new) for kept, new in _mixes(change)):
        return Capacity(
            SLOWER, _("The nodes have too little capacity to replace pods at full speed: new ones wait for old.")
        )
    return Capacity(FITS, _fits(len(are_open), has_rules=_has_rules_between_pods(change.spec)))


def _mixes(change: Change) -> Sequence[tuple[int, int]]:
    """The (old, new) numbers of pods between which it moves."""
    if change.plan is None:
        return ((len(change.before), change.after - len(change.before)),)
    return peak_mixes(len(change.before), change.after, change.plan)


def _needed_mixes(change: Change) -> Iterator[tuple[int, int]]:
    """Those that must fit for it to get through at all: where no old pod leaves first, one new fits beside."""
    if change.plan is None:
        yield from _mixes(change)
        return
    yield 0, change.after
    if change.before and not change.plan.stops_old_first:
        yield min(len(change.before), change.after), 1
        yield 1, change.after


def _lack(
    nodes: Sequence[NodeFacts], change: Change, need: Mapping[str, int], kept: int, new: int
) -> tuple[int, dict[str, int]] | None:
    """None when ``new`` pods fit beside ``kept`` old ones; else how many do not, and what the best node lacks.

    Which of the old pods leave first is the cluster's choice: here those do whose nodes are the fullest.
    """
    free = {node.name: Counter(node.free) for node in nodes}
    fullest_first = sorted(change.before, key=lambda name: _fullness(free.get(name), need))
    for name in fullest_first[: max(0, len(change.before) - kept)]:
        if name in free:
            free[name].update(change.old or {})
    fitting = {name: min(new, _capacity(left, need)) for name, left in free.items()}
    missing = new - sum(fitting.values())
    if missing <= 0:
        return None
    lacks = [
        {part: missing * amount - (free[name][part] - count * amount) for part, amount in need.items()}
        for name, count in fitting.items()
    ]
    best = min(lacks, key=lambda lack: sum(max(0, lack[part]) / (missing * amount) for part, amount in need.items()))
    return missing, {part: amount for part, amount in best.items() if amount > 0}


def _fullness(free: Counter[str] | None, need: Mapping[str, int]) -> float:
    """The least part of a pod that is free there; a node that takes none of ours comes last."""
    if free is None:
        return float("inf")
    return min(free[part] / amount for part, amount in need.items())


def _capacity(free: Counter[str], need: Mapping[str, int]) -> int:
    return max(0, min(free[part] // amount for part, amount in need.items()))


def _short(lack: tuple[int, dict[str, int]], new: int, *, has_old: bool) -> Message:
    missing, amounts = lack
    what = [_amount(name, amount) for name, amount in sorted(amounts.items())]
    values = {"missing": missing, "new": new, "what": what}
    if has_old:
        return _(
            "No capacity for %(missing)s of %(new)s new pods while old ones run: short by %(what)s on the nodes that "
            "may take them.",
            **values,
        )
    return _(
        "No capacity for %(missing)s of %(new)s new pods: short by %(what)s on the nodes that may take them.", **values
    )


def _fits(count: int, *, has_rules: bool) -> Message:
    if has_rules:
        return _(
            "The nodes have capacity for it: %(n)s may take such a pod. Its rules about other pods are not counted.",
            n=count,
        )
    return _("The nodes have capacity for it: %(n)s may take such a pod.", n=count)


def _amount(name: str, amount: int) -> Message:
    """As people say it: cores of CPU, memory with its unit, and other resources by their Kubernetes name."""
    match name:
        case "cpu":
            return _("%(amount)s CPU", amount=millicores_to_cores(amount) if amount >= 100 else format_cpu(amount))
        case "memory":
            return _("%(amount)s of memory", amount=format_memory(_rounded(amount)))
        case "pods":
            return _("%(amount)s of the pods that a node may have", amount=amount)
        case "ephemeral-storage":
            return _("%(amount)s of ephemeral storage", amount=format_memory(_rounded(amount)))
    return _("%(amount)s of %(resource)s", amount=amount, resource=name)


def _rounded(amount: int) -> int:
    """Up to whole MiB: nobody reads bytes."""
    return -(-amount // 2**20) * 2**20


def _no_node(reasons: Sequence[Message | None]) -> Message:
    if not reasons:
        return _("The cluster has no nodes.")
    counted = Counter(one for one in reasons if one is not None).most_common(_MOST_REASONS)
    return _(
        "No node may take such a pod: %(reasons)s.",
        reasons=[Message(reason.text, {**reason.params, "n": count}) for reason, count in counted],
    )


def _has_rules_between_pods(spec: Mapping[str, Any]) -> bool:
    affinity = spec.get("affinity") or {}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    spread = spec.get("topologySpreadConstraints") or ()
    return any((affinity.get(kind) or {}).get(required) for kind in ("podAffinity", "podAntiAffinity")) or any(
        one.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule" for one in spread
    )
