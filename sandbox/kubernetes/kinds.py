"""The kinds that the stand-in knows and the paths they live at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One resource. ``verbs`` are HTTP-level: get, list, watch, create, patch, delete."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    is_namespaced: bool = True
    verbs: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """``v1`` or ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """``pods`` or ``deployments.apps``, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        """``/api/v1`` or ``/apis/apps/v1``."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


_READ = frozenset({"get", "list", "watch"})
_ALL = _READ | {"create", "patch", "delete"}

NAMESPACE = Kind("namespaces", "Namespace", is_namespaced=False, verbs=_ALL)
NODE = Kind("nodes", "Node", is_namespaced=False, verbs=_ALL)
SERVICE = Kind("services", "Service", verbs=_ALL)
CONFIG_MAP = Kind("configmaps", "ConfigMap", verbs=_ALL)
SECRET = Kind("secrets", "Secret", verbs=_ALL)
RESOURCE_QUOTA = Kind("resourcequotas", "ResourceQuota", verbs=_ALL)
LIMIT_RANGE = Kind("limitranges", "LimitRange", verbs=_ALL)
POD = Kind("pods", "Pod", verbs=_READ | {"create", "patch", "delete"})
EVENT = Kind("events", "Event", verbs=_READ)
DEPLOYMENT = Kind("deployments", "Deployment", "apps", verbs=_ALL)
REPLICA_SET = Kind("replicasets", "ReplicaSet", "apps", verbs=_READ)
AUTOSCALER = Kind("horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling", "v2", verbs=_ALL)
INGRESS = Kind("ingresses", "Ingress", "networking.k8s.io", verbs=_ALL)
DISRUPTION_BUDGET = Kind("poddisruptionbudgets", "PodDisruptionBudget", "policy", verbs=_ALL)
VOLUME_CLAIM = Kind("persistentvolumeclaims", "PersistentVolumeClaim", verbs=_ALL)

KINDS: tuple[Kind, ...] = (
    NAMESPACE,
    NODE,
    SERVICE,
    CONFIG_MAP,
    SECRET,
    RESOURCE_QUOTA,
    LIMIT_RANGE,
    POD,
    EVENT,
    DEPLOYMENT,
    REPLICA_SET,
    AUTOSCALER,
    INGRESS,
    DISRUPTION_BUDGET,
    VOLUME_CLAIM,
)
BY_PLURAL: dict[str, Kind] = {kind.plural: kind for kind in KINDS}
