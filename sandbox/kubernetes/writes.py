"""What a POST or PATCH does to the store: requests, server-side apply, creation, merge patch and scale.

Every dry run takes the same path up to the last step.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from typing import Any

from sandbox.kubernetes import clock, limits, quota
from sandbox.kubernetes.defaults import quality_of, with_defaults
from sandbox.kubernetes.deprecations import deprecations
from sandbox.kubernetes.errors import (
    ApiError,
    Cause,
    already_exists,
    apply_refused,
    bad_request,
    conflict,
    forbidden,
    not_found,
    stale,
)
from sandbox.kubernetes.fields import Struct, joined, owned, type_errors, with_canonical_quantities, without_unknown
from sandbox.kubernetes.kinds import DEPLOYMENT, DISRUPTION_BUDGET, INGRESS, NAMESPACE, NODE, POD, REPLICA_SET, Kind
from sandbox.kubernetes.ownership import (
    Manager,
    Ownership,
    conflict_error,
    conflicts,
    merged,
    ownable,
    pruned,
    taken_over,
)
from sandbox.kubernetes.patches import BadPatch, json_patched, merge_patched
from sandbox.kubernetes.quantities import BadQuantity
from sandbox.kubernetes.selectors import as_query
from sandbox.kubernetes.storage import Store
from sandbox.kubernetes.validation import check
from sandbox.kubernetes.validation.causes import not_negative

Obj = dict[str, Any]

_WITH_GENERATION = {kind.plural for kind in (DEPLOYMENT, REPLICA_SET, INGRESS, POD, DISRUPTION_BUDGET)}
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
    if write.kind is POD:
        obj = limits.completed(store, write.namespace, obj)
        obj["status"]["qosClass"] = quality_of(obj["spec"])
        limits.admit(store, write.namespace, obj)
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
    if write.kind.plural in _WITH_GENERATION and _asks_for_more(changed, live):
        changed["metadata"]["generation"] = live["metadata"].get("generation", 1) + 1
    if write.is_dry:
        return changed
    stored = store.put(write.kind, changed)
    if meta.get("deletionTimestamp") and not meta.get("finalizers") and write.kind not in (POD, NAMESPACE):
        # It only waited for its finalizers, and this took the last one away.
        store.drop(write.kind, write.namespace, meta["name"])
    return stored


def _asks_for_more(changed: Obj, live: Obj) -> bool:
    """Another specification or other annotations (``pkg/registry/apps/deployment/strategy.go``, PrepareForUpdate)."""
    if changed.get("spec") != live.get("spec"):
        return True
    before, after = (one["metadata"].get("annotations") or {} for one in (live, changed))
    return changed["kind"] == "Deployment" and before != after


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
    if write.kind is not NODE:
        # A node comes with its status; everybody else's is written by controllers alone.
        readable.pop("status", None)
    warned = tuple(f'unknown field "{path}"' for path in dropped) if write.validation == "Warn" else ()
    return readable, warned


def merge_patch(store: Store, write: Write, patch: Any) -> Written:
    """RFC 7396 merge patch of a live object; raises ApiError."""
    live = _patchable(store, write)
    if not isinstance(patch, dict) or not isinstance(patch.get("metadata") or {}, dict):
        raise bad_request("a merge patch and its metadata must be objects")
    fence = (patch.get("metadata") or {}).get("resourceVersion")
    return _replaced(store, write, live, merge_patched(_without_status(live), patch), fence)


def json_patch(store: Store, write: Write, patch: Any) -> Written:
    """RFC 6902 patch of a live object, as ``kubectl rollout undo`` sends it; raises ApiError."""
    live = _patchable(store, write)
    try:
        wanted = json_patched(_without_status(live), patch)
    except BadPatch as error:
        words = f"the server rejected our request due to an error in our request: {error}"
        raise ApiError(422, "Invalid", words) from error
    if not isinstance(wanted, dict) or not isinstance(wanted.get("metadata"), dict):
        raise bad_request("a patched object must be an object with metadata")
    return _replaced(store, write, live, wanted, wanted["metadata"].get("resourceVersion"))


def _patchable(store: Store, write: Write) -> Obj:
    live = store.get(write.kind, write.namespace, write.name)
    if live is None:
        raise not_found(write.kind, write.name)
    return live


def _without_status(live: Obj) -> Obj:
    return {name: value for name, value in live.items() if name != "status"}


def _replaced(store: Store, write: Write, live: Obj, wanted: Obj, fence: Any) -> Written:
    """The live object becomes ``wanted``; ``fence``: the resourceVersion that the sender knows, if any."""
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
    # A patch may rewrite managedFields themselves; an empty list leaves them as they are.
    ownership = Ownership.of(obj if obj["metadata"].get("managedFields") else live)
    taken_over(live, with_defaults(obj, write.kind), ownership, manager, write.kind)
    meta = {**obj["metadata"], "managedFields": ownership.as_json(write.kind)}
    return store_changed(store, write, {**obj, "metadata": meta}, live)


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
    wanted = merge_patched(scale_of(live), patch)
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


def apply(store: Store, write: Write, body: Any) -> Written:
    """Create or change an object so that it has what ``body`` says; raises ApiError."""
    sent = _declared(write, fits_address(write, body))
    live = store.get(write.kind, write.namespace, write.name)
    own = ownable(owned(sent, Struct(write.kind.kind)))
    if live is None:
        written = _created(store, write, sent, own)
    else:
        written = Written(_changed(store, write, sent, live, own), is_created=False)
    return replace(written, warnings=deprecations(written.object))


def _declared(write: Write, body: Obj) -> Obj:
    """The body with declared fields only, quantities canonical; 500 with the path of what is wrong."""
    kind, meta = write.kind, body.get("metadata") or {}
    if meta.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    group_version_kind = f"{kind.api_version}, Kind={kind.kind}"
    address = f"({meta.get('namespace') or ''}/{meta.get('name') or ''}; {group_version_kind})"
    errors = type_errors(body, kind)
    if errors:
        raise apply_refused(f"failed to create typed patch object {address}: {joined(errors)}")
    cleaned: Obj = without_unknown(body, Struct(kind.kind), "", [])
    try:
        readable: Obj = with_canonical_quantities(cleaned, Struct(kind.kind))
    except BadQuantity as error:
        where = f"failed to convert new object {address} to proper version ({kind.api_version})"
        raise apply_refused(f"{where}: {error}") from error
    readable.pop("status", None)
    names = {"name": write.name} | ({"namespace": write.namespace} if kind.is_namespaced else {})
    return {**readable, "metadata": {**(readable.get("metadata") or {}), **names}}


def _created(store: Store, write: Write, sent: Obj, own: set[tuple[str, ...]]) -> Written:
    check_namespace(store, write)
    uid = sent["metadata"].get("uid")
    if uid:
        raise conflict(
            write.kind,
            write.name,
            f"uid mismatch: the provided object specified uid {uid}, and no existing object was found",
        )
    ownership = Ownership()
    ownership.give(Manager(write.manager, "Apply"), own)
    obj = {**sent, "metadata": {**sent["metadata"], "managedFields": ownership.as_json(write.kind)}}
    return Written(store_new(store, write, obj), is_created=True)


def _changed(store: Store, write: Write, sent: Obj, live: Obj, own: set[tuple[str, ...]]) -> Obj:
    manager = Manager(write.manager, "Apply")
    ownership = Ownership.of(live)
    found = conflicts(live, sent, own, ownership, manager)
    if found and not write.is_forced:
        raise conflict_error(found, write.kind)
    for other, paths in found.items():
        ownership.give(other, ownership.paths[other] - set(paths))
    fence = sent["metadata"].get("resourceVersion")
    if fence not in (None, "", "0", live["metadata"]["resourceVersion"]):
        raise stale(write.kind, write.name)
    dropped = ownership.paths.get(manager, set()) - own - ownership.others(manager)
    ownership.give(manager, own)
    laid_over = merged(live, sent, Struct(write.kind.kind))
    everybody = own | ownership.others(manager)
    result = pruned(laid_over, dropped, everybody) if dropped else laid_over
    meta = {**result["metadata"], "managedFields": ownership.as_json(write.kind)}
    if not sent["metadata"].get("uid"):
        meta.pop("uid", None)
    return store_changed(store, write, {**result, "metadata": meta}, live)
