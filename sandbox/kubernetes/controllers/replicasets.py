"""The ReplicaSet controller: as many pods as wanted, and the counts of them."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.controllers.family import condition, is_active, owner_reference, pods_of, with_status
from sandbox.kubernetes.controllers.rollout import new_condition, without
from sandbox.kubernetes.deletion import Deletion, delete
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.kinds import POD, REPLICA_SET
from sandbox.kubernetes.storage import Store
from sandbox.kubernetes.writes import Write, check_namespace, random_suffix, store_new

Obj = dict[str, Any]

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_BURST = 50
"""Pods made in one pass, so that other work gets its turn."""


def ready_since(pod: Obj) -> str:
    """When the pod became ready, empty when it is not."""
    found = condition(pod, "Ready")
    return str(found["lastTransitionTime"]) if found and found["status"] == "True" else ""


class ReplicaSetController:
    """Creates and deletes pods; a refused creation is tried again, later each time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, "replicaset-controller")
        self._waits: dict[str, float] = {}

    def forgive(self, namespace: str) -> list[str]:
        """Forget the waits of a namespace where capacity may have come; names of its sets that were refused pods."""
        refused = [obj for obj in self._store.all(REPLICA_SET, namespace) if condition(obj, "ReplicaFailure")]
        for obj in refused:
            self._waits.pop(obj["metadata"]["uid"], None)
        return [obj["metadata"]["name"] for obj in refused]

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; seconds after which to look again, None when only a change can matter."""
        replica_set = self._store.get(REPLICA_SET, namespace, name)
        if replica_set is None or replica_set["metadata"].get("deletionTimestamp"):
            return None
        active = [pod for pod in pods_of(self._store, replica_set) if is_active(pod)]
        missing = replica_set["spec"]["replicas"] - len(active)
        refusal = self._create(replica_set, min(missing, _BURST)) if missing > 0 else ""
        if missing < 0:
            self._delete(replica_set, active, -missing)
        soon = self._write_status(namespace, name, refusal)
        if missing > _BURST and not refusal:
            soon = 0.0
        return self._next_pass(replica_set["metadata"]["uid"], soon, is_refused=bool(refusal))

    def _next_pass(self, uid: str, soon: float | None, *, is_refused: bool) -> float | None:
        if not is_refused:
            self._waits.pop(uid, None)
            return soon
        wait = self._waits.get(uid, _FIRST_WAIT)
        self._waits[uid] = min(wait * 2, _LONGEST_WAIT)
        return min(wait, soon) if soon is not None else wait

    def _create(self, replica_set: Obj, count: int) -> str:
        """Create pods until one is refused; the refusal's text, or empty."""
        template = replica_set["spec"]["template"]
        meta = replica_set["metadata"]
        for _ in range(count):
            write = Write(POD, meta["namespace"], f"{meta['name']}-{random_suffix()}", "kube-controller-manager")
            pod_meta = {
                **copy.deepcopy(template["metadata"]),
                "name": write.name,
                "generateName": f"{meta['name']}-",
                "namespace": meta["namespace"],
                "ownerReferences": [owner_reference(replica_set)],
            }
            pod = {"kind": "Pod", "apiVersion": "v1", "metadata": pod_meta, "spec": copy.deepcopy(template["spec"])}
            try:
                check_namespace(self._store, write)
                store_new(self._store, write, pod)
            except ApiError as refusal:
                self._events.warning(replica_set, "FailedCreate", f"Error creating: {refusal.message}")
                return refusal.message
            self._events.normal(replica_set, "SuccessfulCreate", f"Created pod: {write.name}")
        return ""

    def _delete(self, replica_set: Obj, active: list[Obj], count: int) -> None:
        """Delete those that serve least: unscheduled, pending, not ready, then the youngest."""
        for pod in sorted(active, key=_rank)[:count]:
            meta = pod["metadata"]
            delete(self._store, Deletion(POD, meta["namespace"], meta["name"]))
            self._events.normal(replica_set, "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    def _write_status(self, namespace: str, name: str, refusal: str) -> float | None:
        replica_set = self._store.get(REPLICA_SET, namespace, name)
        assert replica_set is not None
        pods = pods_of(self._store, replica_set)
        active = [pod for pod in pods if is_active(pod)]
        since = [ready_since(pod) for pod in active if ready_since(pod)]
        least = replica_set["spec"].get("minReadySeconds") or 0
        waits = [least - clock.seconds_since(at) for at in since]
        available = sum(1 for wait in waits if wait <= 0 or not least)
        leaving = [pod for pod in pods if pod["metadata"].get("deletionTimestamp")]
        values = {
            "fullyLabeledReplicas": len(active),
            "readyReplicas": len(since),
            "availableReplicas": available,
        }
        status: Obj = {
            "replicas": len(active),
            **{field: value for field, value in values.items() if value},
            "terminatingReplicas": len(leaving),
            "observedGeneration": replica_set["metadata"]["generation"],
        }
        conditions = _conditions(replica_set, refusal)
        if conditions:
            status["conditions"] = conditions
        if status != replica_set.get("status"):
            self._store.put(REPLICA_SET, with_status(replica_set, status))
        later = [wait for wait in waits if wait > 0 and least]
        return min(later) + 0.02 if later else None


def _conditions(replica_set: Obj, refusal: str) -> list[Obj]:
    conditions: list[Obj] = list(replica_set.get("status", {}).get("conditions") or [])
    if not refusal:
        return without(conditions, "ReplicaFailure")
    if condition(replica_set, "ReplicaFailure"):
        return conditions
    failed = new_condition("ReplicaFailure", "True", "FailedCreate", refusal)
    failed.pop("lastUpdateTime")
    return [*conditions, failed]


def _rank(pod: Obj) -> tuple[int, int, float]:
    """Low is deleted first."""
    order = {"Pending": 1, "Unknown": 2}
    phase = 0 if not pod["spec"].get("nodeName") else order.get(pod.get("status", {}).get("phase"), 3)
    since = ready_since(pod)
    return phase, 1 if since else 0, clock.seconds_since(since) if since else 0.0
