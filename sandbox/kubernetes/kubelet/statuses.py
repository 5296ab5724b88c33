"""Pod status as a kubelet writes it, from the states of the containers."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

from sandbox.kubernetes import clock

Obj = dict[str, Any]

NODE = "stand-in-1"
NODE_ADDRESS = "10.0.0.11"


def waiting(reason: str, message: str = "") -> Obj:
    """A container state."""
    return {"waiting": {"reason": reason} | ({"message": message} if message else {})}


def terminated(exit_code: int, reason: str, started_at: str, container_id: str) -> Obj:
    """A container state that ends now."""
    return {
        "terminated": {
            "exitCode": exit_code,
            "reason": reason,
            "startedAt": started_at,
            "finishedAt": clock.stamp(),
            "containerID": container_id,
        }
    }


def container_id(uid: str, name: str, restarts: int) -> str:
    """An identity that changes with each restart."""
    return "containerd://" + hashlib.sha256(f"{uid}/{name}/{restarts}".encode()).hexdigest()


def first_statuses(spec: Obj) -> tuple[list[Obj], list[Obj]]:
    """``(containerStatuses, initContainerStatuses)`` of a pod that has just come to the node."""
    inits = spec.get("initContainers") or []
    reason = "PodInitializing" if inits else "ContainerCreating"
    return [_first(entry, reason) for entry in spec["containers"]], [
        _first(entry, "PodInitializing") for entry in inits
    ]


def _first(container: Obj, reason: str) -> Obj:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": waiting(reason),
        "lastState": {},
    }


def pod_address(uid: str) -> str:
    """An address in the pod network, the same for the same pod."""
    number = zlib.crc32(uid.encode())
    return f"10.244.{number % 250}.{2 + (number >> 8) % 250}"


def _condition(kind: str, is_true: bool, before: list[Obj], reason: str, message: str) -> Obj:
    status = "True" if is_true else "False"
    old = next((entry for entry in before if entry["type"] == kind), None)
    since = old["lastTransitionTime"] if old and old["status"] == status else clock.stamp()
    new: Obj = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
    return new if is_true else new | {"reason": reason, "message": message}


def _phase(spec: Obj, containers: list[Obj], is_initialized: bool) -> str:
    if not is_initialized or any("waiting" in entry["state"] and not entry["lastState"] for entry in containers):
        return "Pending"
    ended = [entry["state"].get("terminated") for entry in containers]
    if spec["restartPolicy"] != "Always" and all(ended):
        is_failed = any(entry["exitCode"] for entry in ended if entry)
        return "Failed" if is_failed else "Succeeded"
    return "Running"


def pod_status(pod: Obj, containers: list[Obj], inits: list[Obj]) -> Obj:
    """The whole status that follows from the containers."""
    before: Obj = pod.get("status", {})
    old: list[Obj] = before.get("conditions") or []
    pending = [entry["name"] for entry in inits if "terminated" not in entry["state"]]
    unready = [entry["name"] for entry in containers if not entry["ready"]]
    not_ready = f"containers with unready status: [{' '.join(unready)}]"
    not_initialized = f"containers with incomplete status: [{' '.join(pending)}]"
    address = pod_address(pod["metadata"]["uid"])
    has_started = any("running" in entry["state"] or entry["lastState"] for entry in [*containers, *inits])
    status: Obj = {
        "phase": _phase(pod["spec"], containers, not pending),
        "conditions": [
            _condition("PodReadyToStartContainers", True, old, "", ""),
            _condition("Initialized", not pending, old, "ContainersNotInitialized", not_initialized),
            _condition("Ready", not unready, old, "ContainersNotReady", not_ready),
            _condition("ContainersReady", not unready, old, "ContainersNotReady", not_ready),
            _condition("PodScheduled", True, old, "", ""),
        ],
        "hostIP": NODE_ADDRESS,
        "hostIPs": [{"ip": NODE_ADDRESS}],
        "startTime": before.get("startTime") or clock.stamp(),
        "containerStatuses": containers,
        "qosClass": before.get("qosClass", "BestEffort"),
    }
    if has_started:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return status | ({"initContainerStatuses": inits} if inits else {})
