"""A write as it came in, and what it led to."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes import clock, quota
from sandbox.kubernetes.defaults import with_defaults
from sandbox.kubernetes.errors import Cause, bad_request, forbidden, not_found
from sandbox.kubernetes.kinds import DEPLOYMENT, INGRESS, NAMESPACE, POD, REPLICA_SET, Kind
from sandbox.kubernetes.storage import Store
from sandbox.kubernetes.validation import check

Obj = dict[str, Any]

_WITH_GENERATION = {kind.plural for kind in (DEPLOYMENT, REPLICA_SET, INGRESS, POD)}
_SERVER_SET = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


@dataclass(frozen=True)
class Write:
    """Where a write goes and how. ``manager`` is the field manager, ``validation`` is Strict, Warn or Ignore."""

    kind: Kind
    namespace: str
    name: str
    manager: str
    is_dry: bool = False
    is_forced: bool = False
    validation: str = "Warn"


@dataclass(frozen=True)
class Written:
    """The object after the write; ``warnings`` go out as ``Warning`` headers."""

    object: Obj
    is_created: bool
    warnings: tuple[str, ...] = ()


def fits_address(write: Write, body: Any) -> Obj:
    """The body, when its kind, name and namespace are those of the address; raises ApiError 400."""
    kind = write.kind
    if not isinstance(body, dict):
        raise bad_request("the object provided is unrecognized (must be of type object)")
    if (body.get("apiVersion"), body.get("kind")) != (kind.api_version, kind.kind):
        sent = f"{body.get('apiVersion')}, Kind={body.get('kind')}"
        raise bad_request(
            f"the kind in the data ({sent}) does not match the expected kind ({kind.api_version}, Kind={kind.kind})"
        )
    meta = body.get("metadata") or {}
    if not isinstance(meta, dict):
        raise bad_request("the object provided is unrecognized (metadata must be of type object)")
    if write.name and meta.get("name") not in (None, "", write.name):
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({write.name})")
    if kind.is_namespaced and meta.get("namespace") not in (None, "", write.namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return body


def check_namespace(store: Store, write: Write) -> None:
    """Raise 404 for a namespace that is absent, 403 for one that is going away."""
    if not write.kind.is_namespaced:
        return
    found = store.get(NAMESPACE, "", write.namespace)
    if found is None:
        raise not_found(NAMESPACE, write.namespace)
    if found["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {write.namespace} because it is being terminated"
        cause = Cause("NamespaceTerminating", f"namespace {write.namespace} is being terminated", "metadata.namespace")
        raise forbidden(write.kind, write.name, why, [cause])


def store_new(store: Store, write: Write, obj: Obj) -> Obj:
    """Fill in, check, admit and (unless dry) store a new object."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": clock.stamp()}
    if write.kind.plural in _WITH_GENERATION:
        meta["generation"] = 1
    obj = with_defaults({**obj, "metadata": meta}, write.kind)
    check(obj, None, write.kind)
    quota.admit(store, write.kind, write.namespace, obj)
    return obj if write.is_dry else store.put(write.kind, obj)


def store_changed(store: Store, write: Write, obj: Obj, live: Obj) -> Obj:
    """Fill in, check and (unless dry or nothing differs) store a changed object."""
    meta = dict(obj["metadata"])
    for name in _SERVER_SET:
        meta.pop(name, None)
        if name in live["metadata"]:
            meta[name] = live["metadata"][name]
    meta["resourceVersion"] = live["metadata"]["resourceVersion"]
    changed = with_defaults({**obj, "metadata": meta}, write.kind)
    wanted_uid = obj["metadata"].get("uid")
    if wanted_uid:
        check({**changed, "metadata": {**meta, "uid": wanted_uid}}, live, write.kind)
    else:
        check(changed, live, write.kind)
    if changed == live:
        return live
    if write.kind.plural in _WITH_GENERATION and changed.get("spec") != live.get("spec"):
        changed["metadata"]["generation"] = live["metadata"].get("generation", 1) + 1
    return changed if write.is_dry else store.put(write.kind, changed)
