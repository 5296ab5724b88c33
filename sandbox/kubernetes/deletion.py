"""DELETE with its preconditions and propagation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.errors import conflict, not_found
from sandbox.kubernetes.kinds import NAMESPACE, POD, REPLICA_SET, RESOURCE_QUOTA, SERVICE, Kind
from sandbox.kubernetes.storage import Store

Obj = dict[str, Any]

FOREGROUND = "foregroundDeletion"
_ANSWER_WITH_OBJECT = {SERVICE.plural, RESOURCE_QUOTA.plural}
_CHILD_KINDS = (REPLICA_SET, POD)


@dataclass(frozen=True)
class Deletion:
    """How to delete. ``propagation`` is Background, Foreground or Orphan; ``uid`` a precondition or empty."""

    kind: Kind
    namespace: str
    name: str
    uid: str = ""
    version: str = ""
    propagation: str = "Background"
    grace: int | None = None
    is_dry: bool = False


def delete(store: Store, deletion: Deletion) -> Obj:
    """Delete, or mark as leaving what has somebody to finish it; the answer's body. Raises ApiError."""
    kind = deletion.kind
    live = store.get(kind, deletion.namespace, deletion.name)
    if live is None:
        raise not_found(kind, deletion.name)
    _check(deletion, live)
    if deletion.is_dry:
        return _success(kind, live)
    if kind is POD:
        return _delete_pod(store, deletion, live)
    if kind is NAMESPACE:
        leaving = _leaving(live, 0)
        return store.put(NAMESPACE, {**leaving, "status": {"phase": "Terminating"}})
    finalizers = set(finalizers_of(live)) | ({FOREGROUND} if deletion.propagation == "Foreground" else set())
    if deletion.propagation == "Orphan":
        _orphan(store, live)
    if finalizers:
        leaving = _leaving(live, 0)
        waiting = {**leaving, "metadata": {**leaving["metadata"], "finalizers": sorted(finalizers)}}
        return live if waiting == live else store.put(kind, waiting)
    gone = store.drop(kind, deletion.namespace, deletion.name)
    return gone if gone is not None and kind.plural in _ANSWER_WITH_OBJECT else _success(kind, live)


def finalizers_of(obj: Obj) -> list[str]:
    """Who must let go of an object before it is gone."""
    return list(obj["metadata"].get("finalizers") or ())


def _check(deletion: Deletion, live: Obj) -> None:
    meta = live["metadata"]
    for label, wanted, found, happened in (
        ("UID", deletion.uid, meta["uid"], "deleted and then recreated"),
        ("ResourceVersion", deletion.version, meta["resourceVersion"], "modified"),
    ):
        if wanted and wanted != found:
            why = f"the {label} in the precondition ({wanted}) does not match the {label} in record ({found}). "
            raise conflict(deletion.kind, deletion.name, f"{why}The object might have been {happened}")


def _success(kind: Kind, live: Obj) -> Obj:
    details = {"name": live["metadata"]["name"], **({"group": kind.group} if kind.group else {}), "kind": kind.plural}
    details["uid"] = live["metadata"]["uid"]
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _leaving(live: Obj, grace: int) -> Obj:
    meta = live["metadata"]
    if meta.get("deletionTimestamp"):
        return live
    at = clock.stamp(clock.moment() + timedelta(seconds=grace))
    return {**live, "metadata": {**meta, "deletionTimestamp": at, "deletionGracePeriodSeconds": grace}}


def _delete_pod(store: Store, deletion: Deletion, live: Obj) -> Obj:
    """A pod on a node is left to the kubelet to stop; any other goes at once."""
    grace = deletion.grace if deletion.grace is not None else live["spec"].get("terminationGracePeriodSeconds", 30)
    if not live["spec"].get("nodeName") or grace == 0:
        return store.drop(POD, deletion.namespace, deletion.name) or live
    return store.put(POD, _leaving(live, grace))


def _orphan(store: Store, owner: Obj) -> None:
    uid = owner["metadata"]["uid"]
    for kind in _CHILD_KINDS:
        for child in store.all(kind, owner["metadata"].get("namespace", "")):
            references = child["metadata"].get("ownerReferences") or []
            kept = [entry for entry in references if entry["uid"] != uid]
            if len(kept) != len(references):
                store.put(kind, {**child, "metadata": {**child["metadata"], "ownerReferences": kept}})
