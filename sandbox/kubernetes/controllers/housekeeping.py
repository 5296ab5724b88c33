"""Quota status, removal of what lost its owner, and the end of namespaces."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import quota
from sandbox.kubernetes.controllers.family import with_status
from sandbox.kubernetes.kinds import DEPLOYMENT, KINDS, NAMESPACE, POD, REPLICA_SET, RESOURCE_QUOTA
from sandbox.kubernetes.storage import Store
from sandbox.kubernetes.writes.delete import Deletion, delete

Obj = dict[str, Any]

_OWNERS = (DEPLOYMENT, REPLICA_SET)
_OWNED = (REPLICA_SET, POD)


def refresh_quotas(store: Store, namespace: str) -> bool:
    """Bring ``status`` of the quotas up to date; True when one changed."""
    is_changed = False
    for obj in store.all(RESOURCE_QUOTA, namespace):
        status = quota.status_of(store, obj)
        if obj.get("status") != status:
            store.put(RESOURCE_QUOTA, with_status(obj, status))
            is_changed = True
    return is_changed


def collect(store: Store, namespace: str) -> None:
    """Delete objects whose owners are gone or wait for them, and finish owners that waited."""
    owners = {obj["metadata"]["uid"]: obj for kind in _OWNERS for obj in store.each(kind, namespace)}
    for kind in _OWNED:
        for obj in store.all(kind, namespace):
            references = obj["metadata"].get("ownerReferences") or []
            is_lost = bool(references) and all(_is_ending(owners.get(entry["uid"])) for entry in references)
            if is_lost and not obj["metadata"].get("deletionTimestamp"):
                is_awaited = any(entry["uid"] in owners for entry in references) and kind is REPLICA_SET
                way = "Foreground" if is_awaited else "Background"
                delete(store, Deletion(kind, namespace, obj["metadata"]["name"], propagation=way))
    for kind in (REPLICA_SET, DEPLOYMENT):
        for obj in store.all(kind, namespace):
            if obj["metadata"].get("deletionTimestamp") and not _has_children(store, namespace, obj["metadata"]["uid"]):
                store.drop(kind, namespace, obj["metadata"]["name"])


def _is_ending(owner: Obj | None) -> bool:
    return owner is None or bool(owner["metadata"].get("deletionTimestamp"))


def _has_children(store: Store, namespace: str, uid: str) -> bool:
    everything = (obj for kind in _OWNED for obj in store.each(kind, namespace))
    return any(entry["uid"] == uid for obj in everything for entry in obj["metadata"].get("ownerReferences") or [])


def end_namespace(store: Store, name: str) -> float | None:
    """Empty a namespace that is going away, and remove it when nothing is left; seconds until the next look."""
    found = store.get(NAMESPACE, "", name)
    if found is None or not found["metadata"].get("deletionTimestamp"):
        return None
    is_empty = True
    for kind in KINDS:
        for obj in store.all(kind, name) if kind.is_namespaced else []:
            if kind is POD and obj["spec"].get("nodeName"):
                is_empty = False
                if not obj["metadata"].get("deletionTimestamp"):
                    delete(store, Deletion(POD, name, obj["metadata"]["name"]))
                continue
            store.drop(kind, name, obj["metadata"]["name"])
    if is_empty:
        store.drop(NAMESPACE, "", name)
        return None
    return 0.2
