"""Where objects live in the API."""

from __future__ import annotations

from urllib.parse import quote

from deployer.errors import Rejected
from deployer.sentences import say as _

_PLURALS: dict[tuple[str, str], str] = {
    ("v1", "Namespace"): "namespaces",
    ("v1", "Pod"): "pods",
    ("v1", "Service"): "services",
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Event"): "events",
    ("v1", "ResourceQuota"): "resourcequotas",
    ("v1", "LimitRange"): "limitranges",
    ("apps/v1", "Deployment"): "deployments",
    ("apps/v1", "ReplicaSet"): "replicasets",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "horizontalpodautoscalers",
    ("networking.k8s.io/v1", "Ingress"): "ingresses",
}


def collection_path(api_version: str, kind: str, namespace: str | None) -> str:
    """Path of a kind's collection. Raises Rejected for a kind that the product does not use."""
    plural = _PLURALS.get((api_version, kind))
    if plural is None:
        raise Rejected(
            _(
                "The platform does not handle objects of kind %(kind)s (%(api_version)s).",
                kind=kind,
                api_version=api_version,
            )
        )
    base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
    if kind == "Namespace":
        return f"{base}/{plural}"
    if not namespace:
        raise Rejected(_("A %(kind)s needs a namespace.", kind=kind))
    return f"{base}/namespaces/{quote(namespace, safe='')}/{plural}"


def object_path(api_version: str, kind: str, namespace: str | None, name: str) -> str:
    """Path of one object. Raises Rejected like :func:`collection_path`, and for an empty name."""
    if not name:
        raise Rejected(_("A %(kind)s needs a name.", kind=kind))
    return f"{collection_path(api_version, kind, namespace)}/{quote(name, safe='')}"
