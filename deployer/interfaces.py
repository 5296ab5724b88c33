"""The roles that vendors play for us, and the frozen shapes that cross the border.

Adapters are made by ``connect(target)`` in ``deployer.adapters.<vendor>`` and are safe to use from several
threads of one process. Every call has its own time-outs. Every *write* takes ``deadline`` (``time.monotonic()``
seconds): the adapter checks it just before it sends and raises ``TooLate`` instead, so that a worker which slept
through its lease cannot write. Calls raise only the errors of :mod:`deployer.errors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Manifest = dict[str, Any]
"""One Kubernetes object as JSON data."""


# ---------------------------------------------------------------- targets (credentials in clear: never log one)
@dataclass(frozen=True)
class BuildServerTarget:
    """A Jenkins controller. ``key`` names it in breakers (``jenkins:3``)."""

    key: str
    url: str
    username: str
    token: str = field(repr=False)
    ca_pem: str = ""


@dataclass(frozen=True)
class ClusterTarget:
    """A cluster's API server: token or client certificate, never an exec plugin or a file path."""

    key: str
    url: str
    token: str = field(default="", repr=False)
    ca_pem: str = ""
    client_cert_pem: str = field(default="", repr=False)
    client_key_pem: str = field(default="", repr=False)
    tls_server_name: str = ""
    verify_tls: bool = True


@dataclass(frozen=True)
class RegistryTarget:
    """An OCI registry: ``address`` is the host[:port] that image names begin with, ``url`` how we reach its API."""

    key: str
    address: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_pem: str = ""


@dataclass(frozen=True)
class SourceTarget:
    """A Git repository. ``url`` carries no credentials; ``mirror_dir`` is where its bare mirror may live."""

    key: str
    url: str
    mirror_dir: str
    username: str = ""
    password: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    ca_pem: str = ""


# ---------------------------------------------------------------- Jenkins
@dataclass(frozen=True)
class BuildRequest:
    """What to start: ``parameters`` must hold TRIGGER_ID; they go out as a form body, never in the URL."""

    job: str
    trigger_id: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class JobFacts:
    """``parameters`` are the names that the job declares: Jenkins silently drops any other that is sent."""

    buildable: bool
    parameters: frozenset[str]
    next_number: int
    session: str


@dataclass(frozen=True)
class FoundBuild:
    """Where a trigger id was found: in the queue (``queue_id``), among the builds (``number``), or both over time."""

    queue_id: int | None
    number: int | None


@dataclass(frozen=True)
class QueueLook:
    """A queue item now. ``number`` once it left for a build; ``cancelled``; ``why`` in Jenkins' words."""

    known: bool
    why: str = ""
    stuck: bool = False
    cancelled: bool = False
    number: int | None = None


@dataclass(frozen=True)
class BuildLook:
    """A build now. ``result`` is final only when ``is_building`` is False."""

    number: int
    queue_id: int
    is_building: bool
    result: str | None


@dataclass(frozen=True)
class StageLook:
    """One stage of Jenkins. ``state``: waiting, running, succeeded, failed, cancelled, skipped. Times in ms."""

    name: str
    state: str
    started_ms: int
    duration_ms: int
    message: str = ""


@dataclass(frozen=True)
class BuildDetail:
    """One build's own words: ``description`` (the digest that the job reports), why it was aborted, its parameters."""

    number: int
    is_building: bool
    result: str | None
    description: str
    abort_cause: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class LogPage:
    """Console text from an offset. ``text`` has LF lines; ask again from ``next_offset``.

    ``is_complete`` when Jenkins will write no more; ``was_rewound`` when the log restarted from 0.
    """

    text: str
    next_offset: int
    is_complete: bool
    was_rewound: bool = False


@dataclass(frozen=True)
class ServerFacts:
    """What a connection test shows."""

    version: str
    user: str
    latency_ms: int
    notes: tuple[str, ...] = ()


