"""Scheduler and kubelet in one, as lean as they can be: ``python -m bench.kubelet URL CA_FILE SECONDS``.

A pod is bound when it appears and is ready SECONDS after that; what is to end, ends. Three requests a pod, no events,
no images: what is measured beside it is the control plane and its clients. The token comes by KUBERNETES_TOKEN.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import ssl
import sys
from typing import Any

import httpx

from sandbox.controlplane.node import register
from sandbox.kubernetes import clock
from sandbox.kubernetes.kubelet.statuses import NODE

CONNECTIONS = 32
WATCH_SECONDS = 600


class Node:
    """Follows all pods of one API server."""

    def __init__(self, client: httpx.AsyncClient, seconds: float) -> None:
        self._client, self._seconds = client, seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken: set[tuple[str, bool]] = set()
        self._addresses = itertools.count(1)

    async def run(self) -> None:
        """List, then watch, for as long as the process lives."""
        answer = (await self._client.get("/api/v1/pods")).raise_for_status().json()
        for pod in answer["items"]:
            self._take(pod)
        query = {"watch": "1", "resourceVersion": answer["metadata"]["resourceVersion"]}
        query["timeoutSeconds"] = str(WATCH_SECONDS)
        async with self._client.stream("GET", "/api/v1/pods", params=query, timeout=None) as lines:
            lines.raise_for_status()
            print("ready", flush=True)
            async for line in lines.aiter_lines():
                change = json.loads(line)
                if change["type"] in ("ADDED", "MODIFIED"):
                    self._take(change["object"])

    def _take(self, pod: dict[str, Any]) -> None:
        """Each pod is taken up once and taken down once."""
        is_leaving = "deletionTimestamp" in pod["metadata"]
        key = (str(pod["metadata"]["uid"]), is_leaving)
        if key in self._taken or (not is_leaving and _is_ready(pod)):
            return
        self._taken.add(key)
        task = asyncio.create_task(self._end(pod) if is_leaving else self._live(pod))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, pod: dict[str, Any]) -> None:
        path = _path(pod)
        if not pod["spec"].get("nodeName"):
            target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod["metadata"]["name"]}}
            await self._client.post(f"{path}/binding", json={**binding, "target": target})
        await asyncio.sleep(self._seconds)
        body = json.dumps({"status": _ready_status(pod, next(self._addresses))})
        headers = {"Content-Type": "application/merge-patch+json"}
        await self._client.patch(f"{path}/status", content=body, headers=headers)

    async def _end(self, pod: dict[str, Any]) -> None:
        await self._client.delete(_path(pod), params={"gracePeriodSeconds": "0"})


def _path(pod: dict[str, Any]) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


def _ready_status(pod: dict[str, Any], number: int) -> dict[str, Any]:
    now = clock.stamp()
    conditions = [
        {"type": name, "status": "True", "lastTransitionTime": now}
        for name in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    containers = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }
        for container in pod["spec"]["containers"]
    ]
    address = f"10.244.{number // 250 % 250}.{number % 250 + 1}"
    status = {"phase": "Running", "startTime": now, "podIP": address, "podIPs": [{"ip": address}]}
    return {**status, "conditions": conditions, "containerStatuses": containers}


async def main(url: str, ca_file: str, seconds: float) -> None:
    """Register the node and serve until the process is ended."""
    headers = {"Authorization": f"Bearer {os.environ['KUBERNETES_TOKEN']}"}
    trust = ssl.create_default_context(cafile=ca_file)
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=url, verify=trust, headers=headers, trust_env=False, timeout=30, limits=limits
    ) as client:
        await register(client)
        await Node(client, seconds).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
