"""What is wrong with single containers, and whether waiting longer can help.

Reasons: ``pkg/kubelet/images/types.go``, ``container/sync_result.go``, ``kuberuntime/kuberuntime_container.go`` and
``prober/worker.go`` of Kubernetes 1.36. Back-offs there: image pulls and restarts 10 s, doubling to 300 s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deployer.messages import message as _
from deployer.verdict.cases import Case, Finding
from deployer.verdict.objects import seconds_since, time_of
from deployer.verdict.probes import killed_by_probe, not_ready, probe_seconds
from deployer.verdict.pulls import BAD_NAME, NEVER_PULL, PULL_REASONS, pull_failed

CONFIG_PATIENCE_SECONDS = 20
CREATING_PATIENCE_SECONDS = 90
START_PATIENCE_SECONDS = 30
UNKNOWN_PATIENCE_SECONDS = 60
INIT_SECONDS = 60
SHORT_RUN_SECONDS = 60

_START_REASONS = ("StartError", "ContainerCannotRun")
_SETUP_EVENTS = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
_SIGNALS = (137, 143)
# ``kuberuntime/security_context_others.go``: no later attempt can bring another answer.
_AS_ROOT = re.compile(r"container(?: has runAsNonRoot and image |'s runAsUser breaks non-root policy)")
# What the kubelet says until it has heard from the API server: the configuration may well be there.
_NOT_YET_READ = re.compile(r"failed to sync (?:configmap|secret) cache: |services have not yet been read at least once")
_WRONG_PROGRAM = re.compile(r"(?:^|: )exec format error\W*$", re.M)


def container_finding(case: Case) -> Finding | None:
    """What is wrong with one container; None while nothing is."""
    if waiting := case.state.get("waiting"):
        return _waiting(case, str(waiting.get("reason") or ""), str(waiting.get("message") or ""))
    if terminated := case.state.get("terminated"):
        if case.is_init and terminated.get("exitCode") == 0:
            return None
        return _exited(case, terminated)
    if "running" in case.state:
        return _running(case)
    return _exited(case, case.last_end, is_back=True) if case.last_end else None


def _waiting(case: Case, reason: str, message: str) -> Finding | None:
    if reason == BAD_NAME:
        return case.found("image_name_invalid", is_fatal=True, evidence=(message,), image=case.image)
    if reason == NEVER_PULL:
        return case.found("image_never_pulled", is_fatal=True, evidence=(message,), image=case.image)
    if reason in PULL_REASONS:
        return pull_failed(case, reason, message)
    if reason == "CrashLoopBackOff":
        return _exited(case, case.last_end, in_back_off=True)
    if reason in ("", "ContainerCreating", "PodInitializing"):
        # Between a crash and the next start the last termination stays the cause.
        return _exited(case, case.last_end, is_back=True) if case.last_end else _creating(case, reason)
    if reason == "CreateContainerConfigError" and not _NOT_YET_READ.match(message):
        return _not_configured(case, message)
    if reason in ("CreateContainerError", "RunContainerError"):
        is_second = case.restarts >= 1 or case.age >= START_PATIENCE_SECONDS
        return _not_started(case, message, is_fatal=is_second)
    # The catch-all of argo-cd (gitops-engine/pkg/health/health_pod.go).
    if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
        is_late = case.age >= UNKNOWN_PATIENCE_SECONDS
        return case.found("container_problem", is_fatal=is_late, reason=reason, message=message)
    return None


def _not_configured(case: Case, message: str) -> Finding:
    if _AS_ROOT.match(message):
        return case.found("runs_as_root", is_fatal=True, image=case.image, message=message)
    return case.found("config_missing", is_fatal=case.age >= CONFIG_PATIENCE_SECONDS, message=message)


def _creating(case: Case, reason: str) -> Finding | None:
    if reason != "ContainerCreating" or case.age < CREATING_PATIENCE_SECONDS:
        return None
    if event := case.event(*_SETUP_EVENTS):
        return case.found("stuck_creating", is_fatal=True, message=event.message)
    # Pulling a large image looks the same, so without such an event nothing is certain.
    return case.found("slow_start", is_fatal=False, seconds=int(case.age))


def _running(case: Case) -> Finding | None:
    lasted = seconds_since((case.state.get("running") or {}).get("startedAt"), case.now)
    if case.is_init:
        return case.found("init_running", is_fatal=False, seconds=int(lasted)) if lasted >= INIT_SECONDS else None
    if case.container.get("ready"):
        return None
    if case.last_end and lasted < max(SHORT_RUN_SECONDS, _lived_seconds(case.last_end), probe_seconds(case)):
        # It has not lived longer than the time before: what ended it then is what is wrong.
        return _exited(case, case.last_end, is_back=True)
    return not_ready(case, lasted)


def is_wrong_program(text: str) -> bool:
    """Whether a runtime's message, or the end of a log, says that the node cannot execute the program."""
    return _WRONG_PROGRAM.search(text.strip()) is not None


def _not_started(case: Case, message: str, *, is_fatal: bool) -> Finding:
    if is_wrong_program(message):
        return case.found("wrong_architecture", is_fatal=is_fatal, image=case.image, message=message)
    return case.found("start_failed", is_fatal=is_fatal, image=case.image, message=message)


def _exited(case: Case, terminated: Mapping[str, Any], *, in_back_off: bool = False, is_back: bool = False) -> Finding:
    """``is_back``: it is being started or runs again, so that nothing is certain yet."""
    reason, exit_code = str(terminated.get("reason") or ""), terminated.get("exitCode", "?")
    message = str(terminated.get("message") or "")
    lived = _lived_seconds(terminated)
    # A container that never stayed up long is given up one restart earlier than one that did work for a while.
    is_hopeless = not is_back and case.restarts >= (2 if lived < SHORT_RUN_SECONDS else 3)
    is_second = not is_back and (in_back_off or case.restarts >= 1)
    if reason == "OOMKilled":
        limit = ((case.spec.get("resources") or {}).get("limits") or {}).get("memory", "?")
        return case.found("out_of_memory", is_fatal=is_second, evidence=(message,), limit=limit)
    if reason in _START_REASONS or exit_code in (126, 127, 128):
        return _not_started(case, message or str(_("exit code %(code)s", code=str(exit_code))), is_fatal=is_second)
    if killed := killed_by_probe(case, terminated, is_fatal=is_hopeless):
        return killed
    code = "init_failed" if case.is_init else "killed" if exit_code in _SIGNALS else "crash_loop"
    return case.found(
        code,
        is_fatal=is_hopeless,
        evidence=(message,),
        exit_code=exit_code,
        restarts=case.restarts,
        lived_seconds=lived,
        image=case.image,
    )


def _lived_seconds(terminated: Mapping[str, Any]) -> int:
    start, end = time_of(terminated.get("startedAt")), time_of(terminated.get("finishedAt"))
    return max(0, int((end - start).total_seconds())) if start and end else 0
