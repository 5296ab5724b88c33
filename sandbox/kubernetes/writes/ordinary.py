"""POST, merge patch and the scale subresource."""

from __future__ import annotations

import copy
import secrets
from typing import Any

from sandbox.kubernetes.conformance import type_errors, with_canonical_quantities, without_unknown
from sandbox.kubernetes.defaults import with_defaults
from sandbox.kubernetes.errors import already_exists, bad_request, not_found, stale
from sandbox.kubernetes.kinds import DEPLOYMENT
from sandbox.kubernetes.ownership import Manager, Ownership, taken_over
from sandbox.kubernetes.quantities import BadQuantity
from sandbox.kubernetes.schema import Struct
from sandbox.kubernetes.selectors import as_query
from sandbox.kubernetes.storage import Store
from sandbox.kubernetes.validation.causes import not_negative
from sandbox.kubernetes.writes.request import Write, Written, check_namespace, fits_address, store_changed, store_new

Obj = dict[str, Any]

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def random_suffix(length: int = 5) -> str:
    """The random end of generated names."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def create(store: Store, write: Write, body: Any) -> Written:
    """POST of a new object; raises ApiError."""
    sent, warnings = _readable(write, fits_address(write, body))
    meta = dict(sent.get("metadata") or {})
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + random_suffix()
    if write.kind.is_namespaced:
        meta["namespace"] = write.namespace
    check_namespace(store, write)
    if meta.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if store.get(write.kind, meta.get("namespace", ""), meta.get("name", "")):
        raise already_exists(write.kind, meta["name"])
    obj = {**sent, "metadata": {**meta, "managedFields": []}}
    ownership = Ownership()
    empty = {"apiVersion": write.kind.api_version, "kind": write.kind.kind, "metadata": {}}
    taken_over(empty, with_defaults(obj, write.kind), ownership, Manager(write.manager, "Update"), write.kind)
    obj["metadata"]["managedFields"] = ownership.as_json(write.kind)
    return Written(store_new(store, write, obj), is_created=True, warnings=warnings)


def _readable(write: Write, body: Obj) -> tuple[Obj, tuple[str, ...]]:
    """The body as the decoder takes it: unknown fields refused, warned of or ignored, types and quantities right."""
    node = Struct(write.kind.kind)
    dropped: list[str] = []
    cleaned: Obj = without_unknown(body, node, "", dropped)
    if dropped and write.validation == "Strict":
        named = ", ".join(f'unknown field "{path}"' for path in dropped)
        raise bad_request(f"strict decoding error: {named}")
    errors = type_errors(cleaned, write.kind)
    label = f"{write.kind.kind} in version {write.kind.version!r}".replace("'", '"')
    if errors:
        raise bad_request(f"{label} cannot be handled as a {write.kind.kind}: json: cannot unmarshal: {errors[0]}")
    try:
        readable: Obj = with_canonical_quantities(cleaned, node)
    except BadQuantity as error:
        raise bad_request(f"{label} cannot be handled as a {write.kind.kind}: {error}") from error
    readable.pop("status", None)
    warned = tuple(f'unknown field "{path}"' for path in dropped) if write.validation == "Warn" else ()
    return readable, warned


def merge_patch(store: Store, write: Write, patch: Any) -> Written:
    """RFC 7396 merge patch of a live object; raises ApiError."""
    live = store.get(write.kind, write.namespace, write.name)
    if live is None:
        raise not_found(write.kind, write.name)
    if not isinstance(patch, dict) or not isinstance(patch.get("metadata") or {}, dict):
        raise bad_request("a merge patch and its metadata must be objects")
    fence = (patch.get("metadata") or {}).get("resourceVersion")
    wanted = _patched({name: value for name, value in live.items() if name != "status"}, patch)
    sent, warnings = _readable(write, fits_address(write, wanted))
    if fence and fence != live["metadata"]["resourceVersion"]:
        raise stale(write.kind, write.name)
    names = {name: live["metadata"][name] for name in ("name", "namespace") if name in live["metadata"]}
    obj = {**sent, "metadata": {**(sent.get("metadata") or {}), **names}}
    obj |= {"status": live["status"]} if "status" in live else {}
    return Written(
        _take(store, write, obj, live, Manager(write.manager, "Update")), is_created=False, warnings=warnings
    )


def _take(store: Store, write: Write, obj: Obj, live: Obj, manager: Manager) -> Obj:
    ownership = Ownership.of(live)
    taken_over(live, with_defaults(obj, write.kind), ownership, manager, write.kind)
    meta = {**obj["metadata"], "managedFields": ownership.as_json(write.kind)}
    return store_changed(store, write, {**obj, "metadata": meta}, live)


def _patched(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _patched(result.get(name), value)
    return result


def scale_of(deployment: Obj) -> Obj:
    """The ``Scale`` of a Deployment."""
    meta = deployment["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in names if name in meta},
        "spec": {"replicas": deployment["spec"]["replicas"]},
        "status": {
            "replicas": deployment.get("status", {}).get("replicas", 0),
            "selector": as_query(deployment["spec"]["selector"]),
        },
    }


def scale(store: Store, write: Write, patch: Any) -> Obj:
    """Merge patch of ``deployments/{name}/scale``; the manager then owns replicas through that subresource."""
    live = store.get(DEPLOYMENT, write.namespace, write.name)
    if live is None:
        raise not_found(DEPLOYMENT, write.name)
    wanted = _patched(scale_of(live), patch)
    fence = wanted["metadata"].get("resourceVersion")
    if fence not in (None, live["metadata"]["resourceVersion"]):
        raise stale(DEPLOYMENT, write.name)
    replicas = wanted.get("spec", {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not_negative("spec.replicas", replicas):
        raise bad_request(
            f'Scale in version "v1" cannot be handled as a Scale: spec.replicas: {replicas!r} is no count'
        )
    obj = {**live, "spec": {**live["spec"], "replicas": replicas}}
    return scale_of(_take(store, write, obj, live, Manager(write.manager, "Update", "scale")))
