"""How many pods their CPU use asks for, and how many of those behaviour and bounds allow. Pure.

Source: ``kubernetes/pkg/controller/podautoscaler/{replica_calculator,horizontal}.go``, Kubernetes 1.36. One metric
only, the CPU by utilization, and only the default steps; both windows of stabilization.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.kubernetes.metrics import cpu_of, cpu_request, is_ready, pod_metrics

Obj = dict[str, Any]

DEFAULT_TARGET = 80
_TOLERANCE = 0.1
_DOWN_SECONDS = 300.0
_STEP_PODS, _STEP_FACTOR = 4, 2
_WHY = "the HPA was unable to compute the replica count: failed to get cpu utilization: "
_WITHIN = "the desired count is within the acceptable range"


class NoUse(Exception):
    """The use is not known; ``str()`` is the controller's message."""


@dataclass(frozen=True)
class Note:
    """A condition as the controller writes it."""

    type: str
    status: str
    reason: str
    message: str


@dataclass
class Memory:
    """Counts that were wanted, with their times; the controller keeps them from one pass to the next."""

    wanted: list[tuple[float, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Use:
    """``percent`` of the requests that the pods use, ``average`` in cores, and the ``wanted`` number of pods."""

    percent: int
    average: Decimal
    wanted: int


def target_of(spec: Obj) -> int:
    """The utilization that is wanted, in percent; the server's default without metrics."""
    for metric in spec.get("metrics") or ():
        found = ((metric.get("resource") or {}).get("target") or {}).get("averageUtilization")
        if found is not None:
            return int(found)
    return DEFAULT_TARGET


def use_of(pods: Sequence[Obj], current: int, target: int) -> Use:
    """What the pods of a workload of ``current`` replicas use. Raises NoUse."""
    requests = {pod["metadata"]["name"]: _request(pod) for pod in pods}
    used = {one["metadata"]["name"]: cpu_of(one) for one in pod_metrics(pods)}
    if not used:
        raise NoUse(f"{_WHY}unable to get metrics for resource cpu: no metrics returned from resource metrics API")
    ready = {pod["metadata"]["name"] for pod in pods if is_ready(pod)}
    counted = {name: cpu for name, cpu in used.items() if name in ready}
    if not counted:
        raise NoUse(f"{_WHY}did not receive metrics for targeted pods (pods might be unready)")
    percent = _percent(counted, requests)
    average = sum(counted.values(), Decimal(0)) / len(counted)
    return Use(percent, average, _wanted(percent / target, counted, requests, len(pods) - len(ready), current, target))


def _request(pod: Obj) -> Decimal:
    total = Decimal(0)
    for container in pod["spec"]["containers"]:
        request = cpu_request(container)
        if request is None:
            pod_name = pod["metadata"]["name"]
            raise NoUse(f"{_WHY}missing request for cpu in container {container['name']} of Pod {pod_name}")
        total += request
    return total


def _percent(used: dict[str, Decimal], requests: dict[str, Decimal]) -> int:
    asked = sum((requests[name] for name in used), Decimal(0))
    return int(sum(used.values(), Decimal(0)) * 100 / asked) if asked else 0


def _wanted(
    ratio: float, used: dict[str, Decimal], requests: dict[str, Decimal], unready: int, current: int, target: int
) -> int:
    """Pods that are not ready count as idle where there should be more, so that none is added for them twice."""
    counted = len(used)
    if unready and ratio > 1:
        idle = {name: Decimal(0) for name in requests if name not in used}
        again = _percent({**used, **idle}, requests) / target
        if abs(1 - again) <= _TOLERANCE or again < 1:
            return current
        ratio, counted = again, len(requests)
    if abs(1 - ratio) <= _TOLERANCE:
        return current
    wanted = math.ceil(round(ratio * counted, 6))
    return current if (ratio < 1 < wanted / current) or (ratio > 1 > wanted / current) else wanted


def settle(spec: Obj, memory: Memory, current: int, wanted: int, now: float) -> tuple[int, list[Note]]:
    """What becomes of ``wanted`` by the windows of the behaviour, by its steps and by the bounds."""
    if not memory.wanted:
        memory.wanted.append((now, current))
    up, down = (_window(spec, way) for way in ("scaleUp", "scaleDown"))
    lowest = min([wanted, *(count for at, count in memory.wanted if now - at < up)])
    highest = max([wanted, *(count for at, count in memory.wanted if now - at < down)])
    memory.wanted = [(at, count) for at, count in memory.wanted if now - at < max(up, down)] + [(now, wanted)]
    settled = min(max(current, lowest), highest)
    if settled == wanted:
        able = Note("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
    elif wanted >= current:
        said = "recent recommendations were lower than current one, applying the lowest recent recommendation"
        able = Note("AbleToScale", "True", "ScaleUpStabilized", said)
    else:
        said = "recent recommendations were higher than current one, applying the highest recent recommendation"
        able = Note("AbleToScale", "True", "ScaleDownStabilized", said)
    allowed, limited = _limit(spec, current, settled)
    return allowed, [able, limited]


def _window(spec: Obj, way: str) -> float:
    found = ((spec.get("behavior") or {}).get(way) or {}).get("stabilizationWindowSeconds")
    return float(found) if found is not None else (_DOWN_SECONDS if way == "scaleDown" else 0.0)


def _limit(spec: Obj, current: int, wanted: int) -> tuple[int, Note]:
    least, most = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
    step = max(current + _STEP_PODS, current * _STEP_FACTOR)
    if wanted > min(most, step):
        if most <= step:
            said = "the desired replica count is more than the maximum replica count"
            return most, Note("ScalingLimited", "True", "TooManyReplicas", said)
        said = "the desired replica count is increasing faster than the maximum scale rate"
        return step, Note("ScalingLimited", "True", "ScaleUpLimit", said)
    if wanted < least:
        said = "the desired replica count is less than the minimum replica count"
        return least, Note("ScalingLimited", "True", "TooFewReplicas", said)
    return wanted, Note("ScalingLimited", "False", "DesiredWithinRange", _WITHIN)