class BuildServerClient(Protocol):
    """Jenkins as the steps need it."""

    def describe(self) -> ServerFacts:
        """Version and identity of the account; raises Forbidden for a bad token."""

    def job(self, job: str) -> JobFacts:
        """The job's declared parameters; raises NotFound."""

    def trigger(self, request: BuildRequest, *, deadline: float) -> int:
        """Queue id of the item (an equal one already queued is returned, not doubled).

        Raises Unavailable (certainly not queued), OutcomeUnknown (perhaps queued), Rejected (Jenkins said no), TooLate.
        """

    def find(self, job: str, trigger_id: str, *, since_number: int) -> FoundBuild | None:
        """Look through queue, builds, queue again for the trigger id; None only after healthy answers."""

    def queue_item(self, queue_id: int, trigger_id: str) -> QueueLook:
        """The item now; ``known`` False when Jenkins no longer has it (or the id now means another trigger)."""

    def builds(self, job: str) -> Mapping[int, BuildLook]:
        """All recent builds of the job by number: one request, shared by callers within one second."""

    def build(self, job: str, number: int) -> BuildDetail:
        """One build with its parameters; raises NotFound."""

    def stages(self, job: str, number: int) -> tuple[StageLook, ...]:
        """Stages entered so far, in order; () when Jenkins has no stage view."""

    def read_log(self, job: str, number: int, offset: int) -> LogPage:
        """Console text from a byte offset, at most 1 MiB."""

    def stop(self, job: str, number: int, *, level: str, deadline: float) -> None:
        """``level``: stop, term or kill. Asking is not having stopped: look again."""

    def cancel_queued(self, queue_id: int, *, deadline: float) -> bool:
        """True when the item was taken out of the queue, False when it had left already."""


# ---------------------------------------------------------------- registry
@dataclass(frozen=True)
class ImageFacts:
    """An image as the registry has it. ``digest`` is of the manifest that the tag names; labels from its config."""

    digest: str
    labels: Mapping[str, str]
    created: str
    size: int
    layers: tuple[str, ...]


class RegistryClient(Protocol):
    """An OCI registry as the steps need it."""

    def describe(self) -> ServerFacts:
        """Version header and identity; raises Forbidden, Unavailable."""

    def image(self, repository: str, reference: str) -> ImageFacts | None:
        """Tag or digest in the repository (``site/app``), or None when it is certainly absent."""


# ---------------------------------------------------------------- Git
@dataclass(frozen=True)
class BranchTip:
    """A branch and the commit it points to (40 hex digits)."""

    name: str
    commit: str


@dataclass(frozen=True)
class CommitFacts:
    """One commit; ``at`` is ISO 8601 with zone."""

    commit: str
    author: str
    at: str
    subject: str


class SourceClient(Protocol):
    """A Git repository as looks and steps need it."""

    def branches(self) -> tuple[BranchTip, ...]:
        """All branches with their tips (``ls-remote``), sorted by name."""

    def resolve(self, branch: str) -> BranchTip:
        """One branch's tip; raises NotFound for an unknown branch."""

    def contains(self, branch: str, commit: str) -> bool:
        """True when the commit lies on the branch."""

    def commits_between(self, old: str, new: str, *, limit: int = 100) -> tuple[CommitFacts, ...]:
        """Commits reachable from new and not from old, newest first."""


# ---------------------------------------------------------------- Kubernetes
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


# ---------------------------------------------------------------- rendering (see deployer.rendering)
@dataclass(frozen=True)
class RenderRequest:
    """Templates by name and the plain values (str, int, bool, None, list, dict) they may see."""

    templates: Mapping[str, str]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RenderedLine:
    """One line of rendered output and where it came from: template name and line number in it."""

    text: str
    template: str
    template_line: int


@dataclass(frozen=True)
class Rendered:
    """Objects in order, and per object the lines of its YAML with their origin."""

    manifests: tuple[Manifest, ...]
    lines: tuple[tuple[RenderedLine, ...], ...]


# ---------------------------------------------------------------- verdict (see deployer.verdict)
@dataclass(frozen=True)
class PodView:
    """One pod as the rollout page draws it. ``is_new`` when it belongs to the applied template."""

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


@dataclass(frozen=True)
class Diagnosis:
    """Why it does not work: ``code`` of a documented set, values for the sentence, and the evidence."""

    code: str
    values: Mapping[str, str]
    pod: str = ""
    container: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """``outcome``: waiting, progressing, paused, complete, failed, superseded, deleted."""

    outcome: str
    ready: int
    wanted: int
    updated: int
    pods: tuple[PodView, ...]
    diagnosis: Diagnosis | None = None
    message: str = ""
