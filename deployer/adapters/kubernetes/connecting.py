"""One client per target and process."""

from __future__ import annotations

import os
import threading

from deployer.adapters.kubernetes.cluster import KubernetesCluster
from deployer.adapters.kubernetes.session import Session
from deployer.interfaces import ClusterTarget


class _Clients:
    """Clients by the target's key; new credentials replace the client of the same key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[ClusterTarget, KubernetesCluster]] = {}
        self._pid = os.getpid()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        # TLS connections shared with the parent would be garbled: leave them to it, and start with none.
        self._lock = threading.Lock()
        self._known = {}

    def get(self, target: ClusterTarget) -> KubernetesCluster:
        """The client for exactly this target."""
        with self._lock:
            known = self._known.get(target.key)
            if known is not None and known[0] == target:
                return known[1]
            client = KubernetesCluster(Session(target))
            self._known[target.key] = (target, client)
        if known is not None:
            known[1].close()
        return client

    def drop(self, key: str) -> None:
        """Close and forget the client of a key."""
        with self._lock:
            known = self._known.pop(key, None)
        if known is not None:
            known[1].close()


_CLIENTS = _Clients()


def connect(target: ClusterTarget) -> KubernetesCluster:
    """The client for a target: made at the first call in this process, made anew when the target changed.

    Connects to nothing yet. Raises Rejected for an address or certificates that cannot be used.
    """
    return _CLIENTS.get(target)


def disconnect(key: str) -> None:
    """Close the client of a target's key, for example when the cluster is deleted."""
    _CLIENTS.drop(key)
