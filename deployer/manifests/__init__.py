"""Kubernetes objects before they are applied: what is allowed, what we add, what they are called. All pure."""

from deployer.manifests.check import check
from deployer.manifests.identity import (
    Identity,
    find_workload,
    instance_label,
    order,
    ref_of,
    selector_for,
    snapshot_hash,
)
from deployer.manifests.overlay import DEPLOYMENT_ANNOTATION, RESTART_ANNOTATION, overlay
from deployer.manifests.policy import Policy
from deployer.manifests.preflight import preflight_pod
from deployer.manifests.prepare import prepare

__all__ = [
    "DEPLOYMENT_ANNOTATION",
    "RESTART_ANNOTATION",
    "Identity",
    "Policy",
    "check",
    "find_workload",
    "instance_label",
    "order",
    "overlay",
    "preflight_pod",
    "prepare",
    "ref_of",
    "selector_for",
    "snapshot_hash",
]
