"""The one node, as it stands in the list of nodes of the stand-in and of the real control plane."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.kubelet.statuses import NODE, NODE_ADDRESS

Obj = dict[str, Any]

KUBELET_PORT = 10250
CAPACITY = {"cpu": "64", "memory": "256Gi", "pods": "1000", "ephemeral-storage": "512Gi"}


def node() -> Obj:
    """The object, without its status."""
    labels = {"kubernetes.io/hostname": NODE, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": labels}, "spec": {}}


def node_status() -> Obj:
    """``{"status": …}`` with its capacity and the port of its server: ready since now."""
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "the stand-in kubelet is posting ready status",
        "lastHeartbeatTime": clock.stamp(),
        "lastTransitionTime": clock.stamp(),
    }
    addresses = [{"type": "InternalIP", "address": NODE_ADDRESS}, {"type": "Hostname", "address": NODE}]
    return {
        "status": {
            "capacity": CAPACITY,
            "allocatable": CAPACITY,
            "conditions": [ready],
            "addresses": addresses,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        }
    }
