"""What a component's manifests may do in its space, what every manifest may hold, and findings against that."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deployer.errors import Problem
from deployer.interfaces import Manifest
from deployer.manifests.images import may_be_pulled
from deployer.manifests.reasons import WHY_NOT_FIELD
from deployer.messages import Message
from deployer.messages import message as _

KINDS: dict[str, str] = {
    "ConfigMap": "v1",
    "PersistentVolumeClaim": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Ingress": "networking.k8s.io/v1",
}
"""Allowed kinds with their API version, in the order in which they are applied."""

DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
SERVICE_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
"""Unlike other names it begins with a letter: it becomes a name in DNS (RFC 1035)."""
_NAMES = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
DNS_NAME = re.compile(rf"(?=.{{1,253}}\Z){_NAMES}", re.ASCII)
LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
LABEL_NAME = re.compile(rf"(?:(?=.{{1,253}}/){_NAMES}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?", re.ASCII)
CONFIG_KEY = re.compile(r"(?!\.\Z|\.\.)[-._a-zA-Z0-9]{1,253}", re.ASCII)

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
        "nodeSelector",
        "serviceAccountName",
        "automountServiceAccountToken",
        "securityContext",
        "imagePullSecrets",
        "affinity",
        "tolerations",
        "topologySpreadConstraints",
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
        "loadBalancerClass",
        "ipFamilyPolicy",
        "ipFamilies",
    }
)
CLAIM_SPEC = frozenset({"accessModes", "resources", "storageClassName", "volumeMode"})
BUDGET_SPEC = frozenset({"minAvailable", "maxUnavailable", "selector", "unhealthyPodEvictionPolicy"})
AUTOSCALER_SPEC = frozenset({"scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"})
INGRESS_SPEC = frozenset({"ingressClassName", "rules", "tls"})

MOST_REPLICAS = 1000

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
class Amounts:
    """An allocation: replicas, CPU in millicores, memory in bytes."""

    replicas: int
    cpu_request: int
    cpu_limit: int
    memory_request: int
    memory_limit: int

    def of(self, part: str, resource: str) -> int:
        """The amount for ``requests`` or ``limits`` of ``cpu`` or ``memory``."""
        return int(getattr(self, f"{resource}_{part.removesuffix('s')}"))


@dataclass(frozen=True)
class Scaling:
    """A scaling rule: bounds of the replicas, target CPU use in percent of the request, and cool-downs in seconds.

    ``version``: of the rule that people saved.
    """

    minimum: int
    maximum: int
    cpu_percent: int
    scale_up_seconds: int
    scale_down_seconds: int
    version: int


@dataclass(frozen=True)
class Policy:
    """What one component's manifests may do in one space.

    ``component``: its slug; names of objects are it or begin with it and ``-``; its container bears it as name.
    ``image``: the reference by digest that this container must run. ``registries``: what other images must begin
    with, ending at a ``/`` (``harbor.example.com/base/``). Sets are names that are allowed beyond the platform's own.
    ``allocation``: what the component's container and its replicas must be; None where there is none to hold them to.
    ``scaling``: the rule by which the platform adds an autoscaler to the set; the number of replicas is then its own.
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
    load_balancers: frozenset[str] = frozenset()
    """Classes; ``default`` for a Service that names none."""
    pull_secrets: frozenset[str] = frozenset()
    ingress_hosts: frozenset[str] = frozenset()
    """Names, or a star for the first part of one."""
    annotation_prefixes: tuple[str, ...] = ALLOWED_ANNOTATION_PREFIXES
    service: str = ""
    allocation: Amounts | None = None
    scaling: Scaling | None = None

    def allows_host(self, host: Any) -> bool:
        """True for a granted host, and for one that a granted pattern covers: its star stands for one part."""
        if not isinstance(host, str):
            return False
        return host in self.ingress_hosts or f"*.{host.partition('.')[2]}" in self.ingress_hosts

    def owns_name(self, name: str) -> bool:
        """True for the component's own names; another's objects cannot be taken over."""
        owners = (self.component, self.service) if self.service else (self.component,)
        return any(name == owner or name.startswith(f"{owner}-") for owner in owners)

    def allows_image(self, image: str) -> bool:
        """True for the component's image and for any image by digest or tag from an allowed registry folder."""
        if image == self.image:
            return True
        is_inside = any(image.startswith(f"{prefix.rstrip('/')}/") for prefix in self.registries if prefix)
        return is_inside and may_be_pulled(image)


