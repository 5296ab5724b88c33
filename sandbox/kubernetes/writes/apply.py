"""Server-side apply."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.conformance import joined, type_errors, with_canonical_quantities, without_unknown
from sandbox.kubernetes.errors import apply_refused, bad_request, conflict, stale
from sandbox.kubernetes.fields import owned
from sandbox.kubernetes.ownership import Manager, Ownership, conflict_error, conflicts, merged, ownable, pruned
from sandbox.kubernetes.quantities import BadQuantity
from sandbox.kubernetes.schema import Struct
from sandbox.kubernetes.storage import Store
from sandbox.kubernetes.writes.request import Write, Written, check_namespace, fits_address, store_changed, store_new

Obj = dict[str, Any]


def apply(store: Store, write: Write, body: Any) -> Written:
    """Create or change an object so that it has what ``body`` says; raises ApiError."""
    sent = _readable(write, fits_address(write, body))
    live = store.get(write.kind, write.namespace, write.name)
    own = ownable(owned(sent, Struct(write.kind.kind)))
    if live is None:
        return _created(store, write, sent, own)
    return Written(_changed(store, write, sent, live, own), is_created=False)


def _readable(write: Write, body: Obj) -> Obj:
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
