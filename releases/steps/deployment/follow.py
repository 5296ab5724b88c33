"""Following a rollout pod by pod to a verdict, with the cause in words when it fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from components.models import Component
from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import DeployerError
from deployer.interfaces import Diagnosis, EventFacts, Observation, Verdict
from deployer.manifests import find_workload, instance_label
from deployer.verdict import SENTENCES, judge, progress_mark
from environments.models import Space
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.redaction import redact
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from foundation.sentences import Spoken
from foundation.sentences import say as _
from releases import launch, progress
from releases.choices import Reason
from releases.models import Deployment, Placement
from releases.steps.deployment.ends import end

LOOK_SECONDS = 1.0
LOG_LINES = 50


def selector_of(component: Component, space: Space) -> str:
    """The label selector of everything of one component in a space."""
    instance = instance_label(space.project.slug, component.slug, space.environment.slug)
    return f"app.kubernetes.io/instance={instance}"


def follow(lease: Lease, deployment: Deployment) -> Outcome:
    """Phase ``rolling``: judge what is there; write it down; end when there is a verdict."""
    space = deployment.space
    cluster = kubernetes.connect(cluster_target(space.cluster))
    seen = cluster.observe(space.namespace, selector_of(deployment.component, space))
    verdict = _judge(cluster, deployment, seen)
    if verdict.outcome == "complete":
        _store(lease, deployment, verdict, seen)
        return end(lease, deployment, RunState.SUCCEEDED, message=verdict.message)
    if verdict.outcome == "superseded":
        return end(
            lease,
            deployment,
            RunState.CANCELLED,
            Reason.SUPERSEDED,
            verdict.message or _("A later deployment took its place."),
        )
    if verdict.outcome in ("failed", "deleted"):
        _store(lease, deployment, verdict, seen)
        reason = Reason.DELETED if verdict.outcome == "deleted" else Reason.ROLLOUT
        diagnosis = _with_evidence(cluster, space, verdict.diagnosis)
        return end(
            lease, deployment, RunState.FAILED, reason, sentence_of(diagnosis) or verdict.message, diagnosis=diagnosis
        )
    _store(lease, deployment, verdict, seen)
    return Again(LOOK_SECONDS)


def _workload_name(deployment: Deployment) -> str:
    assert deployment.snapshot is not None
    return str(find_workload(deployment.snapshot.manifests)["metadata"]["name"])


def _judge(cluster: KubernetesCluster, deployment: Deployment, seen: Observation) -> Verdict:
    assert deployment.snapshot is not None and deployment.applied_at and deployment.progressed_at
    applied = next(row for row in deployment.applied if row["kind"] == "Deployment")
    facts: dict[str, Any] = {
        "name": _workload_name(deployment),
        "applied_generation": int(applied["generation"]),
        "deployment_id": str(deployment.pk),
        "now": db_now(),
        "started_at": deployment.applied_at,
        "last_progress_at": deployment.progressed_at,
        "deadline_seconds": deployment.space.deploy_deadline_seconds,
    }
    verdict = judge(seen, **facts)
    if verdict.outcome == "complete" or verdict.diagnosis is None or not verdict.diagnosis.pod:
        return verdict
    # Something looks wrong with a pod: its events make the cause exact.
    uid = next((pod.uid for pod in verdict.pods if pod.name == verdict.diagnosis.pod), "")
    events: tuple[EventFacts, ...] = cluster.events(deployment.space.namespace, uid) if uid else ()
    return judge(seen, **facts, events=events)


def _store(lease: Lease, deployment: Deployment, verdict: Verdict, seen: Observation) -> None:
    """Progress on the run, pods on the placement, one event when something visible changed."""
    view = {
        "outcome": verdict.outcome,
        "ready": verdict.ready,
        "wanted": verdict.wanted,
        "updated": verdict.updated,
        "message": verdict.message,
        "pods": [asdict(pod) for pod in verdict.pods],
        "mark": progress_mark(seen, _workload_name(deployment)),
        "suspicion": asdict(verdict.diagnosis) if verdict.diagnosis else None,
    }
    if _visible(view) == _visible(deployment.progress):
        return
    moved = view["mark"] != deployment.progress.get("mark")
    with transaction.atomic():
        place = launch.take_place(deployment.order, deployment.space)
        Placement.objects.filter(pk=place.pk).update(
            pods=view["pods"], ready=verdict.ready, wanted=verdict.wanted, seen_at=Now(), changed_at=Now()
        )
        data = {
            "id": deployment.pk,
            "environment": deployment.space.environment.slug,
            "states": dict(Counter(pod.state for pod in verdict.pods)),
            **{name: view[name] for name in ("ready", "wanted", "updated", "message")},
        }
        progress.append(deployment.order_id, "deployment.progress", data=data)
        lease.save(progress=view, **({"progressed_at": Now()} if moved else {}))
    deployment.progress = view


def _visible(view: dict[str, Any]) -> list[Any]:
    """What people can see change; a suspicion's seconds and a message's count would make an event each second."""
    pods = [
        (pod["uid"], pod["state"], pod["is_ready"], pod["is_leaving"], pod["restarts"]) for pod in view.get("pods", [])
    ]
    suspicion = (view.get("suspicion") or {}).get("code")
    return [view.get(name) for name in ("outcome", "ready", "wanted", "updated", "mark")] + [pods, suspicion]


def _with_evidence(cluster: KubernetesCluster, space: Space, diagnosis: Diagnosis | None) -> dict[str, Any]:
    """The last log lines of the pod that failed, kept now: after a roll back nobody can read them any more."""
    if diagnosis is None:
        return {}
    stored = asdict(diagnosis)
    if not diagnosis.pod:
        return stored
    for previous in (True, False):
        try:
            text = cluster.pod_log(
                space.namespace, diagnosis.pod, container=diagnosis.container, previous=previous, tail_lines=LOG_LINES
            )
        except DeployerError:
            continue
        if text.strip():
            stored["log"] = redact(text)[-8000:]
            break
    return stored


def sentence_of(diagnosis: dict[str, Any]) -> Spoken:
    """The diagnosis as a sentence for the row; nothing for a code that we do not know."""
    return Spoken(SENTENCES.get(diagnosis.get("code", ""), ""), diagnosis.get("values"))
