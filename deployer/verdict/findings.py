"""What is wrong with a pod as a whole, before and beside its containers.

Reasons of pods that a node gave back: ``pkg/kubelet/eviction/helpers.go``, ``lifecycle/predicate.go`` (OutOfcpu and its
kind, NodeAffinity, UnexpectedAdmissionError) and ``nodeshutdown``; of readiness gates: ``status/generate.go``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from deployer.interfaces import Diagnosis, EventFacts, Manifest
from deployer.verdict.cases import Case, Finding, cases_of, shortened
from deployer.verdict.containers import container_finding
from deployer.verdict.objects import condition, metadata, seconds_since, status

SCHEDULING_PATIENCE_SECONDS = 120
NODE_PATIENCE_SECONDS = 40
"""The node controller gives a node that does not report as long."""
COUNTED = ("evicted", "node_refused")
"""One pod of these says little; several in one rollout end it."""
_EVICTIONS = ("Evicted", "NodeLost", "Preempting", "NodeShutdown", "Terminated")

__all__ = ["COUNTED", "Case", "Finding", "pod_findings"]


def pod_findings(pod: Manifest, events: Sequence[EventFacts], now: datetime) -> Iterator[Finding]:
    """What is wrong with one pod; nothing for a pod that is ready or leaving."""
    if metadata(pod).get("deletionTimestamp"):
        return
    name = str(metadata(pod).get("name", ""))
    own = [event for event in events if event.kind == "Pod" and event.name == name]
    if status(pod).get("phase") == "Failed" and status(pod).get("reason"):
        yield _given_back(pod, name)
        return
    if condition(pod, "PodScheduled").get("status") == "False":
        yield _unscheduled(pod, name, own, now)
        return
    found = [finding for case in cases_of(pod, own, now) if (finding := container_finding(case)) is not None]
    yield from found
    if not found and (one := _closed_gate(pod, name) or _silent_node(pod, name, now)):
        yield one


def _given_back(pod: Manifest, name: str) -> Finding:
    reason = str(status(pod)["reason"])
    code = "evicted" if reason in _EVICTIONS else "node_refused"
    message = shortened(str(status(pod).get("message") or reason))
    return Finding(Diagnosis(code, {"count": "1", "reason": reason, "message": message}, name), is_fatal=False)


def _unscheduled(pod: Manifest, name: str, events: Sequence[EventFacts], now: datetime) -> Finding:
    scheduled = condition(pod, "PodScheduled")
    message = shortened(str(scheduled.get("message") or scheduled.get("reason") or ""))
    if scheduled.get("reason") == "SchedulingGated":
        gates = ", ".join(str(gate.get("name")) for gate in (pod.get("spec") or {}).get("schedulingGates") or ())
        return Finding(Diagnosis("scheduling_gated", {"gates": gates or "?", "message": message}, name), False)
    scaling = [event.reason for event in events if event.reason in ("NotTriggerScaleUp", "TriggeredScaleUp")]
    waited = seconds_since(scheduled.get("lastTransitionTime"), now)
    is_late = waited >= SCHEDULING_PATIENCE_SECONDS and scaling[-1:] != ["TriggeredScaleUp"]
    is_hopeless = scaling[-1:] == ["NotTriggerScaleUp"]
    return Finding(Diagnosis("unschedulable", {"message": message}, name), is_hopeless or is_late)


def _silent_node(pod: Manifest, name: str, now: datetime) -> Finding | None:
    """Its node has never taken it up, or reports no more: the node controller then takes ``Ready`` from its pods alone.

    A kubelet writes ``startTime`` first of all, and the readiness of containers and pod together.
    """
    node, boxes = str((pod.get("spec") or {}).get("nodeName") or ""), status(pod).get("containerStatuses") or ()
    scheduled, ready = condition(pod, "PodScheduled"), condition(pod, "Ready")
    is_ready = bool(boxes) and all(box.get("ready") and "running" in (box.get("state") or {}) for box in boxes)
    since = ""
    if not boxes and not status(pod).get("startTime") and scheduled.get("status") == "True":
        since = str(scheduled.get("lastTransitionTime") or "")
    elif is_ready and ready.get("status") in ("False", "Unknown"):
        since = str(ready.get("lastTransitionTime") or "")
    if not node or seconds_since(since, now) < NODE_PATIENCE_SECONDS:
        return None
    values = {"node": node, "seconds": str(int(seconds_since(since, now)))}
    return Finding(Diagnosis("node_silent", values, name), is_fatal=False)


def _closed_gate(pod: Manifest, name: str) -> Finding | None:
    """All containers are ready, and something outside the pod has not said so of the pod."""
    ready: dict[str, Any] = dict(condition(pod, "Ready"))
    if ready.get("status") == "True" or ready.get("reason") != "ReadinessGatesNotReady":
        return None
    message = shortened(str(ready.get("message") or ""))
    return Finding(Diagnosis("readiness_gate", {"message": message}, name), is_fatal=False)
