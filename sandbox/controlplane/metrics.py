"""``metrics.k8s.io`` of the control plane, served by our node behind an APIService.

The API server finds the node by a Service that is only a name (ExternalName), and reaches it through the egress
selector. Source: ``kube-aggregator/pkg/apiserver/resolvers.go``.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.controlplane.objects import RemoteObjects
from sandbox.kubernetes.kinds import POD
from sandbox.kubernetes.kubelet.statuses import NODE
from sandbox.kubernetes.metrics import VERSION, pod_metrics
from sandbox.kubernetes.selectors import by_labels

Obj = dict[str, Any]

_NAMESPACE, _NAME = "kube-system", "metrics-server"
_RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": VERSION,
    "resources": [
        {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
    ],
}


async def register_metrics(client: httpx.AsyncClient, port: int) -> None:
    """The Service and the APIService that lead to ``port`` of the node; what is there already stays."""
    group, version = VERSION.split("/")
    service = {"type": "ExternalName", "externalName": NODE}
    spec = {
        "group": group,
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        # The certificate is the API server's own and names no Service; both are on loopback.
        "insecureSkipTLSVerify": True,
        "service": {"namespace": _NAMESPACE, "name": _NAME, "port": port},
    }
    await _create(client, f"/api/v1/namespaces/{_NAMESPACE}/services", _NAME, service)
    await _create(client, "/apis/apiregistration.k8s.io/v1/apiservices", f"{version}.{group}", spec)


async def _create(client: httpx.AsyncClient, path: str, name: str, spec: Obj) -> None:
    answer = await client.post(path, json={"metadata": {"name": name}, "spec": spec})
    while answer.status_code == 404:
        # The server makes its own namespaces a moment after it is ready.
        await asyncio.sleep(0.1)
        answer = await client.post(path, json={"metadata": {"name": name}, "spec": spec})
    if answer.status_code not in (201, 409):
        answer.raise_for_status()


def metrics_routes(objects: RemoteObjects) -> list[Route]:
    """Discovery, by which the API server tells whether the group is there, and PodMetrics by label selector."""

    async def resources(_request: Request) -> Response:
        return JSONResponse(_RESOURCES)

    async def pods(request: Request) -> Response:
        chosen = by_labels(request.query_params.get("labelSelector", ""))
        made = pod_metrics(objects.all(POD, request.path_params.get("namespace")))
        head = {"kind": "PodMetricsList", "apiVersion": VERSION, "metadata": {}}
        return JSONResponse({**head, "items": [one for one in made if chosen(one)]})

    return [
        Route(f"/apis/{VERSION}", resources),
        Route(f"/apis/{VERSION}/pods", pods),
        Route(f"/apis/{VERSION}/namespaces/{{namespace}}/pods", pods),
    ]
