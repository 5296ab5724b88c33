"""Kubernetes as steps and looks need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from deployer.interfaces.build_server import ServerFacts

Manifest = dict[str, Any]
"""One Kubernetes object as JSON data."""


@dataclass(frozen=True)
class ObjectRef:
    """An object's address in a namespace."""

    api_version: str
    kind: str
    name: str


@dataclass(frozen=True)
class Applied:
    """The server's object after a (dry) apply, with its ``Warning`` headers."""

    manifest: Manifest
    warnings: tuple[str, ...]
    created: bool


@dataclass(frozen=True)
class Observation:
    """Everything of ours in one namespace at one moment, raw. ``resource_version`` of the list of pods."""

    deployments: tuple[Manifest, ...]
    replica_sets: tuple[Manifest, ...]
    pods: tuple[Manifest, ...]
    resource_version: str


@dataclass(frozen=True)
class QuotaLine:
    """One line of a ResourceQuota: exact integers (millicores, bytes, counts)."""

    quota: str
    resource: str
    hard: int
    used: int


@dataclass(frozen=True)
class Permission:
    """One right that the product needs in a namespace, and whether the cluster grants it."""

    verb: str
    resource: str
    is_allowed: bool


@dataclass(frozen=True)
class EventFacts:
    """A Kubernetes event about an object."""

    kind: str
    name: str
    type: str
    reason: str
    message: str
    count: int
    at: str


class ClusterClient(Protocol):
    """Apply, observe, remove."""

    def read(self, namespace: str, ref: ObjectRef) -> Manifest | None:
        """The live object, or None when it is certainly absent."""

    def dry_run(self, namespace: str, manifest: Manifest, *, force: bool = False) -> Applied:
        """Server-side apply with ``dryRun=All``; raises Rejected, Conflict(causes), Forbidden, NotFound (namespace)."""

    def dry_run_pod(self, namespace: str, pod: Manifest) -> tuple[str, ...]:
        """Dry-run create of a pod: quota, LimitRange and PodSecurity answer here. Warnings back; raises Rejected."""

    def apply(self, namespace: str | None, manifest: Manifest, *, force: bool, deadline: float) -> Applied:
        """Server-side apply as field manager ``prism4k``. A ``metadata.resourceVersion`` in the manifest is the fence:
        a stale one raises Conflict with ``is_stale``. ``namespace`` None for a Namespace object."""

    def observe(self, namespace: str, selector: str) -> Observation:
        """Deployments, ReplicaSets and Pods by label selector: one list each."""

    def remove(self, namespace: str, ref: ObjectRef, *, uid: str, deadline: float) -> bool:
        """Delete with the uid as precondition; False when it was gone already."""


class ClusterFacts(Protocol):
    """What people want to know about a cluster."""

    def describe(self) -> ServerFacts:
        """Version, latency, certificate expiry among the notes."""

    def quota(self, namespace: str) -> tuple[QuotaLine, ...]:
        """All ResourceQuota lines of the namespace."""

    def permissions(self, namespace: str) -> tuple[Permission, ...]:
        """Each right that the product uses, asked one by one."""

    def pod_log(
        self, namespace: str, pod: str, *, container: str = "", previous: bool = False, tail_lines: int = 200
    ) -> str:
        """Text of a container's log; raises NotFound."""

    def events(self, namespace: str, uid: str) -> tuple[EventFacts, ...]:
        """Events about one object, oldest first."""


class ClusterWatch(Protocol):
    """A stream that only says that something of ours moved."""

    def changes(self, namespace: str, selector: str, *, seconds: int) -> Iterator[str]:
        """Names of the pods, replica sets and deployments that change, until ``seconds`` passed or the stream broke."""
