"""Pods and events of a real API server, in the form in which the stand-in's node reads and writes them.

The node is the only writer of its pods' status: what it wrote last stands here at once, and is sent in order, the
newest instead of what has not been sent yet. Metadata and specification are the server's.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.kubernetes.kinds import EVENT, POD, Kind
from sandbox.kubernetes.storage import Change

Obj = dict[str, Any]

_log = logging.getLogger(__name__)
_WATCH_SECONDS = 240
_SILENCE_SECONDS = 90
_PAUSE_SECONDS = 0.2
_EVENTS_KEPT = 2000


@dataclass
class _Unsent:
    """What the server does not know yet of one pod."""

    node: str = ""
    status: Obj | None = None
    is_gone: bool = False


class RemoteObjects:
    """Follows all pods of an API server; ``put`` and ``drop`` change the copy here and are sent in the background."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._pods: dict[tuple[str, str], Obj] = {}
        self._events: dict[tuple[str, str], Obj] = {}
        self._own_status: dict[str, Obj] = {}
        self._unsent: dict[tuple[str, str, str], _Unsent] = {}
        self._senders: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._posts: set[asyncio.Task[None]] = set()
        self._listeners: list[Callable[[Change], None]] = []
        self.is_closing = False

    # ------------------------------------------------------------ what the node reads and writes
    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call ``listener`` after each change of a pod that the server tells."""
        self._listeners.append(listener)

    def get(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """The live object, or None."""
        return self._of(kind).get((namespace, name))

    def all(self, kind: Kind, namespace: str | None = None) -> list[Obj]:
        """The objects of one namespace, or of all."""
        found = sorted(self._of(kind).items())
        return [obj for (where, _name), obj in found if namespace is None or where == namespace]

    def each(self, kind: Kind, namespace: str) -> Iterable[Obj]:
        """The objects of one namespace."""
        return self.all(kind, namespace)

    def put(self, kind: Kind, obj: Obj) -> Obj:
        """A pod's node or status, or an event; in the background to the server."""
        if kind is EVENT:
            self._put_event(obj)
            return obj
        key = _key(obj)
        before = self._pods.get(key, {})
        unsent = self._unsent_of(obj)
        if obj["spec"].get("nodeName") and not before.get("spec", {}).get("nodeName"):
            unsent.node = obj["spec"]["nodeName"]
        if obj.get("status") != before.get("status"):
            unsent.status = obj["status"]
            self._own_status[obj["metadata"]["uid"]] = obj["status"]
        self._pods[key] = obj
        self._send(obj)
        return obj

    def drop(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """The node is done with a pod that was to end: tell the server, which removes it."""
        pod = self._pods.get((namespace, name))
        if pod is not None:
            self._unsent_of(pod).is_gone = True
            self._send(pod)
        return pod

    def _of(self, kind: Kind) -> dict[tuple[str, str], Obj]:
        return self._pods if kind is POD else self._events

    # ------------------------------------------------------------ to the server
    def _unsent_of(self, pod: Obj) -> _Unsent:
        return self._unsent.setdefault((*_key(pod), pod["metadata"]["uid"]), _Unsent())

    def _send(self, pod: Obj) -> None:
        where = (*_key(pod), pod["metadata"]["uid"])
        if where not in self._senders:
            self._senders[where] = asyncio.create_task(self._sender(where))

    async def _sender(self, where: tuple[str, str, str]) -> None:
        """Sends until nothing is left; one a pod, so that the order stays."""
        try:
            while unsent := self._unsent.pop(where, None):
                while not await self._sent(where, unsent):
                    await asyncio.sleep(_PAUSE_SECONDS)
                    # What came meanwhile stands for what could not be sent.
                    newer = self._unsent.pop(where, _Unsent())
                    unsent = _Unsent(
                        unsent.node or newer.node, newer.status or unsent.status, unsent.is_gone or newer.is_gone
                    )
        finally:
            self._senders.pop(where, None)

    async def _sent(self, where: tuple[str, str, str], unsent: _Unsent) -> bool:
        """True when there is nothing more to try."""
        namespace, name, uid = where
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        try:
            if unsent.node:
                target = {"apiVersion": "v1", "kind": "Node", "name": unsent.node}
                body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "uid": uid}, "target": target}
                answer = await self._client.post(f"{path}/binding", json=body)
                if answer.status_code >= 500 or answer.status_code == 429:
                    return False
                unsent.node = ""
            if unsent.status is not None:
                answer = await self._patch_status(path, uid, unsent.status)
                if answer.status_code >= 500 or answer.status_code == 429:
                    return False
                if answer.status_code >= 400 and answer.status_code not in (404, 409):
                    _log.warning("The status of %s/%s was refused: %s", namespace, name, answer.text[:500])
            if unsent.is_gone:
                options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
                answer = await self._client.request("DELETE", path, json=options)
                return answer.status_code < 500 and answer.status_code != 429
        except httpx.HTTPError:
            return False
        return True

    async def _patch_status(self, path: str, uid: str, status: Obj) -> httpx.Response:
        body = {"metadata": {"uid": uid}, "status": status}
        return await self._client.patch(
            f"{path}/status", content=json.dumps(body), headers={"Content-Type": "application/merge-patch+json"}
        )

    def _put_event(self, event: Obj) -> None:
        key = _key(event)
        is_new = key not in self._events
        self._events[key] = event
        while len(self._events) > _EVENTS_KEPT:
            self._events.pop(next(iter(self._events)))
        task = asyncio.create_task(self._send_event(event, is_new=is_new))
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    async def _send_event(self, event: Obj, *, is_new: bool) -> None:
        """An event that is lost is lost, as a kubelet's is."""
        path = f"/api/v1/namespaces/{event['metadata']['namespace']}/events"
        body = {**event, "metadata": {key: event["metadata"][key] for key in ("name", "namespace")}}
        try:
            if is_new:
                await self._client.post(path, json=body)
                return
            changed = {key: event[key] for key in ("message", "count", "lastTimestamp")}
            headers = {"Content-Type": "application/merge-patch+json"}
            url = f"{path}/{event['metadata']['name']}"
            await self._client.patch(url, content=json.dumps(changed), headers=headers)
        except httpx.HTTPError:
            _log.debug("An event was lost.", exc_info=True)

    # ------------------------------------------------------------ from the server
    async def follow(self) -> None:
        """List, then watch, for ever; after a break the list tells what was missed."""
        while not self.is_closing:
            try:
                await self._watch(await self._list())
            except (httpx.HTTPError, ValueError, KeyError):
                _log.debug("The pods are listed again.", exc_info=True)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _list(self) -> str:
        answer = (await self._client.get("/api/v1/pods")).raise_for_status().json()
        there = {_key(pod): {**pod, "kind": "Pod", "apiVersion": "v1"} for pod in answer["items"]}
        for key, pod in list(self._pods.items()):
            if key not in there or there[key]["metadata"]["uid"] != pod["metadata"]["uid"]:
                self._forget(pod)
        for pod in there.values():
            self._take(pod)
        return str(answer["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> None:
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
        timeout = httpx.Timeout(10, read=_SILENCE_SECONDS)
        query["allowWatchBookmarks"] = "1"
        async with self._client.stream("GET", "/api/v1/pods", params=query, timeout=timeout) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                change = json.loads(line)
                if change["type"] == "ERROR":
                    return
                if change["type"] == "DELETED":
                    self._forget(change["object"])
                elif change["type"] != "BOOKMARK":
                    self._take(change["object"])

    def _take(self, pod: Obj) -> None:
        """The server's metadata and specification; the status that we wrote last, where we have written one."""
        key, before = _key(pod), self._pods.get(_key(pod))
        own = self._own_status.get(pod["metadata"]["uid"])
        spec = pod["spec"]
        if before and before["metadata"]["uid"] == pod["metadata"]["uid"] and before["spec"].get("nodeName"):
            spec = {**spec, "nodeName": before["spec"]["nodeName"]}
        taken = {**pod, "spec": spec, **({"status": own} if own else {})}
        self._pods[key] = taken
        is_new = before is None or before["metadata"]["uid"] != pod["metadata"]["uid"]
        self._tell(Change(0, "ADDED" if is_new else "MODIFIED", POD, taken, before))

    def _forget(self, pod: Obj) -> None:
        known = self._pods.get(_key(pod))
        if known is not None and known["metadata"]["uid"] == pod["metadata"]["uid"]:
            del self._pods[_key(pod)]
        self._own_status.pop(pod["metadata"]["uid"], None)
        self._tell(Change(0, "DELETED", POD, pod, known))

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)

    async def close(self) -> None:
        """Send nothing more."""
        self.is_closing = True
        tasks = [*self._senders.values(), *self._posts]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _key(obj: Obj) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
