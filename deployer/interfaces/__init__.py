"""The roles that vendors play for us, and the frozen shapes that cross the border.

Adapters are made by ``connect(target)`` in ``deployer.adapters.<vendor>`` and are safe to use from several
threads of one process; ``connect(target, on_answer=…)`` tells of each answer that was heard. Every call has its own
time-outs. Every *write* takes ``deadline`` (``time.monotonic()`` seconds): the adapter checks it just before it sends
and raises ``TooLate`` instead, so that a worker which slept through its lease cannot write. Calls raise only the
errors of :mod:`deployer.errors`.
"""

from deployer.interfaces.build_server import (
    AgentWait,
    BuildDetail,
    BuildRequest,
    BuildServerClient,
    BuildStatus,
    FoundBuild,
    JobFacts,
    LogPage,
    QueueStatus,
    ServerFacts,
    StageStatus,
)
from deployer.interfaces.cluster import (
    ABSENT_VERSION,
    Applied,
    ClusterClient,
    ClusterFacts,
    Diagnosis,
    EventFacts,
    LogWanted,
    Manifest,
    Moved,
    NodeFacts,
    ObjectRef,
    Observation,
    Permission,
    PodView,
    QuotaLine,
    QuotaScope,
    Taint,
    TimedLog,
    Verdict,
)
from deployer.interfaces.entry import (
    ASK_SECONDS,
    MOST_BODY_BYTES,
    MOST_REDIRECTS,
    EntryAnswer,
    EntryTarget,
)
from deployer.interfaces.registry import ImageFacts, RegistryClient
from deployer.interfaces.rendering import Rendered, RenderedLine, RenderRequest
from deployer.interfaces.source import BranchTip, CommitFacts, FoundCommit, GitTag, LeftOut, SourceClient
from deployer.interfaces.targets import (
    BuildServerTarget,
    ClusterTarget,
    OnAnswer,
    RegistryTarget,
    SourceTarget,
    ignore_answer,
    target_from,
)

__all__ = [
    "ABSENT_VERSION",
    "ASK_SECONDS",
    "MOST_BODY_BYTES",
    "MOST_REDIRECTS",
    "AgentWait",
    "Applied",
    "BranchTip",
    "BuildDetail",
    "BuildRequest",
    "BuildServerClient",
    "BuildServerTarget",
    "BuildStatus",
    "ClusterClient",
    "ClusterFacts",
    "ClusterTarget",
    "CommitFacts",
    "Diagnosis",
    "EntryAnswer",
    "EntryTarget",
    "EventFacts",
    "FoundBuild",
    "FoundCommit",
    "GitTag",
    "ImageFacts",
    "JobFacts",
    "LeftOut",
    "LogPage",
    "LogWanted",
    "Manifest",
    "Moved",
    "NodeFacts",
    "ObjectRef",
    "Observation",
    "OnAnswer",
    "Permission",
    "PodView",
    "QueueStatus",
    "QuotaLine",
    "QuotaScope",
    "RegistryClient",
    "RegistryTarget",
    "RenderRequest",
    "Rendered",
    "RenderedLine",
    "ServerFacts",
    "SourceClient",
    "SourceTarget",
    "StageStatus",
    "Taint",
    "TimedLog",
    "Verdict",
    "ignore_answer",
    "target_from",
]
