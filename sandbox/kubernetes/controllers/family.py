"""Who owns whom: Deployment, ReplicaSets, Pods."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.kinds import POD, REPLICA_SET, Kind
from sandbox.kubernetes.storage import Store

Obj = dict[str, Any]

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference that controls an object."""
    references = obj["metadata"].get("ownerReferences") or []
    return next((entry for entry in references if entry.get("controller")), None)


def owner_reference(owner: Obj) -> Obj:
    """A controlling reference to ``owner``."""
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _children(store: Store, owner: Obj, kind: Kind) -> list[Obj]:
    uid = owner["metadata"]["uid"]
    everything = store.each(kind, owner["metadata"]["namespace"])
    return [obj for obj in everything if (controller_of(obj) or {}).get("uid") == uid]


def replica_sets_of(store: Store, deployment: Obj) -> list[Obj]:
    """The sets of a Deployment, oldest first."""
    found = _children(store, deployment, REPLICA_SET)
    return sorted(
        found, key=lambda obj: (obj["metadata"]["creationTimestamp"], revision_of(obj), obj["metadata"]["name"])
    )


def pods_of(store: Store, replica_set: Obj) -> list[Obj]:
    """All pods of a set, leaving and finished ones too."""
    return _children(store, replica_set, POD)


def is_active(pod: Obj) -> bool:
    """Neither leaving nor finished."""
    is_finished = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return not is_finished and not pod["metadata"].get("deletionTimestamp")


def annotations_of(obj: Obj) -> dict[str, str]:
    """Annotations, never None."""
    found: dict[str, str] = obj["metadata"].get("annotations") or {}
    return found


def revision_of(obj: Obj) -> int:
    """The revision annotation as a number, 0 when absent."""
    return int(annotations_of(obj).get(REVISION) or 0)


def condition(obj: Obj, kind: str) -> Obj | None:
    """One of ``status.conditions`` by type."""
    conditions = obj.get("status", {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == kind), None)


def with_annotations(obj: Obj, values: dict[str, str]) -> Obj:
    """A copy with some annotations set."""
    return {**obj, "metadata": {**obj["metadata"], "annotations": {**annotations_of(obj), **values}}}


def with_status(obj: Obj, status: Obj) -> Obj:
    """A copy with another status."""
    return {**obj, "status": status}
