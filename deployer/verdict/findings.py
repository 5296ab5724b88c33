"""What is wrong with single pods and containers, and whether waiting longer can help.

Reasons: ``pkg/kubelet/images/types.go``, ``container/sync_result.go``, ``kuberuntime/kuberuntime_container.go`` and
``eviction/helpers.go`` of Kubernetes 1.36. Back-offs there: image pulls and restarts 10 s, doubling to 300 s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.interfaces import Diagnosis, EventFacts, Manifest
from deployer.sentences import Said
from deployer.sentences import say as _
from deployer.verdict.objects import condition, metadata, seconds_since, status, time_of

IMAGE_PULL_PATIENCE_SECONDS = 60
CONFIG_PATIENCE_SECONDS = 20
SCHEDULING_PATIENCE_SECONDS = 120
CREATING_PATIENCE_SECONDS = 90
START_PATIENCE_SECONDS = 30
UNKNOWN_PATIENCE_SECONDS = 60
SHORT_RUN_SECONDS = 60

_BAD_NAMES = ("InvalidImageName", "ErrImageNeverPull")
_PULL_REASONS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "ImageInspectError",
)
_CREDENTIALS = re.compile(
    r"denied|unauthorized|authentication required|authorization failed|forbidden|no basic auth", re.I
)
_NO_SUCH_IMAGE = re.compile(r"not found|manifest unknown|does not exist|name unknown|404", re.I)
_START_REASONS = ("StartError", "ContainerCannotRun")
_EVICTIONS = ("Evicted", "NodeLost", "Preempting", "UnexpectedAdmissionError", "NodeShutdown", "Terminated")
_SETUP_EVENTS = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Finding:
    """A diagnosis, and whether it is certain enough to end the rollout before its deadline."""

    diagnosis: Diagnosis
    is_fatal: bool


@dataclass(frozen=True)
class Case:
    """One container of one pod at one moment."""

    pod: Manifest
    container: Mapping[str, Any]
    spec: Mapping[str, Any]
    is_init: bool
    events: Sequence[EventFacts]
    now: datetime

    @property
    def name(self) -> str:
        """Name of the container."""
        return str(self.container.get("name", ""))

    @property
    def image(self) -> str:
        """Image as the pod asks for it."""
        return str(self.spec.get("image") or self.container.get("image") or "")

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return int(self.container.get("restartCount") or 0)

    @property
    def age(self) -> float:
        """Seconds since the pod was given to a node (or made)."""
        since = status(self.pod).get("startTime") or metadata(self.pod).get("creationTimestamp")
        return seconds_since(since, self.now)

    def event(self, *reasons: str, text: str = "") -> EventFacts | None:
        """The newest event about the pod with one of these reasons and this text in its message."""
        found = [e for e in self.events if e.reason in reasons and text in e.message]
        return found[-1] if found else None

    def found(self, code: str, *, is_fatal: bool, evidence: tuple[str, ...] = (), **values: object) -> Finding:
        """A finding about this container."""
        texts = {name: value if isinstance(value, Said) else str(value) for name, value in values.items()} | {
            "container": self.name
        }
        pod = str(metadata(self.pod).get("name", ""))
        return Finding(Diagnosis(code, texts, pod, self.name, tuple(e for e in evidence if e)), is_fatal)


def pod_findings(pod: Manifest, events: Sequence[EventFacts], now: datetime) -> Iterator[Finding]:
    """What is wrong with one pod; nothing for a pod that is ready or leaving."""
    if metadata(pod).get("deletionTimestamp"):
        return
    name = str(metadata(pod).get("name", ""))
    own = [event for event in events if event.kind == "Pod" and event.name == name]
    if status(pod).get("phase") == "Failed" and status(pod).get("reason") in _EVICTIONS:
        message = str(status(pod).get("message") or status(pod).get("reason"))
        yield Finding(Diagnosis("evicted", {"count": "1", "message": message}, name), is_fatal=False)
        return
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        waited = seconds_since(scheduled.get("lastTransitionTime"), now)
        is_hopeless = any(event.reason == "NotTriggerScaleUp" for event in own)
        values = {"message": str(scheduled.get("message", ""))[:_LONGEST_MESSAGE]}
        yield Finding(Diagnosis("unschedulable", values, name), is_hopeless or waited >= SCHEDULING_PATIENCE_SECONDS)
        return
    for case in _cases(pod, own, now):
        finding = _container_finding(case)
        if finding is not None:
            yield finding


def _cases(pod: Manifest, events: Sequence[EventFacts], now: datetime) -> Iterator[Case]:
    spec = pod.get("spec") or {}
    for part, statuses, is_init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        specs = {container.get("name"): container for container in spec.get(part) or ()}
        for container in status(pod).get(statuses) or ():
            yield Case(pod, container, specs.get(container.get("name"), {}), is_init, events, now)


def _container_finding(case: Case) -> Finding | None:
    state = case.container.get("state") or {}
    if waiting := state.get("waiting"):
        return _waiting(case, str(waiting.get("reason") or ""), str(waiting.get("message") or "")[:_LONGEST_MESSAGE])
    if terminated := state.get("terminated"):
        if case.is_init and terminated.get("exitCode") == 0:
            return None
        return _exited(case, terminated)
    if "running" in state and not case.container.get("ready") and not case.is_init:
        return _not_ready(case)
    return None


def _waiting(case: Case, reason: str, message: str) -> Finding | None:
    if reason in _BAD_NAMES:
        return case.found("image_name_invalid", is_fatal=True, evidence=(message,), image=case.image)
    if reason in _PULL_REASONS:
        return _pull_failed(case, reason, message)
    if reason == "CrashLoopBackOff":
        last = (case.container.get("lastState") or {}).get("terminated") or {}
        return _exited(case, last, in_back_off=True)
    known: dict[str, Callable[[Case, str], Finding | None]] = {
        "CreateContainerConfigError": _config_missing,
        "CreateContainerError": _start_failed,
        "RunContainerError": _start_failed,
        "ContainerCreating": _creating,
        "PodInitializing": lambda _case, _message: None,
        "": lambda _case, _message: None,
    }
    if reason in known:
        return known[reason](case, message)
    # The catch-all of argo-cd (gitops-engine/pkg/health/health_pod.go).
    if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
        is_late = case.age >= UNKNOWN_PATIENCE_SECONDS
        return case.found("container_problem", is_fatal=is_late, reason=reason, message=message)
    return None


def _pull_failed(case: Case, reason: str, message: str) -> Finding:
    told = case.event("Failed", text="ull")  # older kubelets say only “Back-off pulling image” in the status
    words = f"{message} {told.message if told else ''}"
    evidence = (message, told.message if told else "")
    is_sure = reason == "ImagePullBackOff" or case.age >= 10
    if _CREDENTIALS.search(words):
        return case.found("image_refused", is_fatal=is_sure, evidence=evidence, image=case.image)
    if _NO_SUCH_IMAGE.search(words):
        return case.found("image_missing", is_fatal=is_sure, evidence=evidence, image=case.image)
    is_late = case.age >= IMAGE_PULL_PATIENCE_SECONDS
    return case.found("image_pull_failed", is_fatal=is_late, evidence=evidence, image=case.image, message=words.strip())


def _config_missing(case: Case, message: str) -> Finding:
    return case.found("config_missing", is_fatal=case.age >= CONFIG_PATIENCE_SECONDS, message=message)


def _start_failed(case: Case, message: str) -> Finding:
    is_second = case.restarts >= 1 or case.age >= START_PATIENCE_SECONDS
    return case.found("start_failed", is_fatal=is_second, message=message)


def _creating(case: Case, _message: str) -> Finding | None:
    if case.age < CREATING_PATIENCE_SECONDS:
        return None
    if event := case.event(*_SETUP_EVENTS):
        return case.found("stuck_creating", is_fatal=True, message=event.message[:_LONGEST_MESSAGE])
    # Pulling a large image looks the same, so without such an event nothing is certain.
    return case.found("slow_start", is_fatal=False, seconds=int(case.age))


def _exited(case: Case, terminated: Mapping[str, Any], *, in_back_off: bool = False) -> Finding:
    reason, exit_code = str(terminated.get("reason") or ""), terminated.get("exitCode", "?")
    message = str(terminated.get("message") or "")[:_LONGEST_MESSAGE]
    lived = _lived_seconds(terminated)
    # A container that never stayed up long is given up one restart earlier than one that did work for a while.
    is_hopeless = case.restarts >= (2 if lived < SHORT_RUN_SECONDS else 3)
    if reason == "OOMKilled":
        limit = ((case.spec.get("resources") or {}).get("limits") or {}).get("memory", "?")
        is_first_hopeless = in_back_off or case.restarts >= 1
        return case.found("out_of_memory", is_fatal=is_first_hopeless, evidence=(message,), limit=limit)
    if reason in _START_REASONS or exit_code in (126, 127, 128):
        is_second = in_back_off or case.restarts >= 1
        return case.found(
            "start_failed", is_fatal=is_second, message=message or _("exit code %(code)s", code=str(exit_code))
        )
    if case.is_init:
        return case.found(
            "init_failed", is_fatal=is_hopeless, evidence=(message,), exit_code=exit_code, restarts=case.restarts
        )
    if unhealthy := case.event("Unhealthy", text="Liveness probe failed"):
        return case.found("liveness_failed", is_fatal=is_hopeless, message=unhealthy.message[:_LONGEST_MESSAGE])
    return case.found(
        "crash_loop",
        is_fatal=is_hopeless,
        evidence=(message,),
        exit_code=exit_code,
        restarts=case.restarts,
        lived_seconds=lived,
    )


def _lived_seconds(terminated: Mapping[str, Any]) -> int:
    start, end = time_of(terminated.get("startedAt")), time_of(terminated.get("finishedAt"))
    return max(0, int((end - start).total_seconds())) if start and end else 0


def _not_ready(case: Case) -> Finding | None:
    """A container that runs and is not ready: certain only after twice the time that its own checks allow it."""
    running = (case.container.get("state") or {}).get("running") or {}
    lasted = seconds_since(running.get("startedAt"), case.now)
    budget = _probe_seconds(case.spec.get("readinessProbe")) + _probe_seconds(case.spec.get("startupProbe"))
    if lasted < max(budget, 10):
        return None
    event = case.event("Unhealthy", text="Readiness probe") or case.event("Unhealthy", text="Startup probe")
    message = (
        event.message[:_LONGEST_MESSAGE] if event else _("not ready after %(seconds)s seconds", seconds=int(lasted))
    )
    return case.found(
        "not_ready",
        is_fatal=lasted >= max(2 * budget, 60),
        check=_described(case.spec.get("readinessProbe")),
        message=message,
    )


def _probe_seconds(probe: Any) -> float:
    if not isinstance(probe, dict):
        return 0.0
    delay, period = probe.get("initialDelaySeconds") or 0, probe.get("periodSeconds") or 10
    return float(delay + period * (probe.get("failureThreshold") or 3))


def _described(probe: Any) -> str:
    if not isinstance(probe, dict):
        return _("(none)")
    if request := probe.get("httpGet"):
        return _("GET %(path)s on port %(port)s", path=str(request.get("path") or "/"), port=str(request.get("port")))
    if socket := probe.get("tcpSocket"):
        return _("port %(port)s", port=str(socket.get("port")))
    if command := probe.get("exec"):
        return " ".join(str(word) for word in command.get("command") or ())[:200]
    return "grpc" if "grpc" in probe else _("(none)")
