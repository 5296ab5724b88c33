"""What a component's manifests may do in its space, and what every manifest may hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

KINDS: dict[str, str] = {
    "ConfigMap": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Ingress": "networking.k8s.io/v1",
}
"""Allowed kinds with their API version, in the order in which they are applied."""

DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
DNS_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?", re.ASCII)
LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
CONFIG_KEY = re.compile(r"(?!\.\.?\Z)[-._a-zA-Z0-9]{1,253}", re.ASCII)
DIGEST_REFERENCE = re.compile(r"(?P<name>[a-z0-9][a-z0-9._:/-]*)@sha256:[0-9a-f]{64}", re.ASCII)

# Allow-lists: a field that a later Kubernetes brings is refused until somebody has thought about it.
METADATA = frozenset({"name", "namespace", "labels", "annotations"})
TEMPLATE_METADATA = frozenset({"labels", "annotations"})
DEPLOYMENT_SPEC = frozenset(
    {
        "replicas",
        "selector",
        "template",
        "strategy",
        "minReadySeconds",
        "revisionHistoryLimit",
        "progressDeadlineSeconds",
    }
)
POD_SPEC = frozenset(
    {
        "containers",
        "initContainers",
        "volumes",
        "restartPolicy",
        "terminationGracePeriodSeconds",
        "dnsPolicy",
        "dnsConfig",
        "nodeSelector",
        "serviceAccountName",
        "automountServiceAccountToken",
        "securityContext",
        "imagePullSecrets",
        "affinity",
        "tolerations",
        "topologySpreadConstraints",
        "hostAliases",
        "enableServiceLinks",
        "subdomain",
        "hostname",
    }
)
CONTAINER = frozenset(
    {
        "name",
        "image",
        "imagePullPolicy",
        "command",
        "args",
        "workingDir",
        "ports",
        "env",
        "envFrom",
        "resources",
        "volumeMounts",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "securityContext",
        "restartPolicy",
    }
)
POD_SECURITY = frozenset(
    {
        "runAsUser",
        "runAsGroup",
        "runAsNonRoot",
        "fsGroup",
        "fsGroupChangePolicy",
        "supplementalGroups",
        "seccompProfile",
    }
)
CONTAINER_SECURITY = frozenset(
    {
        "runAsUser",
        "runAsGroup",
        "runAsNonRoot",
        "readOnlyRootFilesystem",
        "allowPrivilegeEscalation",
        "privileged",
        "capabilities",
        "seccompProfile",
    }
)
VOLUMES = frozenset({"configMap", "emptyDir", "secret", "downwardAPI", "projected", "persistentVolumeClaim"})
PROJECTED = frozenset({"configMap", "secret", "downwardAPI"})
RESOURCES = frozenset({"requests", "limits"})
RESOURCE_NAMES = frozenset({"cpu", "memory", "ephemeral-storage"})
SERVICE_SPEC = frozenset(
    {
        "type",
        "selector",
        "ports",
        "clusterIP",
        "sessionAffinity",
        "sessionAffinityConfig",
        "publishNotReadyAddresses",
        "internalTrafficPolicy",
        "externalTrafficPolicy",
        "ipFamilyPolicy",
        "ipFamilies",
    }
)
AUTOSCALER_SPEC = frozenset({"scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"})
INGRESS_SPEC = frozenset({"ingressClassName", "rules", "tls"})

OWN_PREFIX = "prism4k.io/"
OWN_LABELS = frozenset(
    {
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/component",
        "app.kubernetes.io/part-of",
        "app.kubernetes.io/version",
        "app.kubernetes.io/managed-by",
    }
)
ALLOWED_ANNOTATION_PREFIXES = ("prometheus.io/", "prism4k.io/scenario")
"""Annotations under other domains often steer controllers (ingress snippets, sidecar injectors): see Policy."""


@dataclass(frozen=True)
class Policy:
    """What one component's manifests may do in one space.

    ``component``: its slug; names of objects are it or begin with it and ``-``; its container bears it as name.
    ``image``: the reference by digest that this container must run. ``registries``: what other images must begin
    with, ending at a ``/`` (``harbor.example.com/base/``). Sets are names that are allowed beyond the platform's own.
    """

    namespace: str
    component: str
    image: str
    registries: tuple[str, ...] = ()
    service_accounts: frozenset[str] = frozenset({"default"})
    secrets: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()
    service_types: frozenset[str] = frozenset({"ClusterIP"})
    node_ports: frozenset[int] = frozenset()
    ingress_hosts: frozenset[str] = frozenset()
    annotation_prefixes: tuple[str, ...] = ALLOWED_ANNOTATION_PREFIXES
    service: str = ""

    def owns_name(self, name: str) -> bool:
        """True for the component's own names; another's objects cannot be taken over."""
        owners = (self.component, self.service) if self.service else (self.component,)
        return any(name == owner or name.startswith(f"{owner}-") for owner in owners)

    def allows_image(self, image: str) -> bool:
        """True for the component's image and for any image by digest or tag from an allowed registry folder."""
        if image == self.image:
            return True
        return any(image.startswith(f"{prefix.rstrip('/')}/") for prefix in self.registries if prefix)
