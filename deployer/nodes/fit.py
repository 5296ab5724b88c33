"""May a pod of this spec go to this node at all, by what the node is: taints, labels, name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deployer.interfaces import NodeFacts, Taint
from deployer.messages import Message
from deployer.messages import message as _
from deployer.nodes.facts import CORDONED, NOT_READY, UNREACHABLE

_KEEPS_OFF = ("NoSchedule", "NoExecute")


def blocker(spec: Mapping[str, Any], node: NodeFacts) -> Message | None:
    """The first thing that keeps the pod off the node, as a message that lacks the number ``n`` of such nodes, or None.

    Asked in the scheduler's order: taints, then the node selector, then what the node affinity requires.
    """
    taint = _untolerated(spec.get("tolerations") or (), node.taints)
    if taint is not None:
        return _kept_off(taint)
    for name, value in (spec.get("nodeSelector") or {}).items():
        if node.labels.get(name) != value:
            return _("%(n)s without the label %(label)s", label=f"{name}={value}")
    if not _matches_affinity(spec.get("affinity") or {}, node):
        return _("%(n)s that the node affinity leaves out")
    return None


def _kept_off(taint: Taint) -> Message:
    if taint.key == CORDONED:
        return _("%(n)s cordoned")
    if taint.key in (NOT_READY, UNREACHABLE):
        return _("%(n)s not ready")
    text = f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
    return _("%(n)s with the taint %(taint)s", taint=text)


def _untolerated(tolerations: Sequence[Mapping[str, Any]], taints: Iterable[Taint]) -> Taint | None:
    for taint in taints:
        if taint.effect in _KEEPS_OFF and not any(_tolerates(one, taint) for one in tolerations):
            return taint
    return None


def _tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    """An effect or a key that is left out stands for all of them; a key left out needs Exists."""
    if toleration.get("effect") and toleration["effect"] != taint.effect:
        return False
    key, operator = toleration.get("key"), toleration.get("operator") or "Equal"
    if key and key != taint.key:
        return False
    if operator == "Exists":
        return True
    return bool(key) and operator == "Equal" and str(toleration.get("value") or "") == taint.value


def _matches_affinity(affinity: Mapping[str, Any], node: NodeFacts) -> bool:
    """One of the required terms must hold; what is only preferred leaves out nobody."""
    required = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_matches_term(term, node) for term in required.get("nodeSelectorTerms") or ())


def _matches_term(term: Mapping[str, Any], node: NodeFacts) -> bool:
    labels, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not labels and not fields:
        return False  # an empty term matches no node
    names = {"metadata.name": node.name}
    return all(_holds(one, node.labels) for one in labels) and all(_holds(one, names) for one in fields)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, operator = labels.get(str(expression.get("key"))), str(expression.get("operator"))
    values: list[str] = expression.get("values") or []
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return value is not None and len(values) == 1 and _compares(value, operator, str(values[0]))
    return False


def _compares(value: str, operator: str, bound: str) -> bool:
    try:
        return int(value) > int(bound) if operator == "Gt" else int(value) < int(bound)
    except ValueError:
        return False
