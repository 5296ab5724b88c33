"""The roles that vendors play for us, and the frozen shapes that cross the border.

Adapters are made by ``connect(target)`` in ``deployer.adapters.<vendor>`` and are safe to use from several
threads of one process. Every call has its own time-outs. Every *write* takes ``deadline`` (``time.monotonic()``
seconds): the adapter checks it just before it sends and raises ``TooLate`` instead, so that a worker which slept
through its lease cannot write. Calls raise only the errors of :mod:`deployer.errors`.
"""

from deployer.interfaces.build_server import (
    BuildDetail,
    BuildLook,
    BuildRequest,
    BuildServerClient,
    FoundBuild,
    JobFacts,
    LogPage,
    QueueLook,
    ServerFacts,
    StageLook,
)
from deployer.interfaces.cluster import (
    Applied,
    ClusterClient,
    ClusterFacts,
    ClusterWatch,
    EventFacts,
    Manifest,
    ObjectRef,
    Observation,
    Permission,
    QuotaLine,
)
from deployer.interfaces.registry import ImageFacts, RegistryClient
from deployer.interfaces.rendering import Rendered, RenderedLine, RenderRequest
from deployer.interfaces.source import BranchTip, CommitFacts, SourceClient
from deployer.interfaces.targets import BuildServerTarget, ClusterTarget, RegistryTarget, SourceTarget
from deployer.interfaces.verdict import Diagnosis, PodView, Verdict

__all__ = [
    "Applied",
    "BranchTip",
    "BuildDetail",
    "BuildLook",
    "BuildRequest",
    "BuildServerClient",
    "BuildServerTarget",
    "ClusterClient",
    "ClusterFacts",
    "ClusterTarget",
    "ClusterWatch",
    "CommitFacts",
    "Diagnosis",
    "EventFacts",
    "FoundBuild",
    "ImageFacts",
    "JobFacts",
    "LogPage",
    "Manifest",
    "ObjectRef",
    "Observation",
    "Permission",
    "PodView",
    "QueueLook",
    "QuotaLine",
    "RegistryClient",
    "RegistryTarget",
    "RenderRequest",
    "Rendered",
    "RenderedLine",
    "ServerFacts",
    "SourceClient",
    "SourceTarget",
    "StageLook",
    "Verdict",
]
