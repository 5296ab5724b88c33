"""Kubernetes by its official client, raw JSON only: no generated model crosses this border."""

from deployer.adapters.kubernetes.cluster import KubernetesCluster, connect, disconnect

__all__ = ["KubernetesCluster", "connect", "disconnect"]
