"""What a HorizontalPodAutoscaler shows: its numbers, its conditions, and what they mean.

Conditions and reasons: ``kubernetes/pkg/controller/podautoscaler/horizontal.go``, Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests import bounds_of
from deployer.messages import Message
from deployer.messages import message as _

ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"
NO_METRICS = frozenset({"FailedGetResourceMetric", "FailedGetContainerResourceMetric"})
_TEXT_MOST = 500


@dataclass(frozen=True)
class Condition:
    """One condition. ``since``: its last transition (RFC 3339); ``text``: the controller's own words."""

    type: str
    is_true: bool
    reason: str
    text: str
    since: str


@dataclass(frozen=True)
class AutoscalerView:
    """``cpu_percent``: mean use of the pods in percent of their requests; None while nobody knows. ``target_percent``:
    None for an autoscaler by something else. ``scaled_at``: when it moved the number last, empty for never."""

    name: str
    minimum: int
    maximum: int
    current: int
    wanted: int
    cpu_percent: int | None
    target_percent: int | None
    scaled_at: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Decision:
    """The last word of the autoscaler. ``state``: ``fits``, ``limited``, ``waits``, ``unknown`` or ``failed``."""

    state: str
    message: Message
    text: str = ""
    """What the controller itself said, where that tells more."""


def autoscaler_view(live: Manifest) -> AutoscalerView:
    """A live autoscaler of any age: before its controller has seen it, it has no status."""
    bounds, status = bounds_of(live), live.get("status") or {}
    return AutoscalerView(
        name=str(live["metadata"]["name"]),
        minimum=bounds.least,
        maximum=bounds.most,
        current=int(status.get("currentReplicas") or 0),
        wanted=int(status.get("desiredReplicas") or 0),
        cpu_percent=_cpu(status.get("currentMetrics"), "current"),
        target_percent=_cpu((live.get("spec") or {}).get("metrics"), "target"),
        scaled_at=str(status.get("lastScaleTime") or ""),
        conditions=tuple(_condition(one) for one in status.get("conditions") or ()),
    )


def _cpu(metrics: Any, part: str) -> int | None:
    """``averageUtilization`` of the CPU; the list is null until the first metric was read."""
    for metric in metrics or ():
        resource = metric.get("resource") or {}
        found = (resource.get(part) or {}).get("averageUtilization")
        if metric.get("type") == "Resource" and resource.get("name") == "cpu" and found is not None:
            return int(found)
    return None


def _condition(found: Mapping[str, Any]) -> Condition:
    return Condition(
        type=str(found.get("type") or ""),
        is_true=found.get("status") == "True",
        reason=str(found.get("reason") or ""),
        text=str(found.get("message") or "")[:_TEXT_MOST],
        since=str(found.get("lastTransitionTime") or ""),
    )


def find_of(autoscalers: Iterable[Manifest], workload: str) -> Manifest | None:
    """The one that scales the Deployment of this name."""
    return next((one for one in autoscalers if _target(one) == ("Deployment", workload)), None)


def _target(autoscaler: Manifest) -> tuple[str, str]:
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return str(target.get("kind")), str(target.get("name"))


_BROKEN: dict[str, Message] = {
    "ScalingDisabled": _(
        "The Deployment has 0 replicas: the autoscaler does nothing until somebody scales it up by hand."
    ),
    "AmbiguousSelector": _("More than one autoscaler finds these pods, so none of them acts: take the others away."),
    "InvalidSelector": _("The autoscaler cannot tell which pods are meant: ask a cluster administrator."),
    "FailedGetScale": _("The autoscaler cannot read the number of replicas: ask a cluster administrator."),
    "FailedUpdateScale": _("The autoscaler cannot set the number of replicas: ask a cluster administrator."),
}
_NO_METRICS = _(
    "No metrics: the autoscaler does not know how much CPU is used, and only keeps the number within its bounds. A "
    "cluster administrator sees to it that metrics-server runs, and every container needs a CPU request."
)
_LIMITED: dict[str, Message] = {
    "TooManyReplicas": _("It would have more pods than the maximum allows: raise the maximum if the load stays."),
    "TooFewReplicas": _("It would have fewer pods than the minimum allows: the minimum holds."),
    "ScaleUpLimit": _("It adds pods as fast as its steps allow."),
    "ScaleDownLimit": _("It takes pods away as fast as its steps allow."),
}
_ABLE: dict[str, tuple[str, Message]] = {
    "ScaleDownStabilized": ("waits", _("There could be fewer pods: it waits until the cool-down is over.")),
    "ScaleUpStabilized": ("waits", _("There should be more pods: it waits until the cool-down is over.")),
    "SucceededRescale": ("fits", _("It has just set another number of replicas.")),
}
_FITS = _("The number of replicas fits the use.")
_NOT_YET = _("The autoscaler has decided nothing yet.")


def decision(conditions: Sequence[Condition]) -> Decision:
    """What it does and why, the gravest first; of a condition that nobody here knows the controller's own words."""
    found = {one.type: one for one in conditions}
    active, able, limited = found.get(ACTIVE), found.get(ABLE), found.get(LIMITED)
    if able is not None and not able.is_true:
        return _broken(able)
    if active is not None and not active.is_true:
        return Decision("unknown", _NO_METRICS, active.text) if active.reason in NO_METRICS else _broken(active)
    if limited is not None and limited.is_true:
        said = _LIMITED.get(limited.reason)
        return Decision("limited", said or _("It may not have as many pods as it would."), "" if said else limited.text)
    if able is None:
        return Decision("unknown", _NOT_YET)
    state, said = _ABLE.get(able.reason, ("fits", _FITS))
    return Decision(state, said)


def _broken(condition: Condition) -> Decision:
    known = _BROKEN.get(condition.reason)
    return Decision("failed", known or _("The autoscaler cannot work."), condition.text)
