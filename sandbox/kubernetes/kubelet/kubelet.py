"""The kubelet: one task for the life of each pod, another to stop it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sandbox.kubernetes.images import Puller
from sandbox.kubernetes.kinds import POD
from sandbox.kubernetes.kubelet.life import PodDesk, PodGone, PodLife
from sandbox.kubernetes.storage import Change, Objects

Obj = dict[str, Any]

_log = logging.getLogger(__name__)
_STOP_SECONDS = 0.4


class Kubelet:
    """Follows the store and takes pods up and down."""

    def __init__(self, store: Objects, puller: Puller, speed: float) -> None:
        self._store = store
        self._puller = puller
        self._speed = speed
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Task[None]] = {}
        store.listen(self._on_change)

    def start_over(self) -> None:
        """Take up every pod where it stands, as after a restart; ready containers stay ready."""
        for pod in self._store.all(POD):
            self._take(pod)

    def _on_change(self, change: Change) -> None:
        if change.kind is not POD:
            return
        uid = change.object["metadata"]["uid"]
        if change.type == "DELETED":
            self._end_life(uid)
        elif change.type == "ADDED" or change.object["metadata"].get("deletionTimestamp"):
            self._take(change.object)

    def _take(self, pod: Obj) -> None:
        uid = pod["metadata"]["uid"]
        if pod["metadata"].get("deletionTimestamp"):
            if uid not in self._stops:
                self._end_life(uid)
                self._stops[uid] = asyncio.create_task(self._stop(pod))
        elif uid not in self._lives:
            self._lives[uid] = asyncio.create_task(self._live(pod))

    def _end_life(self, uid: str) -> None:
        task = self._lives.pop(uid, None)
        # a life may remove its own pod's status last; it never cancels itself
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _live(self, pod: Obj) -> None:
        meta = pod["metadata"]
        try:
            await PodLife(PodDesk(self._store, pod, self._speed), self._puller).run()
        except PodGone:
            return
        except Exception:  # noqa: BLE001 - the edge of a pod's task: its failure must be seen and end nothing else
            _log.exception("The life of pod %s/%s broke off", meta["namespace"], meta["name"])

    async def _stop(self, pod: Obj) -> None:
        meta = pod["metadata"]
        desk = PodDesk(self._store, pod, self._speed)
        try:
            for container in pod["spec"]["containers"]:
                field = f"spec.containers{{{container['name']}}}"
                desk.events.normal(pod, "Killing", f"Stopping container {container['name']}", field)
            await desk.sleep(min(meta.get("deletionGracePeriodSeconds") or 0, _STOP_SECONDS))
            live = self._store.get(POD, meta["namespace"], meta["name"])
            if live is not None and live["metadata"]["uid"] == meta["uid"]:
                self._store.drop(POD, meta["namespace"], meta["name"])
        finally:
            self._stops.pop(meta["uid"], None)

    async def close(self) -> None:
        """Stop all tasks; the pods stay as they are."""
        tasks = [*self._lives.values(), *self._stops.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
