"""The loop that turns writes into passes of the controllers."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sandbox.kubernetes.controllers import housekeeping
from sandbox.kubernetes.controllers.deployments import DeploymentController
from sandbox.kubernetes.controllers.family import controller_of
from sandbox.kubernetes.controllers.replicasets import ReplicaSetController
from sandbox.kubernetes.events import forget_old
from sandbox.kubernetes.kinds import DEPLOYMENT, EVENT, NAMESPACE, POD, REPLICA_SET, RESOURCE_QUOTA
from sandbox.kubernetes.storage import Change, Store

Obj = dict[str, Any]
Key = tuple[str, str, str]

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 60.0


class Engine:
    """Queues what a write concerns and works it off; one pass at a time, so passes never race each other.

    Keys are ``(what, namespace, name)`` with what = Deployment, ReplicaSet, collect, quota or Namespace.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._deployments = DeploymentController(store)
        self._replica_sets = ReplicaSetController(store)
        self._queue: dict[Key, None] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        store.listen(self._on_change)

    def start_over(self) -> None:
        """Look at everything once, as after a restart."""
        for kind in (NAMESPACE, DEPLOYMENT, REPLICA_SET):
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
        if change.kind in (DEPLOYMENT, REPLICA_SET, NAMESPACE):
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
        if what == NAMESPACE.kind:
            return housekeeping.end_namespace(self._store, name)
        if what == "collect":
            housekeeping.collect(self._store, namespace)
        elif housekeeping.refresh_quotas(self._store, namespace):
            for refused in self._replica_sets.forgive(namespace):
                self._push((REPLICA_SET.kind, namespace, refused))
        return None


def _is_leaving(change: Change) -> bool:
    return bool(change.object["metadata"].get("deletionTimestamp"))
