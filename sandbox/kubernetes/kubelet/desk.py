"""One pod as its life sees it: reading it, writing its status, sleeping at the chosen speed."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.kinds import POD
from sandbox.kubernetes.kubelet.statuses import NODE, first_statuses, pod_status
from sandbox.kubernetes.storage import Store

Obj = dict[str, Any]


class PodGone(Exception):
    """The pod was removed meanwhile."""


class PodDesk:
    """Reads and writes one pod. ``speed`` 2 makes everything take half the time."""

    def __init__(self, store: Store, pod: Obj, speed: float) -> None:
        self._store = store
        self._uid = pod["metadata"]["uid"]
        self.namespace: str = pod["metadata"]["namespace"]
        self.name: str = pod["metadata"]["name"]
        self._speed = speed
        self.events = Recorder(store, "kubelet", NODE)
        self.scheduler_events = Recorder(store, "default-scheduler")

    def pod(self) -> Obj:
        """The live pod; raises PodGone."""
        found = self._store.get(POD, self.namespace, self.name)
        # another pod may have taken the name meanwhile
        if found is None or found["metadata"]["uid"] != self._uid:
            raise PodGone
        return found

    async def sleep(self, seconds: float) -> None:
        """Sleep that long, divided by the speed."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    def put(self, pod: Obj) -> None:
        """Store the pod when it differs from the live one."""
        if pod != self.pod():
            self._store.put(POD, pod)

    def container(self, name: str) -> Obj:
        """The status of one container."""
        for part in ("containerStatuses", "initContainerStatuses"):
            for entry in self.pod()["status"].get(part) or []:
                if entry["name"] == name:
                    return dict(entry)
        raise PodGone

    def has_statuses(self) -> bool:
        """Whether this pod has been on the node already."""
        return bool(self.pod().get("status", {}).get("containerStatuses"))

    def begin(self) -> None:
        """Write the first statuses."""
        pod = self.pod()
        self.put({**pod, "status": pod_status(pod, *first_statuses(pod["spec"]))})

    def change(self, name: str, edit: Callable[[Obj], None]) -> None:
        """Edit the status of one container; the pod's phase and conditions follow."""
        pod = self.pod()
        status = copy.deepcopy(pod["status"])
        containers, inits = status["containerStatuses"], status.get("initContainerStatuses") or []
        for entry in [*containers, *inits]:
            if entry["name"] == name:
                edit(entry)
        self.put({**pod, "status": pod_status(pod, containers, inits)})
