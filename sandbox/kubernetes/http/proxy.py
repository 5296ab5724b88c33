"""GET of a Service's port, handed on to a ready pod behind it.

Words and codes as a real 1.36 API server answers; the way to a pod is shorter, for our pods have no network.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from sandbox.kubernetes.entry import answer_of, entry_of, listens
from sandbox.kubernetes.errors import ApiError, not_found
from sandbox.kubernetes.http.requests import Cluster, cluster_of
from sandbox.kubernetes.kinds import POD, SERVICE
from sandbox.kubernetes.selectors import matches_labels

Obj = dict[str, Any]

_PATIENCE_SECONDS = 30.0
"""A pod that hangs is waited for so long; who asks gives up before."""


async def service_proxy(request: Request) -> Response:
    """GET ``services/{name}:{port}/proxy/{path}``."""
    cluster, namespace = cluster_of(request), request.path_params["namespace"]
    name, _colon, port = request.path_params["name"].partition(":")
    service = cluster.store.get(SERVICE, namespace, name)
    if service is None:
        raise not_found(SERVICE, name)
    pod, number = _endpoint(cluster, service, port, request.path_params["name"])
    return await _handed_on(request, cluster, pod, number)


def _endpoint(cluster: Cluster, service: Obj, port: str, asked: str) -> tuple[Obj, int]:
    """A ready pod and the port there; raises ApiError 503 where there is none."""
    nobody = ApiError(503, "ServiceUnavailable", f'no endpoints available for service "{asked}"')
    ports = service["spec"].get("ports") or []
    if port.isdigit():
        wanted = next((one for one in ports if str(one["port"]) == port), None)
        if wanted is None:
            raise ApiError(503, "ServiceUnavailable", f'no service port {port} found for service "{asked}"')
    else:
        wanted = next((one for one in ports if one.get("name", "") == port), None)
    selector = service["spec"].get("selector")
    if wanted is None or not selector:
        raise nobody
    for pod in cluster.store.all(POD, service["metadata"]["namespace"]):
        if matches_labels({"matchLabels": selector}, pod["metadata"].get("labels") or {}) and _is_ready(pod):
            number = _target_port(pod, wanted.get("targetPort", wanted["port"]))
            if number:
                return pod, number
    raise nobody


def _is_ready(pod: Obj) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    is_leaving = "deletionTimestamp" in pod["metadata"]
    return not is_leaving and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _target_port(pod: Obj, target: int | str) -> int:
    if isinstance(target, int):
        return target
    declared = (port for container in pod["spec"]["containers"] for port in container.get("ports") or [])
    return next((port["containerPort"] for port in declared if port.get("name") == target), 0)


async def _handed_on(request: Request, cluster: Cluster, pod: Obj, port: int) -> Response:
    path = "/" + request.path_params["path"] + (f"?{request.url.query}" if request.url.query else "")
    answer = answer_of(pod, path, await entry_of(pod, cluster.puller))
    address = f"{pod['status'].get('podIP', '')}:{port}"
    if answer.silence == "refused" or not listens(pod, port):
        raise _not_reached(f"dial tcp {address}: connect: connection refused")
    if answer.silence == "hangs":
        await asyncio.sleep(_PATIENCE_SECONDS)
    if answer.silence:
        raise _not_reached("EOF")
    headers = dict(answer.headers)
    if location := headers.get("Location", ""):
        headers["Location"] = _rewritten(location, request.url.path, request.path_params["path"])
    return Response(answer.body, answer.status, headers)


def _not_reached(words: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", f"error trying to reach service: {words}")


def _rewritten(location: str, asked: str, path: str) -> str:
    """A redirect on the application itself leads through the proxy again; others stay as they are."""
    return location if urlsplit(location).netloc else asked.removesuffix(f"/{path}") + location
