"""The loop that turns writes into passes of the controllers, and the passes that belong to no single kind.

Those are quota status, removal of what lost its owner, and the end of namespaces.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sandbox.kubernetes import quota
from sandbox.kubernetes.controllers.autoscalers import PERIOD_SECONDS, AutoscalerController
from sandbox.kubernetes.controllers.deployments import DeploymentController
from sandbox.kubernetes.controllers.family import controller_of, with_status
from sandbox.kubernetes.controllers.replicasets import ReplicaSetController
from sandbox.kubernetes.deletion import FOREGROUND, Deletion, delete, finalizers_of
from sandbox.kubernetes.events import forget_old
from sandbox.kubernetes.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    EVENT,
    KINDS,
    NAMESPACE,
    POD,
    REPLICA_SET,
    RESOURCE_QUOTA,
    Kind,
)
from sandbox.kubernetes.storage import Change, Store

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
            if _is_ending(obj) and not _has_children(store, namespace, obj["metadata"]["uid"]):
                _let_go(store, kind, obj)


def _is_ending(owner: Obj | None) -> bool:
    """Gone, or waiting for what it owns; one that waits for anybody else's finalizer keeps what it owns."""
    return owner is None or FOREGROUND in finalizers_of(owner)


def _let_go(store: Store, kind: Kind, owner: Obj) -> None:
    """Nothing that it owns is left: the collector's own finalizer goes, and the object with the last one."""
    meta = owner["metadata"]
    left = [name for name in finalizers_of(owner) if name != FOREGROUND]
    if left:
        store.put(kind, {**owner, "metadata": {**meta, "finalizers": left}})
    else:
        store.drop(kind, meta["namespace"], meta["name"])


def _has_children(store: Store, namespace: str, uid: str) -> bool:
    everything = (obj for kind in _OWNED for obj in store.each(kind, namespace))
    return any(entry["uid"] == uid for obj in everything for entry in obj["metadata"].get("ownerReferences") or [])


def end_namespace(store: Store, name: str) -> float | None:
    """Empty a namespace that is going away, and remove it when nothing is left; seconds until the next pass."""
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


Key = tuple[str, str, str]

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 60.0


class Engine:
    """Queues what a write concerns and works it off; one pass at a time, so passes never race each other.

    Keys are ``(what, namespace, name)`` with what = Deployment, ReplicaSet, HorizontalPodAutoscaler, collect, quota
    or Namespace. ``speed``: 2 has autoscalers look twice as often.
    """

    def __init__(self, store: Store, speed: float = 1.0) -> None:
        self._store = store
        self._deployments = DeploymentController(store)
        self._replica_sets = ReplicaSetController(store)
        self._autoscalers = AutoscalerController(store, PERIOD_SECONDS / speed)
        self._queue: dict[Key, None] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        store.listen(self._on_change)

    def start_over(self) -> None:
        """Pass over everything once, as after a restart."""
        for kind in (NAMESPACE, DEPLOYMENT, REPLICA_SET, AUTOSCALER):
            for obj in self._store.all(kind):
                self._add(kind.kind, obj)
        for obj in self._store.all(NAMESPACE):
            self._push(("collect", obj["metadata"]["name"], ""))
            self._push(("quota", obj["metadata"]["name"], ""))

    def _push(self, key: Key) -> None:
        self._queue[key] = None
        self._wake.set()

    def _add(self, what: str, obj: Obj) -> None:
        self._push((what, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))

    def _on_change(self, change: Change) -> None:
        if change.kind is EVENT:
            return
        obj = change.object
        namespace = obj["metadata"].get("namespace", "")
        if change.kind in (DEPLOYMENT, REPLICA_SET, NAMESPACE, AUTOSCALER):
            self._add(change.kind.kind, obj)
        owner = controller_of(obj)
        if owner is not None:
            self._push((owner["kind"], namespace, owner["name"]))
        if change.kind in (POD, REPLICA_SET, DEPLOYMENT) and self._may_orphan(change):
            self._push(("collect", namespace, ""))
        if change.kind is POD and change.type == "DELETED":
            # a Recreate rollout waits for the very last pod, whose set has not changed by then
            self._push_grandparent(namespace, owner)
        if change.kind is RESOURCE_QUOTA or change.type != "MODIFIED" or _is_leaving(change):
            self._push(("quota", namespace, ""))

    def _may_orphan(self, change: Change) -> bool:
        return change.type == "DELETED" or _is_leaving(change)

    def _push_grandparent(self, namespace: str, owner: Obj | None) -> None:
        parent = self._store.get(REPLICA_SET, namespace, owner["name"]) if owner else None
        above = controller_of(parent) if parent else None
        if above is not None:
            self._push((above["kind"], namespace, above["name"]))

    async def run(self) -> None:
        """Work until cancelled; a pass that fails is logged and tried again a second later."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                key = next(iter(self._queue))
                del self._queue[key]
                self._pass(key)
                await asyncio.sleep(0)

    async def sweep(self) -> None:
        """Forget old events and recount quotas from time to time, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            forget_old(self._store)
            for obj in self._store.all(NAMESPACE):
                self._push(("quota", obj["metadata"]["name"], ""))

    def _pass(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        try:
            again = self._dispatch(key)
        except Exception:  # noqa: BLE001 - the edge of the controller loop: one broken object must not stop the others
            _log.exception("The pass over %s failed; trying again in a second", "/".join(key))
            again = 1.0
        if again is not None:
            self._timers[key] = asyncio.get_running_loop().call_later(again, self._push, key)

    def _dispatch(self, key: Key) -> float | None:
        what, namespace, name = key
        if what == DEPLOYMENT.kind:
            return self._deployments.reconcile(namespace, name)
        if what == REPLICA_SET.kind:
            return self._replica_sets.reconcile(namespace, name)
        if what == AUTOSCALER.kind:
            return self._autoscalers.reconcile(namespace, name)
        if what == NAMESPACE.kind:
            return end_namespace(self._store, name)
        if what == "collect":
            collect(self._store, namespace)
        elif refresh_quotas(self._store, namespace):
            for refused in self._replica_sets.forgive(namespace):
                self._push((REPLICA_SET.kind, namespace, refused))
        return None


def _is_leaving(change: Change) -> bool:
    return bool(change.object["metadata"].get("deletionTimestamp"))
