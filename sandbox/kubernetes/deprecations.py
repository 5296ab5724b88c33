"""What the API server warns of while it accepts an object; texts of ``pkg/api/pod/warnings.go`` of Kubernetes 1.36."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

_NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
}


def deprecations(obj: Obj) -> tuple[str, ...]:
    """Warnings about the pod template of an object, if it has one."""
    pod = (((obj.get("spec") or {}).get("template") or {}).get("spec")) or {}
    selected = pod.get("nodeSelector") or {}
    return tuple(
        f"spec.template.spec.nodeSelector[{label}]: {said}" for label, said in _NODE_LABELS.items() if label in selected
    )
