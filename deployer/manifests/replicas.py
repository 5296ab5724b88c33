"""Who decides how many replicas there are: these manifests, or an autoscaler beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployer.errors import Problem
from deployer.interfaces import Manifest
from deployer.manifests.identity import find_workload
from deployer.messages import Message
from deployer.messages import message as _

AUTOSCALER = "HorizontalPodAutoscaler"
RULE_ANNOTATION = "prism4k.io/scaling-rule"
"""On an autoscaler that the platform makes of a scaling rule: the rule's version."""
BESIDE_ANNOTATION = "prism4k.io/autoscaled"
"""On a workload that was applied beside an autoscaler, until one of ours has gone."""
_SCALER = "kube-controller-manager"


@dataclass(frozen=True)
class Bounds:
    """Between how many replicas an autoscaler moves. ``is_rule``: the platform made it of a scaling rule."""

    least: int
    most: int
    is_rule: bool = False


def bounds_of(autoscaler: Manifest) -> Bounds:
    """The bounds of a checked or live autoscaler."""
    spec = autoscaler["spec"]
    is_rule = RULE_ANNOTATION in (autoscaler["metadata"].get("annotations") or {})
    return Bounds(int(spec.get("minReplicas") or 1), int(spec["maxReplicas"]), is_rule)


def bounds_in(manifests: Sequence[Manifest]) -> Bounds | None:
    """The bounds of the autoscaler in a checked set; None where the set has none."""
    found = next((manifest for manifest in manifests if manifest.get("kind") == AUTOSCALER), None)
    return bounds_of(found) if found else None


def is_autoscaled(live: Manifest | None) -> bool:
    """True where an autoscaler has set the number of replicas: it is the controller's, by the ``scale`` subresource."""
    return any(
        entry.get("manager") == _SCALER and entry.get("subresource") == "scale" and _has_replicas(entry)
        for entry in _entries(live)
    )


def may_be_autoscaled(live: Manifest | None) -> bool:
    """True where an autoscaler may stand beside it: one has set the number, or we applied one together with it."""
    annotations = ((live or {}).get("metadata") or {}).get("annotations") or {}
    return BESIDE_ANNOTATION in annotations or is_autoscaled(live)


def is_scaled_by_others(live: Manifest | None) -> bool:
    """True where anybody has set the number of replicas by the ``scale`` subresource."""
    return any(entry.get("subresource") == "scale" and _has_replicas(entry) for entry in _entries(live))


def _entries(live: Manifest | None) -> list[dict[str, Any]]:
    return ((live or {}).get("metadata") or {}).get("managedFields") or []


def _has_replicas(entry: dict[str, Any]) -> bool:
    return "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})


def beside_autoscaler(workload: Manifest, live: Manifest | None, bounds: Bounds) -> Manifest:
    """The workload as it is sent beside an autoscaler with these bounds; ``live`` is what stands there now.

    The number of replicas is left out once a scaler owns it. Before, it must be sent: a field that only we own and no
    longer send falls back to 1. It is never below the live number. The mark says that an autoscaler stands beside it,
    also where that has not set the number yet.
    """
    spec = {name: value for name, value in workload["spec"].items() if name != "replicas"}
    if not is_scaled_by_others(live):
        running = int((live or {}).get("spec", {}).get("replicas") or 0)
        spec["replicas"] = running or int(workload["spec"].get("replicas") or bounds.least)
    marks = (workload["metadata"].get("annotations") or {}) | {BESIDE_ANNOTATION: "true"}
    return {**workload, "metadata": {**workload["metadata"], "annotations": marks}, "spec": spec}


def wanted_replicas(manifests: Sequence[Manifest], running: int = 0) -> int:
    """How many pods the checked set asks for where so many run; an autoscaler keeps what runs within its bounds."""
    spec = find_workload(manifests)["spec"]
    bounds = bounds_in(manifests)
    if bounds is None:
        return int(spec.get("replicas", 1))
    return min(bounds.most, max(bounds.least, running or int(spec.get("replicas") or 0)))


def autoscaled(bounds: Bounds, *, is_foreign: bool = False) -> Message:
    """Why nobody sets the number of replicas by hand there, and what to do instead."""
    numbers = {"least": bounds.least, "most": bounds.most}
    if is_foreign:
        return _(
            "An autoscaler in the cluster that these manifests do not make keeps between %(least)s and %(most)s "
            "replicas: ask its maker.",
            **numbers,
        )
    if bounds.is_rule:
        return _(
            "The scaling rule keeps between %(least)s and %(most)s replicas here. Change its bounds, or take it away, "
            "and deploy again.",
            **numbers,
        )
    return _(
        "An autoscaler keeps between %(least)s and %(most)s replicas here. Change minReplicas and maxReplicas in the "
        "template.",
        **numbers,
    )


def handed_back(workload: Manifest, live: Manifest | None, bounds: Bounds) -> Message:
    """What a person must know who takes an autoscaler away: how many replicas there are then."""
    return _(
        "The autoscaler, which kept between %(least)s and %(most)s replicas, goes once this has succeeded. Then there "
        "are %(wanted)s replicas, as the manifests say; now there are %(now)s.",
        least=bounds.least,
        most=bounds.most,
        wanted=workload["spec"].get("replicas", 1),
        now=((live or {}).get("spec") or {}).get("replicas", 0),
    )


def still_autoscaled(bounds: Bounds) -> Message:
    """Why the number cannot be set by hand while an autoscaler of an earlier snapshot has not gone yet."""
    return _(
        "The autoscaler of an earlier snapshot is still there and keeps between %(least)s and %(most)s replicas. "
        "Deploy again: it goes after that has succeeded.",
        least=bounds.least,
        most=bounds.most,
    )


def check_scaling(manifests: Sequence[Manifest]) -> list[Problem]:
    """At most one autoscaler."""
    if sum(manifest["kind"] == AUTOSCALER for manifest in manifests) > 1:
        return [Problem("templates", _("Two autoscalers on one Deployment undo each other's work: keep one."))]
    return []
