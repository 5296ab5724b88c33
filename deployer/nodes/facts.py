"""Nodes and the pods on them as the scheduler counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deployer.interfaces import Manifest, NodeFacts, Taint
from deployer.quantities import PodCost, parse_quota_value, pod_cost

CORDONED = "node.kubernetes.io/unschedulable"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
_ENDED = ("Succeeded", "Failed")
_REQUESTS = "requests."


def node_facts(nodes: Iterable[Manifest], pods: Iterable[Manifest]) -> tuple[NodeFacts, ...]:
    """Nodes by name with the capacity that the pods of all namespaces leave.

    Pods that have ended, and those that no node has yet, take nothing. Raises QuantityError.
    """
    used: dict[str, Counter[str]] = {}
    for pod in pods:
        where = (pod.get("spec") or {}).get("nodeName")
        if where and (pod.get("status") or {}).get("phase") not in _ENDED:
            used.setdefault(str(where), Counter()).update(pod_amounts(pod["spec"]))
    found = (_facts(node, used.get(str(node["metadata"]["name"]), Counter())) for node in nodes)
    return tuple(sorted(found, key=lambda one: one.name))


def pod_amounts(spec: Mapping[str, Any]) -> dict[str, int]:
    """What one pod of this spec takes of a node: millicores of ``cpu``, bytes of ``memory``, one of ``pods`` …

    Requests of the pod as a whole count instead of its containers'. Raises QuantityError.
    """
    cost: PodCost = pod_cost(spec)
    amounts = {"cpu": cost.cpu_request, "memory": cost.memory_request}
    for name, amount in cost.others.items():
        if name.startswith(_REQUESTS):
            amounts[name.removeprefix(_REQUESTS)] = amount
    overhead = spec.get("overhead") or {}
    for name, value in ((spec.get("resources") or {}).get("requests") or {}).items():
        amounts[str(name)] = parse_quota_value(str(name), value) + parse_quota_value(str(name), overhead.get(name, 0))
    return {name: amount for name, amount in amounts.items() if amount} | {"pods": 1}


def _facts(node: Manifest, used: Counter[str]) -> NodeFacts:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    free = {str(name): parse_quota_value(str(name), value) - used[str(name)] for name, value in allocatable.items()}
    labels = {str(name): str(value) for name, value in (node["metadata"].get("labels") or {}).items()}
    return NodeFacts(str(node["metadata"]["name"]), labels, _taints(node), free)


def _taints(node: Manifest) -> tuple[Taint, ...]:
    spec = node.get("spec") or {}
    found = [
        Taint(str(one.get("key")), str(one.get("value") or ""), str(one.get("effect")))
        for one in spec.get("taints") or ()
    ]
    keys = {one.key for one in found}
    if spec.get("unschedulable") and CORDONED not in keys:
        found.append(Taint(CORDONED, "", "NoSchedule"))
    if not _is_ready(node) and not keys & {NOT_READY, UNREACHABLE}:
        found.append(Taint(NOT_READY, "", "NoSchedule"))
    return tuple(found)


def _is_ready(node: Manifest) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def nodes_as_data(nodes: Sequence[NodeFacts]) -> list[dict[str, Any]]:
    """Plain data that :func:`nodes_from_data` reads back."""
    return [
        {
            "name": one.name,
            "labels": dict(one.labels),
            "taints": [[taint.key, taint.value, taint.effect] for taint in one.taints],
            "free": dict(one.free),
        }
        for one in nodes
    ]


def nodes_from_data(stored: Sequence[Mapping[str, Any]]) -> tuple[NodeFacts, ...]:
    """The nodes that :func:`nodes_as_data` was given."""
    return tuple(
        NodeFacts(one["name"], one["labels"], tuple(Taint(*taint) for taint in one["taints"]), one["free"])
        for one in stored
    )
