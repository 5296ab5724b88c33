"""The verdict on a rollout, as ``kubectl rollout status`` gives it, with our own deadlines and causes.

Source of the completeness rule: ``kubectl/pkg/polymorphichelpers/rollout_status.go``; of the controller's:
``pkg/controller/deployment/util/deployment_util.go`` (DeploymentComplete, DeploymentTimedOut); Kubernetes 1.36.
Complete is not enough: what is complete must also be what was applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deployer.interfaces import Diagnosis, EventFacts, Observation, PodView, Verdict
from deployer.manifests import DEPLOYMENT_ANNOTATION, DeploymentMark
from deployer.messages import message as _
from deployer.verdict.findings import COUNTED, Finding, pod_findings
from deployer.verdict.objects import Workload, condition, find_workload, metadata, pod_views, set_views
from deployer.verdict.outside import AppliedWorkload, changed_by_others, hand_values, outside_change
from deployer.verdict.refusals import refusal_finding

CONTROLLER_PATIENCE_SECONDS = 30
PODS_GIVEN_BACK_FOR_FAILURE = 3
# The controller's own deadline comes first where it has one; it has none for a mere change of replicas.
DEADLINE_MARGIN_SECONDS = 15
_DEFAULT_PROGRESS_SECONDS = 600
_NO_DEADLINE = 2**31 - 1


def judge(  # noqa: PLR0913 - one call with everything that the answer depends on
    observation: Observation,
    *,
    name: str,
    applied_generation: int,
    deployment_mark: str,
    now: datetime,
    started_at: datetime,
    last_progress_at: datetime,
    deadline_seconds: float,
    events: Sequence[EventFacts] = (),
    applied: AppliedWorkload | None = None,
) -> Verdict:
    """What the rollout of Deployment ``name`` is doing.

    ``applied_generation``: of the server's answer to our apply. ``deadline_seconds``: longest time after
    ``started_at``. ``last_progress_at``: when :func:`has_progressed` last said so. ``events`` (optional) make causes
    more exact, ``applied`` (optional) tells what is ours from what others wrote. Times carry a zone. ``outcome``
    complete is kubectl's word; settling afterwards is for the caller. A ``diagnosis`` beside an outcome other than
    failed, deleted, changed and undone is a suspicion.
    """
    workload = find_workload(observation, name)
    if workload is None:
        return Verdict("deleted", 0, 0, 0, (), Diagnosis("deleted_outside", {"name": name}))
    verdict = replace(_counted(workload, pod_views(workload)), replica_sets=set_views(workload))
    if metadata(workload.deployment).get("deletionTimestamp"):
        # It is on its way out, with all of its pods: nothing of what is counted stays.
        return replace(verdict, outcome="deleted", diagnosis=Diagnosis("deleted_outside", {"name": name}))
    if (other := _not_ours(verdict, workload, deployment_mark, applied_generation, applied)) is not None:
        return other
    if workload.generation > applied_generation:
        verdict = replace(verdict, message=_("It was changed outside the platform while it was rolling out."))
    is_late = (now - started_at).total_seconds() >= deadline_seconds
    idle = (now - last_progress_at).total_seconds()
    if workload.observed < workload.generation:
        return _unobserved(verdict, idle, is_late=is_late)
    if _is_complete(workload):
        return replace(verdict, outcome="complete", ready=workload.count("availableReplicas"))
    if (workload.deployment.get("spec") or {}).get("paused"):
        return replace(verdict, outcome="failed" if is_late else "paused", diagnosis=_paused(workload))
    finding = _worst(_findings(workload, events, now))
    if is_late or _has_stalled(workload, idle) or (finding is not None and finding.is_fatal):
        return replace(verdict, outcome="failed", diagnosis=finding.diagnosis if finding else _deadline(verdict))
    return replace(verdict, outcome="progressing", diagnosis=finding.diagnosis if finding else None)


def _not_ours(
    verdict: Verdict, workload: Workload, deployment_mark: str, generation: int, applied: AppliedWorkload | None
) -> Verdict | None:
    """What stands there is not what we applied: undone, changed, or a later deployment of ours; None when it is."""
    there = (metadata(workload.deployment).get("annotations") or {}).get(DEPLOYMENT_ANNOTATION)
    if there != deployment_mark:
        return _another_mark(verdict, there, deployment_mark)
    if applied is None:
        return None
    changes = changed_by_others(workload.deployment, applied, is_same_spec=workload.generation == generation)
    return replace(verdict, outcome="changed", diagnosis=outside_change(changes)) if changes else None


_MARK_FIELD = f'.metadata.annotations["{DEPLOYMENT_ANNOTATION}"]'


def _another_mark(verdict: Verdict, there: object, deployment_mark: str) -> Verdict:
    mark, ours = DeploymentMark.parse(there), DeploymentMark.parse(deployment_mark)
    if mark is None:
        message = _("Somebody outside the platform replaced it.")
        return replace(verdict, outcome="changed", message=message, diagnosis=outside_change((_MARK_FIELD,)))
    if ours is not None and mark.position < ours.position:
        # Nothing of ours goes back to a lower number: kubectl's undo restores the annotations of an old ReplicaSet.
        message = _("It was rolled back outside the platform: deployment %(number)s runs again.", number=mark.number)
        values = {**hand_values(None), "number": str(mark.number)}
        undone = Diagnosis("undone_outside", values, evidence=(_MARK_FIELD,))
        return replace(verdict, outcome="undone", message=message, diagnosis=undone)
    return replace(
        verdict, outcome="superseded", message=_("Deployment %(number)s took its place.", number=mark.number)
    )


@dataclass(frozen=True)
class _Counts:
    """The numbers by which the deployment controller tells progress, and the generation that it has seen."""

    observed: int = -1
    updated: int = 0
    ready: int = 0
    available: int = 0
    old: int = 0


def progress_mark(observation: Observation, name: str) -> str:
    """The counts that progress is told by, as a text for :func:`has_progressed`; empty without Deployment."""
    workload = find_workload(observation, name)
    if workload is None:
        return ""
    updated, total = workload.count("updatedReplicas"), workload.count("replicas")
    ready, available = workload.count("readyReplicas"), workload.count("availableReplicas")
    return f"{workload.observed}:{updated}:{ready}:{available}:{max(0, total - updated)}"


def has_progressed(before: str, after: str) -> bool:
    """Whether the rollout came further between two marks, as the controller counts it (DeploymentProgressing).

    More updated, ready or available pods, fewer old ones, or a generation caught up with. Fewer new pods are none.
    """
    old, new = _counts(before), _counts(after)
    grown = (new.updated > old.updated, new.ready > old.ready, new.available > old.available, new.old < old.old)
    return bool(after) and (new.observed > old.observed or any(grown))


def _counts(mark: str) -> _Counts:
    parts = mark.split(":")
    return _Counts(*map(int, parts)) if len(parts) == 5 and all(part.isdigit() for part in parts) else _Counts()


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


def _paused(workload: Workload) -> Diagnosis:
    head = metadata(workload.deployment)
    return Diagnosis("paused", {"name": str(head.get("name", "")), "namespace": str(head.get("namespace", ""))})


def _findings(workload: Workload, events: Sequence[EventFacts], now: datetime) -> list[Finding]:
    found = [finding for pod in workload.new_pods for finding in pod_findings(pod, events, now)]
    for code in COUNTED:
        found = _together(found, code)
    refusal = refusal_finding(workload, now)
    return [refusal, *found] if refusal else found


def _together(found: list[Finding], code: str) -> list[Finding]:
    """Pods that nodes gave back for one kind of reason as one finding with their number."""
    same = [finding for finding in found if finding.diagnosis.code == code]
    if not same:
        return found
    first = same[0].diagnosis
    together = replace(first, values={**first.values, "count": str(len(same))})
    others = [finding for finding in found if finding not in same]
    return [*others, Finding(together, len(same) >= PODS_GIVEN_BACK_FOR_FAILURE)]


_VAGUE = (
    "slow_start",
    "init_running",
    "evicted",
    "node_refused",
    "not_ready",
    "starting",
    "unschedulable",
    "pod_delayed",
    "node_silent",
)


def _worst(findings: Sequence[Finding]) -> Finding | None:
    """A certain cause before a suspected one; one that the order can mend before one that the cluster may."""
    ranked = sorted(findings, key=lambda finding: (not finding.is_fatal, finding.diagnosis.code in _VAGUE))
    return ranked[0] if ranked else None
