"""Kubernetes as steps and live reads need it, and what a rollout there is doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deployer.interfaces.build_server import ServerFacts
from deployer.messages import Message

Manifest = dict[str, Any]
"""One Kubernetes object as JSON data."""
ABSENT_VERSION = "1"
"""A resourceVersion that no object has: sent where none was read. An absent object is created with it, and one that
somebody made since the read is refused as stale, where a request without any version would be put over it."""


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
class Taint:
    """What keeps pods off a node unless they tolerate it; ``effect`` NoSchedule, NoExecute or PreferNoSchedule."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class NodeFacts:
    """A node as the scheduler sees it. ``free``: allocatable less the requests of the pods there, by resource:
    millicores of ``cpu``, bytes of ``memory``, a count of ``pods``; below zero where too much was promised.

    A node that is cordoned or not ready bears the taint that Kubernetes puts on it for that, even before it does.
    """

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    free: Mapping[str, int]


@dataclass(frozen=True)
class Moved:
    """What a watch saw of ours. Without a ``name`` anything there may have moved, as after a list.

    ``instance``: of the component whose object it is. ``is_final``: a workload is complete, has failed, or is gone.
    """

    name: str = ""
    instance: str = ""
    is_final: bool = False


@dataclass(frozen=True)
class QuotaScope:
    """A condition on pods that count: ``name`` of a scope; ``operator`` and ``values`` matter for PriorityClass."""

    name: str
    operator: str = "Exists"
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class QuotaLine:
    """One line of a ResourceQuota: exact integers (millicores, bytes, counts). All ``scopes`` must hold of a pod."""

    quota: str
    resource: str
    hard: int
    used: int
    scopes: tuple[QuotaScope, ...] = ()


@dataclass(frozen=True)
class Permission:
    """One right that the product uses in a namespace, and whether the cluster grants it.

    ``is_needed`` False: without it the product does the same in another way, or somebody else does it.
    """

    verb: str
    resource: str
    is_allowed: bool
    is_needed: bool = True
    is_of_cluster: bool = False
    """True for a right in the cluster as a whole."""


@dataclass(frozen=True)
class EventFacts:
    """A Kubernetes event about an object. ``field``: the part that it is about, ``spec.containers{web}``."""

    kind: str
    name: str
    type: str
    reason: str
    message: str
    count: int
    at: str
    field: str = ""


@dataclass(frozen=True)
class LogWanted:
    """Which lines of one container: the last ``tail_lines``, at most ``limit_bytes`` of them from the first one on.

    ``since``: RFC 3339, by the node's clock; none that is older than its whole second. ``seconds``: until the answer.
    """

    container: str = ""
    previous: bool = False
    tail_lines: int = 200
    since: str = ""
    limit_bytes: int = 1024 * 1024
    seconds: float = 5.0


@dataclass(frozen=True)
class TimedLog:
    """A log's lines, and when each was written: ``2026-11-20T10:00:05.000000000Z``, in UTC, which sorts as text.

    As many times as lines, and never one before another. ``is_cut``: there may be more lines than these.
    """

    times: tuple[str, ...]
    lines: tuple[str, ...]
    is_cut: bool = False


class ClusterClient(Protocol):
    """Apply, observe, remove."""

    def read(self, namespace: str, ref: ObjectRef) -> Manifest | None:
        """The live object, or None when it is certainly absent."""

    def is_there(self, namespace: str, ref: ObjectRef) -> bool:
        """Whether there is an object of this name; its content is not asked for. Raises Forbidden, Unavailable."""

    def dry_run(self, namespace: str, manifest: Manifest, *, force: bool = False) -> Applied:
        """Server-side apply with ``dryRun=All``; raises Rejected, Conflict(causes), Forbidden, NotFound (namespace)."""

    def dry_run_pod(self, namespace: str, pod: Manifest) -> tuple[str, ...]:
        """Dry-run create of a pod: quota, LimitRange and PodSecurity answer here. Warnings back; raises Rejected."""

    def apply(self, namespace: str | None, manifest: Manifest, *, force: bool, deadline: float) -> Applied:
        """Server-side apply as field manager ``prism4k``. A ``metadata.resourceVersion`` in the manifest is the fence:
        a stale one raises Conflict with ``is_stale``. ``namespace`` None for a Namespace object."""

    def adopt(self, namespace: str, live: Manifest, owners: list[Manifest], *, deadline: float) -> Manifest:
        """Write ``managedFields`` of the very object that was read; raises Conflict with ``is_stale`` for another."""

    def observe(self, namespace: str, selector: str) -> Observation:
        """Deployments, ReplicaSets and Pods by label selector: one list each."""

    def inventory(self, namespace: str, selector: str) -> tuple[Manifest, ...]:
        """Every object of the kinds that the product applies, by label selector: one list a kind."""

    def remove(self, namespace: str, ref: ObjectRef, *, uid: str, deadline: float, resource_version: str = "") -> bool:
        """Delete with the uid, and where given the version, as preconditions; False when it was gone already."""


