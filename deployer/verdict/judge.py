"""The verdict on a rollout, as ``kubectl rollout status`` gives it, with our own deadlines and causes.

Source of the completeness rule: ``kubectl/pkg/polymorphichelpers/rollout_status.go``; of the controller's:
``pkg/controller/deployment/util/deployment_util.go`` (DeploymentComplete), Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from deployer.interfaces import Diagnosis, EventFacts, Observation, PodView, Verdict
from deployer.manifests import DEPLOYMENT_ANNOTATION
from deployer.quantities import QuantityError, rolling_plan
from deployer.sentences import Said
from deployer.sentences import say as _
from deployer.verdict.findings import Finding, pod_findings
from deployer.verdict.objects import Workload, condition, find_workload, metadata, seconds_since, status
from deployer.verdict.refusals import diagnose_refusal
from deployer.verdict.views import pod_views

CONTROLLER_PATIENCE_SECONDS = 30
QUOTA_PATIENCE_SECONDS = 60
EVICTIONS_FOR_FAILURE = 3
# The controller's own deadline comes first where it has one; it has none for a mere change of replicas.
DEADLINE_MARGIN_SECONDS = 15
_DEFAULT_PROGRESS_SECONDS = 600
_NO_DEADLINE = 2**31 - 1


def judge(  # noqa: PLR0913 - one call with everything that the answer depends on
    observation: Observation,
    *,
    name: str,
    applied_generation: int,
    deployment_id: str,
    now: datetime,
    started_at: datetime,
    last_progress_at: datetime,
    deadline_seconds: float,
    events: Sequence[EventFacts] = (),
) -> Verdict:
    """What the rollout of Deployment ``name`` is doing.

    ``applied_generation``: of the server's answer to our apply. ``deadline_seconds``: longest time after
    ``started_at``. ``last_progress_at``: when :func:`progress_mark` last changed. ``events`` (optional) make causes
    more exact. Times carry a zone. ``outcome`` complete is kubectl's word; settling afterwards is for the caller. A
    ``diagnosis`` beside an outcome other than failed is a suspicion.
    """
    workload = find_workload(observation, name)
    if workload is None:
        return Verdict("deleted", 0, 0, 0, (), Diagnosis("deleted_outside", {"name": name}))
    annotations = metadata(workload.deployment).get("annotations") or {}
    views = pod_views(workload)
    verdict = _counted(workload, views)
    if annotations.get(DEPLOYMENT_ANNOTATION) != deployment_id:
        return replace(verdict, outcome="superseded", message=_by_whom(annotations.get(DEPLOYMENT_ANNOTATION)))
    if workload.generation > applied_generation:
        verdict = replace(verdict, message=_("It was changed outside the platform while it was rolling out."))
    elapsed = (now - started_at).total_seconds()
    is_late = elapsed >= deadline_seconds
    if workload.observed < workload.generation:
        return _unobserved(verdict, (now - last_progress_at).total_seconds(), is_late=is_late)
    if (workload.deployment.get("spec") or {}).get("paused"):
        return replace(verdict, outcome="paused")
    if _is_complete(workload):
        return replace(verdict, outcome="complete", ready=workload.count("availableReplicas"))
    idle = (now - last_progress_at).total_seconds()
    finding = _worst(_findings(workload, events, now))
    if is_late or _has_stalled(workload, idle) or (finding is not None and finding.is_fatal):
        return replace(verdict, outcome="failed", diagnosis=finding.diagnosis if finding else _deadline(verdict))
    return replace(verdict, outcome="progressing", diagnosis=finding.diagnosis if finding else None)


def _by_whom(deployment_id: object) -> Said:
    if deployment_id:
        return _("Deployment %(number)s took its place.", number=str(deployment_id))
    return _("Somebody outside the platform replaced it.")


def progress_mark(observation: Observation, name: str) -> str:
    """A text that changes whenever the rollout makes progress, as the controller counts it; empty without Deployment.

    More updated, ready or available pods, fewer old ones, or a generation caught up with.
    """
    workload = find_workload(observation, name)
    if workload is None:
        return ""
    updated, total = workload.count("updatedReplicas"), workload.count("replicas")
    ready, available = workload.count("readyReplicas"), workload.count("availableReplicas")
    return f"{workload.observed}:{updated}:{ready}:{available}:{max(0, total - updated)}"


def _counted(workload: Workload, views: Iterable[PodView]) -> Verdict:
    pods = tuple(views)
    ready = sum(1 for pod in pods if pod.is_new and pod.is_ready)
    return Verdict("progressing", ready, workload.wanted, workload.count("updatedReplicas"), pods)


def _unobserved(verdict: Verdict, waited: float, *, is_late: bool) -> Verdict:
    """Until the controller has seen our generation, everything in the status is about the rollout before."""
    diagnosis = None
    if waited > CONTROLLER_PATIENCE_SECONDS or is_late:
        diagnosis = Diagnosis("controller_silent", {"seconds": str(int(waited))})
    return replace(verdict, outcome="failed" if is_late else "waiting", updated=0, ready=0, diagnosis=diagnosis)


def _is_complete(workload: Workload) -> bool:
    counts = {workload.count(name) for name in ("updatedReplicas", "replicas", "availableReplicas")}
    return counts == {workload.wanted}


def _has_stalled(workload: Workload, idle: float) -> bool:
    progressing = condition(workload.deployment, "Progressing")
    if progressing.get("status") == "False" and progressing.get("reason") == "ProgressDeadlineExceeded":
        return True
    allowed = (workload.deployment.get("spec") or {}).get("progressDeadlineSeconds") or _DEFAULT_PROGRESS_SECONDS
    return int(allowed) < _NO_DEADLINE and idle >= int(allowed) + DEADLINE_MARGIN_SECONDS


def _deadline(verdict: Verdict) -> Diagnosis:
    return Diagnosis("deadline", {"ready": str(verdict.ready), "wanted": str(verdict.wanted)})


def _findings(workload: Workload, events: Sequence[EventFacts], now: datetime) -> list[Finding]:
    found = [finding for pod in workload.new_pods for finding in pod_findings(pod, events, now)]
    evicted = [finding for finding in found if finding.diagnosis.code == "evicted"]
    if evicted:
        first = evicted[0].diagnosis
        together = replace(first, values={**first.values, "count": str(len(evicted))})
        found = [finding for finding in found if finding not in evicted]
        found.append(Finding(together, len(evicted) >= EVICTIONS_FOR_FAILURE))
    refusal = _refusal(workload, now)
    return [refusal, *found] if refusal else found


def _refusal(workload: Workload, now: datetime) -> Finding | None:
    """Pods that may not even be made: a condition of the new ReplicaSet, copied to the Deployment."""
    holder = workload.new_set if workload.new_set is not None else workload.deployment
    failure = condition(holder, "ReplicaFailure")
    if failure.get("status") != "True":
        return None
    diagnosis = diagnose_refusal(str(failure.get("message") or failure.get("reason") or ""))
    if diagnosis.code != "quota_exceeded":
        return Finding(diagnosis, is_fatal=True)
    waited = seconds_since(failure.get("lastTransitionTime"), now)
    return Finding(diagnosis, not _may_make_room(workload) or waited >= QUOTA_PATIENCE_SECONDS)


def _may_make_room(workload: Workload) -> bool:
    """True when old pods are still to leave on their own account, so that a full quota may empty itself."""
    if not workload.old_pods:
        return False
    try:
        plan = rolling_plan(workload.wanted, (workload.deployment.get("spec") or {}).get("strategy"))
    except QuantityError:
        return False
    is_leaving = any(metadata(pod).get("deletionTimestamp") for pod in workload.old_pods)
    available = int(status(workload.deployment).get("availableReplicas") or 0)
    return plan.stops_old_first or is_leaving or available > workload.wanted


def _worst(findings: Sequence[Finding]) -> Finding | None:
    """A certain cause before a suspected one; a cause in the order's hands before what the cluster may mend itself."""
    vague = ("slow_start", "evicted", "not_ready", "unschedulable")
    ranked = sorted(findings, key=lambda finding: (not finding.is_fatal, finding.diagnosis.code in vague))
    return ranked[0] if ranked else None
