"""The status of a Deployment and its conditions (pkg/controller/deployment/progress.go)."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.controllers.family import condition
from sandbox.kubernetes.controllers.rolling import available, fence_posts, size

Obj = dict[str, Any]

NEVER = 2**31 - 1
"""``progressDeadlineSeconds`` of this value means no deadline."""


def _actual(sets: list[Obj], field: str) -> int:
    return sum(int(entry.get("status", {}).get(field, 0)) for entry in sets)


def counts(deployment: Obj, new: Obj | None, everything: list[Obj]) -> Obj:
    """Status without conditions; zero counts are left out as the real server does."""
    newest = [new] if new is not None else []
    values = {
        "replicas": _actual(everything, "replicas"),
        "updatedReplicas": _actual(newest, "replicas"),
        "readyReplicas": _actual(everything, "readyReplicas"),
        "availableReplicas": available(everything),
        "unavailableReplicas": max(0, size(everything) - available(everything)),
        "terminatingReplicas": _actual(everything, "terminatingReplicas"),
    }
    kept = {name: value for name, value in values.items() if value or name == "terminatingReplicas"}
    return {"observedGeneration": deployment["metadata"]["generation"], **kept}


def new_condition(kind: str, status: str, reason: str, message: str) -> Obj:
    """A condition that begins now."""
    now = clock.stamp()
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def set_condition(conditions: list[Obj], new: Obj) -> list[Obj]:
    """The list with ``new`` in its place: unchanged when status and reason are the same, and with the time of the old
    transition when only the reason differs."""
    old = next((entry for entry in conditions if entry["type"] == new["type"]), None)
    if old is not None:
        if (old["status"], old["reason"]) == (new["status"], new["reason"]):
            return conditions
        if old["status"] == new["status"]:
            new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*(entry for entry in conditions if entry["type"] != new["type"]), new]


def without(conditions: list[Obj], kind: str) -> list[Obj]:
    """The list without one type."""
    return [entry for entry in conditions if entry["type"] != kind]


def availability(deployment: Obj, status: Obj) -> Obj:
    """The Available condition that the counts give."""
    least = deployment["spec"]["replicas"] - fence_posts(deployment)[1]
    if status.get("availableReplicas", 0) >= least:
        return new_condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    why = "Deployment does not have minimum availability."
    return new_condition("Available", "False", "MinimumReplicasUnavailable", why)


def has_deadline(deployment: Obj) -> bool:
    """Whether progress is watched at all."""
    return bool(deployment["spec"]["progressDeadlineSeconds"] != NEVER)


def is_complete(deployment: Obj, status: Obj) -> bool:
    """All replicas are of the new template and available, and nothing else runs."""
    wanted = deployment["spec"]["replicas"]
    names = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(name, 0) == wanted for name in names)


def _has_progressed(old: Obj, new: Obj) -> bool:
    def left(status: Obj) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return left(new) < left(old) or any(new.get(name, 0) > old.get(name, 0) for name in grown)


def seconds_left(deployment: Obj) -> float | None:
    """Seconds until the deadline strikes; None when no clock runs."""
    found = condition(deployment, "Progressing")
    if not has_deadline(deployment) or found is None or deployment["spec"].get("paused"):
        return None
    if found["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    return float(deployment["spec"]["progressDeadlineSeconds"]) - clock.seconds_since(found["lastUpdateTime"])


def progressed(deployment: Obj, status: Obj, new: Obj | None) -> list[Obj]:
    """Conditions after comparing the new counts with the stored status: complete, progressing or timed out."""
    conditions: list[Obj] = list(deployment.get("status", {}).get("conditions") or [])
    conditions = set_condition(conditions, availability(deployment, status))
    if not has_deadline(deployment):
        return without(conditions, "Progressing")
    current = condition(deployment, "Progressing")
    is_done = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if is_done and current is not None and current["reason"] == "NewReplicaSetAvailable":
        return conditions
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        text = f"{name} has successfully progressed."
        return set_condition(conditions, new_condition("Progressing", "True", "NewReplicaSetAvailable", text))
    if _has_progressed(deployment.get("status", {}), status):
        fresh = new_condition("Progressing", "True", "ReplicaSetUpdated", f"{name} is progressing.")
        if current is not None and current["status"] == "True":
            fresh["lastTransitionTime"] = current["lastTransitionTime"]
        return [*without(conditions, "Progressing"), fresh]
    left = seconds_left(deployment)
    if left is not None and left < 0:
        text = f"{name} has timed out progressing."
        return set_condition(conditions, new_condition("Progressing", "False", "ProgressDeadlineExceeded", text))
    return conditions


def failures(conditions: list[Obj], new: Obj | None, everything: list[Obj]) -> list[Obj]:
    """Conditions with the ReplicaFailure of the new set (or of any), or without one."""
    for entry in ([new] if new else []) + everything:
        failed = condition(entry, "ReplicaFailure")
        if failed is not None:
            copied = new_condition("ReplicaFailure", failed["status"], failed["reason"], failed["message"])
            copied["lastTransitionTime"] = failed["lastTransitionTime"]
            return set_condition(conditions, copied)
    return without(conditions, "ReplicaFailure")
