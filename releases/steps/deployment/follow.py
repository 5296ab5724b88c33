"""Following a rollout pod by pod to a verdict, with the cause in words when it fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from components.models import Component, EntryCheck
from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Forbidden, NotFound
from deployer.interfaces import EventFacts, Observation, Verdict
from deployer.manifests import DeploymentMark, find_workload, instance_label, mark_of
from deployer.verdict import has_progressed, judge, progress_mark
from environments.models import Space
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.messages import join_messages
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.lease import Again, Done, Lease, Outcome
from releases.choices import Reason
from releases.live.notify import send_signal
from releases.locks import lock_place
from releases.models import Deployment, Placement
from releases.steps.applied import OUTSIDE, applied_facts, is_scaled_by, read_workload, with_hand
from releases.steps.deployment.ends import end
from releases.steps.deployment.evidence import message_for, with_evidence
from releases.steps.marks import is_known, unknown_mark_message
from releases.steps.pending_moves import APART_SECONDS
from releases.steps.watch import is_watched

READ_SECONDS = 1.0
WATCHED_SECONDS = 5.0
"""Where a watch tells what moves, only what is late is left to find: a deadline, or a watch that fell silent."""
MOMENTS = 40
"""So many changes of a rollout are kept for its story."""


def selector_of(component: Component, space: Space) -> str:
    """The label selector of everything of one component in a space."""
    instance = instance_label(space.project.slug, component.slug, space.environment.slug)
    return f"app.kubernetes.io/instance={instance}"


def follow(lease: Lease, deployment: Deployment) -> Outcome:
    """Phase ``rolling``: judge what is there; write it down; end when there is a verdict."""
    with lease.open(kubernetes.connect, cluster_target(deployment.space.cluster)) as cluster:
        return _follow(lease, cluster, deployment)


def _follow(lease: Lease, cluster: KubernetesCluster, deployment: Deployment) -> Outcome:
    seen, verdict = _read(cluster, deployment)
    check = entry_check_of(deployment)
    if verdict.outcome == "complete" and check is None:
        # People wait for it: in one transaction with what was seen.
        with transaction.atomic():
            _store(lease, deployment, verdict, seen)
            return end(lease, deployment, RunState.SUCCEEDED, message=verdict.message)
    after = _note(lease, cluster, deployment, verdict, seen)
    if not isinstance(after, Verdict):
        return after
    if verdict.outcome != "complete":
        return Again(_pause_seconds(deployment.space))
    if not verdict.wanted:
        return end(lease, deployment, RunState.SUCCEEDED, message=verdict.message, entry={"state": "skipped"})
    with transaction.atomic():
        touch(lease, deployment)
        lease.save(phase="checking", entry={"state": "waiting", "since": db_now().isoformat()})
    return Again(0)


def _pause_seconds(space: Space) -> float:
    """Until the next pass that nothing has called for: news of a watch come sooner, the more so with many rollouts."""
    if not is_watched(space):
        return READ_SECONDS
    under_way = Deployment.objects.filter(space__cluster_id=space.cluster_id, state__in=sorted(ACTIVE)).count()
    return max(WATCHED_SECONDS, APART_SECONDS * under_way)


def entry_check_of(deployment: Deployment) -> EntryCheck | None:
    """What the entry must answer, as the snapshot has it; None where ready pods are enough."""
    return deployment.snapshot.entry_check if deployment.snapshot else None


def read_rollout(lease: Lease, cluster: KubernetesCluster, deployment: Deployment) -> Verdict | Done:
    """One read of the rollout, written down: complete or not yet, or the end of the deployment."""
    seen, verdict = _read(cluster, deployment)
    return _note(lease, cluster, deployment, verdict, seen)


def _read(cluster: KubernetesCluster, deployment: Deployment) -> tuple[Observation, Verdict]:
    space = deployment.space
    seen = cluster.observe(space.namespace, selector_of(deployment.component, space))
    return seen, _judge(cluster, deployment, seen)


def _note(
    lease: Lease, cluster: KubernetesCluster, deployment: Deployment, verdict: Verdict, seen: Observation
) -> Verdict | Done:
    if verdict.outcome == "superseded":
        return _end_superseded(lease, deployment, verdict, seen)
    _store(lease, deployment, verdict, seen)
    if verdict.outcome in ("failed", "deleted", *OUTSIDE):
        return _end_failed(lease, cluster, deployment, verdict)
    return verdict


def touch(lease: Lease, deployment: Deployment) -> None:
    """Tells the pages of the deployment that it changed, once this transaction has committed."""
    place = lock_place(deployment.order, deployment.space)
    Placement.objects.filter(pk=place).update(seen_at=Now(), changed_at=Now())
    send_signal(deployment.order_id)
    lease.hold()


def _end_superseded(lease: Lease, deployment: Deployment, verdict: Verdict, seen: Observation) -> Done:
    there = _mark_there(deployment, seen)
    if there and not is_known(there):
        message = unknown_mark_message(there)
        return end(lease, deployment, RunState.FAILED, Reason.UNKNOWN_MARK, message, may_roll_back=False)
    return end(lease, deployment, RunState.CANCELLED, Reason.SUPERSEDED, verdict.message)


def _mark_there(deployment: Deployment, seen: Observation) -> DeploymentMark | None:
    name = _workload_name(deployment)
    return mark_of(next((found for found in seen.deployments if found["metadata"].get("name") == name), None))


def _end_failed(lease: Lease, cluster: KubernetesCluster, deployment: Deployment, verdict: Verdict) -> Done:
    """The cause on the row; with the end of the log, kept before a roll back takes the pods away.

    What somebody changed outside is not rolled back by policy: it would be a quarrel with that person.
    """
    reasons = {"deleted": Reason.DELETED, "changed": Reason.CONFLICT, "undone": Reason.CONFLICT}
    diagnosis = with_evidence(cluster, deployment.space, verdict.diagnosis)
    lines = diagnosis.get("lines")
    said = message_for(diagnosis) or verdict.message
    return end(
        lease,
        deployment,
        RunState.FAILED,
        reasons.get(verdict.outcome, Reason.ROLLOUT),
        join_messages(said, _("Its log ends with: %(lines)s", lines=" | ".join(lines)) if lines else ""),
        may_roll_back=verdict.outcome not in OUTSIDE,
        diagnosis=diagnosis,
    )


def _workload_name(deployment: Deployment) -> str:
    assert deployment.snapshot is not None
    return str(find_workload(deployment.snapshot.manifests)["metadata"]["name"])


def _judge(cluster: KubernetesCluster, deployment: Deployment, seen: Observation) -> Verdict:
    assert deployment.applied_at and deployment.progressed_at
    now = db_now()
    facts: dict[str, Any] = {
        **applied_facts(deployment),
        "now": now,
        "started_at": deployment.applied_at,
        # The clock of a paused rollout stands, and begins anew when it is resumed.
        "last_progress_at": now if deployment.progress.get("outcome") == "paused" else deployment.progressed_at,
        "deadline_seconds": deployment.space.deploy_deadline_seconds,
    }
    verdict = judge(seen, **facts)
    if verdict.outcome in OUTSIDE:
        live = read_workload(cluster, deployment)
        if not is_scaled_by(verdict, live):
            return with_hand(verdict, live)
        facts |= applied_facts(deployment, is_scaled=True)
        verdict = judge(seen, **facts)
    if verdict.outcome == "complete" or verdict.diagnosis is None or not verdict.diagnosis.pod:
        return verdict
    # Something looks wrong with a pod: its events make the cause exact.
    return judge(seen, **facts, events=_events(cluster, deployment, verdict))


def _events(cluster: KubernetesCluster, deployment: Deployment, verdict: Verdict) -> tuple[EventFacts, ...]:
    assert verdict.diagnosis is not None
    uid = next((pod.uid for pod in verdict.pods if pod.name == verdict.diagnosis.pod), "")
    try:
        return cluster.events(deployment.space.namespace, uid) if uid else ()
    except (Forbidden, NotFound):
        # They only make it more exact: an account that may not read them still gets a verdict.
        return ()


def _store(lease: Lease, deployment: Deployment, verdict: Verdict, seen: Observation) -> None:
    """Progress on the run, pods on the placement, a signal to who watches when something visible changed."""
    before = deployment.progress
    view: dict[str, Any] = {
        "outcome": verdict.outcome,
        "ready": verdict.ready,
        "wanted": verdict.wanted,
        "updated": verdict.updated,
        "message": verdict.message,
        "pods": [asdict(pod) for pod in verdict.pods],
        "mark": progress_mark(seen, _workload_name(deployment)),
        "suspicion": asdict(verdict.diagnosis) if verdict.diagnosis else None,
    }
    if _visible(view) == _visible(before):
        return
    is_resumed = before.get("outcome") == "paused" and verdict.outcome != "paused"
    moved = is_resumed or has_progressed(before.get("mark", ""), view["mark"])
    view["moments"] = [*before.get("moments", []), _moment(verdict)][-MOMENTS:]
    with transaction.atomic(savepoint=False):
        place = lock_place(deployment.order, deployment.space)
        Placement.objects.filter(pk=place).update(
            pods=view["pods"],
            replica_sets=[asdict(one) for one in verdict.replica_sets],
            ready=verdict.ready,
            wanted=verdict.wanted,
            seen_at=Now(),
            changed_at=Now(),
        )
        send_signal(deployment.order_id)
        lease.save(progress=view, **({"progressed_at": Now()} if moved else {}))
    deployment.progress = view


def _moment(verdict: Verdict) -> dict[str, Any]:
    """A line of the rollout's story, kept with the run."""
    return {
        "at": db_now().isoformat(),
        "ready": verdict.ready,
        "wanted": verdict.wanted,
        "states": dict(Counter(pod.state for pod in verdict.pods)),
        "message": verdict.message,
    }


def _visible(view: dict[str, Any]) -> list[Any]:
    """What people can see change; a suspicion's seconds and a message's count would make an event each second."""
    pods = [
        (pod["uid"], pod["state"], pod["is_ready"], pod["is_leaving"], pod["restarts"]) for pod in view.get("pods", [])
    ]
    suspicion = (view.get("suspicion") or {}).get("code")
    return [view.get(name) for name in ("outcome", "ready", "wanted", "updated", "mark")] + [pods, suspicion]
