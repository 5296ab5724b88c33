"""Which nodes may take a pod, and how many pods they have capacity for: pure functions of what the cluster lists.

Sources: ``pkg/scheduler/framework/plugins/{noderesources,nodeaffinity,tainttoleration,nodeunschedulable}`` and
``staging/src/k8s.io/component-helpers/scheduling/corev1`` of Kubernetes 1.36.
"""

from deployer.nodes.capacity import Capacity, Change, capacity_for
from deployer.nodes.facts import node_facts, nodes_as_data, nodes_from_data, pod_amounts
from deployer.nodes.fit import blocker

__all__ = [
    "Capacity",
    "Change",
    "blocker",
    "capacity_for",
    "node_facts",
    "nodes_as_data",
    "nodes_from_data",
    "pod_amounts",
]  # fmt: skip
