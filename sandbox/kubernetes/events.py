"""Events, counted when they repeat and forgotten after an hour."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sandbox.kubernetes import clock
from sandbox.kubernetes.kinds import EVENT
from sandbox.kubernetes.storage import Objects, Store

Obj = dict[str, Any]

_KEPT_SECONDS = 3600
_KEPT_AT_MOST = 2000
_COMBINE_AFTER = 10


class Recorder:
    """Writes events for one component, such as ``kubelet`` or ``replicaset-controller``."""

    def __init__(self, store: Objects, component: str, host: str = "") -> None:
        self._store = store
        self._component = component
        self._host = host

    def normal(self, about: Obj, reason: str, message: str, field: str = "") -> None:
        """A Normal event about an object."""
        self._record(about, "Normal", reason, message, field)

    def warning(self, about: Obj, reason: str, message: str, field: str = "") -> None:
        """A Warning event about an object."""
        self._record(about, "Warning", reason, message, field)

    def _record(self, about: Obj, level: str, reason: str, message: str, field: str) -> None:
        meta = about["metadata"]
        namespace = meta.get("namespace", "default")
        everything = self._store.each(EVENT, namespace)
        similar = [event for event in everything if self._is_similar(event, meta["uid"], reason, level)]
        same = next((event for event in similar if event["message"] == message), None)
        if same is None and len(similar) >= _COMBINE_AFTER:
            message = f"(combined from similar events): {message}"
            same = next((event for event in similar if event["message"].startswith("(combined")), None)
        now = clock.stamp()
        if same is not None:
            self._store.put(EVENT, {**same, "message": message, "count": same["count"] + 1, "lastTimestamp": now})
            return
        self._store.put(EVENT, self._new(about, level, reason, message, field, now))

    def _is_similar(self, event: Obj, uid: str, reason: str, level: str) -> bool:
        return (event["involvedObject"]["uid"], event["reason"], event["type"]) == (uid, reason, level)

    def _new(self, about: Obj, level: str, reason: str, message: str, field: str, now: str) -> Obj:
        meta = about["metadata"]
        namespace = meta.get("namespace", "default")
        involved: Obj = {
            "kind": about["kind"],
            "namespace": namespace,
            "name": meta["name"],
            "uid": meta["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": meta.get("resourceVersion", ""),
        }
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {
                "name": f"{meta['name']}.{uuid4().hex[:16]}",
                "namespace": namespace,
                "uid": str(uuid4()),
                "creationTimestamp": now,
            },
            "involvedObject": involved | ({"fieldPath": field} if field else {}),
            "reason": reason,
            "message": message,
            "type": level,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "eventTime": None,
            "source": {"component": self._component} | ({"host": self._host} if self._host else {}),
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }


def forget_old(store: Store) -> None:
    """Drop events older than an hour, and the oldest beyond 2000."""
    events = sorted(store.all(EVENT), key=lambda event: str(event["lastTimestamp"]))
    too_many = max(0, len(events) - _KEPT_AT_MOST)
    for index, event in enumerate(events):
        if index < too_many or clock.seconds_since(event["lastTimestamp"]) > _KEPT_SECONDS:
            store.drop(EVENT, event["metadata"]["namespace"], event["metadata"]["name"])
