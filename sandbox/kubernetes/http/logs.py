"""Container logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from sandbox.kubernetes import clock
from sandbox.kubernetes.errors import bad_request, not_found
from sandbox.kubernetes.http import requests
from sandbox.kubernetes.http.requests import cluster_of
from sandbox.kubernetes.kinds import POD
from sandbox.kubernetes.kubelet.logs import Line, container_log, with_time
from sandbox.kubernetes.storage import Objects

Obj = dict[str, Any]

_FOLLOW_EVERY = 0.5


async def pod_log(request: Request) -> Response:
    """GET ``pods/{name}/log``: text, 204 for a pod without a node, 400 for a container that has no log."""
    store = cluster_of(request).store
    namespace, name = request.path_params["namespace"], request.path_params["name"]
    pod = store.get(POD, namespace, name)
    if pod is None:
        raise not_found(POD, name)
    container = _container_name(pod, request.query_params.get("container", ""))
    if not pod["spec"].get("nodeName"):
        return Response(status_code=204)
    return log_of(request, store, pod, container)


def log_of(request: Request, store: Objects, pod: Obj, container: str) -> Response:
    """The text that the request's parameters choose; raises ApiError 400 for a container that has no log."""
    is_previous = requests.flag(request, "previous")
    lines = _lines(pod, container, is_previous=is_previous)
    shown = _chosen(request, lines)
    has_times = requests.flag(request, "timestamps")
    if requests.flag(request, "follow") and not is_previous:
        follower = _Follower(store, pod, container, has_times=has_times)
        return StreamingResponse(follower.text(shown, lines), media_type="text/plain")
    text = "".join((with_time(line) if has_times else line[1]) + "\n" for line in shown)
    limit = requests.number(request, "limitBytes")
    encoded = text.encode()[:limit] if limit is not None else text.encode()
    return PlainTextResponse(encoded)


def _container_name(pod: Obj, asked: str) -> str:
    meta, spec = pod["metadata"], pod["spec"]
    names = [entry["name"] for entry in spec["containers"]]
    inits = [entry["name"] for entry in spec.get("initContainers") or []]
    if asked:
        if asked not in names + inits:
            raise bad_request(f"container {asked} is not valid for pod {meta['name']}")
        return asked
    if len(names) == 1 and not inits:
        return str(names[0])
    choice = f"a container name must be specified for pod {meta['name']}, choose one of: [{' '.join(names)}]"
    raise bad_request(choice + (f" or one of the init containers: [{' '.join(inits)}]" if inits else ""))


def _status(pod: Obj, container: str) -> Obj | None:
    status = pod.get("status", {})
    entries = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    return next((entry for entry in entries if entry["name"] == container), None)


def _lines(pod: Obj, container: str, *, is_previous: bool) -> list[Line]:
    name, status = pod["metadata"]["name"], _status(pod, container)
    found = container_log(pod, status, is_previous=is_previous) if status else None
    if found is not None:
        return found
    if is_previous:
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    reason = status["state"]["waiting"]["reason"] if status else "ContainerCreating"
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        reason = "trying and failing to pull image"
    raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')


def _chosen(request: Request, lines: list[Line]) -> list[Line]:
    since = requests.number(request, "sinceSeconds")
    if since is not None:
        start = clock.moment() - timedelta(seconds=since)
        lines = [line for line in lines if line[0] >= start]
    if since_time := request.query_params.get("sinceTime"):
        # The API server hands it to the node without the fraction of its second.
        start = clock.parse(since_time).replace(microsecond=0)
        lines = [line for line in lines if line[0] >= start]
    tail = requests.number(request, "tailLines")
    return (
        lines
        if tail is None
        else lines[len(lines) - tail :]
        if 0 < tail <= len(lines)
        else lines[:0]
        if tail == 0
        else lines
    )


class _Follower:
    """Sends new lines until the container ends or the pod goes."""

    def __init__(self, store: Objects, pod: Obj, container: str, *, has_times: bool) -> None:
        self._store = store
        self._address = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._identity = (_status(pod, container) or {}).get("containerID")
        self._container = container
        self._has_times = has_times

    async def text(self, shown: list[Line], known: list[Line]) -> AsyncIterator[str]:
        """Text chunks: what was chosen, then what comes."""
        yield self._text(shown)
        last = known[-1][0] if known else clock.moment()
        while not self._store.is_closing:
            await asyncio.sleep(_FOLLOW_EVERY)
            pod = self._store.get(POD, *self._address)
            status = _status(pod, self._container) if pod else None
            if pod is None or status is None or status.get("containerID") != self._identity:
                return
            fresh = [line for line in container_log(pod, status, is_previous=False) or [] if line[0] > last]
            if fresh:
                last = fresh[-1][0]
                yield self._text(fresh)
            if "running" not in status["state"]:
                return

    def _text(self, lines: list[Line]) -> str:
        return "".join((with_time(line) if self._has_times else line[1]) + "\n" for line in lines)