class ClusterFacts(Protocol):
    """What people want to know about a cluster."""

    def ping(self, *, seconds: float) -> None:
        """Is it there? Any answer within so many seconds will do, a refusal too; raises Unavailable."""

    def describe(self) -> ServerFacts:
        """Version, latency, certificate expiry among the notes."""

    def quota(self, namespace: str) -> tuple[QuotaLine, ...]:
        """All ResourceQuota lines of the namespace."""

    def nodes(self, *, most_nodes: int, most_pods: int) -> tuple[NodeFacts, ...]:
        """Every node with its free capacity; lists all nodes and pods. Raises Forbidden, Rejected beyond the bounds."""

    def limit_ranges(self, namespace: str) -> tuple[Manifest, ...]:
        """The namespace's LimitRanges; () also for an account that may not list them."""

    def autoscalers(self, namespace: str, selector: str) -> tuple[Manifest, ...]:
        """HorizontalPodAutoscalers with their status, by label selector: one list. Raises Forbidden."""

    def autoscaler(self, namespace: str, workload: str) -> Manifest | None:
        """The HorizontalPodAutoscaler that scales the Deployment of this name; None without one."""

    def permissions(
        self, namespace: str, pull_secrets: Sequence[str] = (), *, asks_services: bool = False
    ) -> tuple[Permission, ...]:
        """Each right that the product uses, asked one by one; those on Secrets for the first of the names given.

        ``asks_services`` where an entry check asks a Service.
        """

    def pod_log(
        self, namespace: str, pod: str, *, container: str = "", previous: bool = False, tail_lines: int = 200
    ) -> str:
        """Text of a container's log; raises NotFound."""

    def timed_log(self, namespace: str, pod: str, wanted: LogWanted) -> TimedLog:
        """Lines of a container's log with their times; raises NotFound."""

    def events(self, namespace: str, uid: str) -> tuple[EventFacts, ...]:
        """Events about one object, oldest first."""


@dataclass(frozen=True)
class PodView:
    """One pod as the rollout page draws it. ``is_new`` when it belongs to the applied template.

    ``order`` is the number that its label bears; empty where it bears none. ``ports``: ``http 8080/TCP, 9090/TCP``.
    ``digest``: of the image that its first container runs. ``end_…``: how a container of it ended last.
    """

    name: str
    uid: str
    is_new: bool
    is_ready: bool
    is_leaving: bool
    state: str
    message: str
    restarts: int
    node: str
    started_at: str
    order: str = ""
    ip: str = ""
    ports: str = ""
    digest: str = ""
    replica_set: str = ""
    end_reason: str = ""
    end_code: int | None = None
    end_at: str = ""


@dataclass(frozen=True)
class ReplicaSetView:
    """One ReplicaSet of a rollout: how many pods it is to have, has, and has ready.

    ``order`` is the number that its pods bear.
    """

    name: str
    is_new: bool
    wanted: int
    pods: int
    ready: int
    order: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Why it does not work: ``code`` of a documented set, values for the message, and the evidence."""

    code: str
    values: Mapping[str, Message | str]
    pod: str = ""
    container: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """``outcome``: waiting, progressing, paused, complete, failed, superseded, deleted, changed (by others), undone."""

    outcome: str
    ready: int
    wanted: int
    updated: int
    pods: tuple[PodView, ...]
    diagnosis: Diagnosis | None = None
    message: Message | str = ""
    replica_sets: tuple[ReplicaSetView, ...] = ()
