"""Semantic checks, with the field paths and messages of the real server."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.kubernetes.errors import Cause, Obj, invalid
from sandbox.kubernetes.kinds import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    INGRESS,
    LIMIT_RANGE,
    NAMESPACE,
    NODE,
    POD,
    RESOURCE_QUOTA,
    SECRET,
    SERVICE,
    VOLUME_CLAIM,
    Kind,
)
from sandbox.kubernetes.validation.causes import metadata_causes
from sandbox.kubernetes.validation.simple import (
    autoscaler_causes,
    claim_causes,
    config_map_causes,
    disruption_budget_causes,
    ingress_causes,
    limit_range_causes,
    quota_causes,
    secret_causes,
    service_causes,
)
from sandbox.kubernetes.validation.workloads import deployment_causes, pod_causes

_CHECKS: dict[str, Callable[[Obj, Obj | None], list[Cause]]] = {
    DEPLOYMENT.plural: deployment_causes,
    POD.plural: pod_causes,
    SERVICE.plural: service_causes,
    CONFIG_MAP.plural: config_map_causes,
    SECRET.plural: secret_causes,
    RESOURCE_QUOTA.plural: quota_causes,
    AUTOSCALER.plural: autoscaler_causes,
    INGRESS.plural: ingress_causes,
    LIMIT_RANGE.plural: limit_range_causes,
    DISRUPTION_BUDGET.plural: disruption_budget_causes,
    VOLUME_CLAIM.plural: claim_causes,
    NAMESPACE.plural: lambda _obj, _live: [],
    NODE.plural: lambda _obj, _live: [],
}


def check(obj: Obj, live: Obj | None, kind: Kind) -> None:
    """Raise the 422 for everything that is wrong with ``obj`` (``live`` is what it replaces, None at create)."""
    causes: list[Cause] = metadata_causes(obj, live, kind) + _CHECKS[kind.plural](obj, live)
    if causes:
        raise invalid(kind, obj["metadata"].get("name", ""), causes)