def is_one_of(value: Any, allowed: frozenset[str] | set[str]) -> bool:
    """Membership for data of any shape (a list or mapping is in no set)."""
    return isinstance(value, str) and value in allowed


class Findings:
    """Problems of one object. Paths read ``Deployment/web .spec.replicas``."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.problems: list[Problem] = []

    def add(self, path: str, message: Message | str) -> None:
        """One problem at a path inside the object."""
        self.problems.append(Problem(f"{self._where} {path}".rstrip(), message))

    def mapping(self, value: Any, path: str) -> Manifest:
        """The value as a mapping; a problem and an empty one when it is something else."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self.add(path, _("This must be a mapping of names to values."))
        return {}

    def items(self, value: Any, path: str) -> Iterator[tuple[str, Manifest]]:
        """Each mapping of a list with its path; a problem for anything else."""
        if not isinstance(value, list):
            if value is not None:
                self.add(path, _("This must be a list."))
            return
        for index, item in enumerate(value):
            item_path = f"{path}[{index}]"
            if isinstance(item, dict):
                yield item_path, item
            else:
                self.add(item_path, _("This must be a mapping of names to values."))

    def only(self, value: Manifest, allowed: frozenset[str], path: str) -> None:
        """A problem for each field that is not in the allow-list."""
        for name in value:
            if name not in allowed:
                self.add(f"{path}.{name}", why_not(name, allowed))

    def whole(self, value: Manifest, name: str, path: str, *, least: int = 0, most: int = 86_400) -> None:
        """A problem for a field that is there and is no whole number within the bounds."""
        if name in value and not is_count(value[name], least, most):
            self.add(f"{path}.{name}", _("Write a whole number from %(least)s to %(most)s.", least=least, most=most))


def check_label_value(value: Any, path: str, findings: Findings) -> None:
    """A problem for what cannot be a label; without quotes a version such as 1.10 is a number."""
    if not isinstance(value, str):
        findings.add(path, _("This must be text: put it in quotes."))
    elif not LABEL_VALUE.fullmatch(value):
        findings.add(path, _("A label is at most 63 letters, digits, hyphens, dots and underscores."))


def why_not(name: str, allowed: frozenset[str]) -> Message:
    """Why a field is not allowed, or which one was probably meant."""
    if reason := WHY_NOT_FIELD.get(name):
        return _("The field %(name)s is not allowed here: %(why)s.", name=name, why=reason)
    if near := difflib.get_close_matches(name, allowed, 1, 0.75):
        return _("The field %(name)s is not allowed here; there is a field %(near)s.", name=name, near=near[0])
    return _("The field %(name)s is not allowed here.", name=name)


def is_count(value: Any, least: int, most: int) -> bool:
    """True for a whole number within the bounds; truth values are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


_UNFILLED = re.compile(
    r"\$\{[^{}\s]*\}|\$\([^()\s]*\)|\$[A-Za-z_]\w*|\{\{.*?\}\}|%[A-Za-z_]\w*%|@[A-Za-z_]\w*@|<[A-Za-z][\w -]*>",
    re.ASCII,
)


def unfilled(text: str) -> str:
    """A place in a text that another tool would fill in (``${VERSION}``, ``<tag>``); empty when there is none."""
    found = _UNFILLED.search(text)
    return found[0] if found else ""


def filled_by_nobody(place: str) -> Message:
    """What is wrong with such a place."""
    return _(
        "%(place)s stays as it is: nothing fills it in here. Write a value, or one of the template's variables"
        " such as {{ component.slug }}.",
        place=place,
    )
