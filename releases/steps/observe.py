"""A placement between deployments: settling first, then drift; each second, each minute, or on a watch's word."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.diff import diff_object
from deployer.errors import DeployerError, Forbidden, OutcomeUnknown, Unavailable
from deployer.interfaces import PodView, Verdict
from deployer.manifests import find_workload, overlay, ref_of
from deployer.verdict import judge
from environments.services.sights import is_quota_fresh, note_quota
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE
from foundation.runs.lease import Again, Lease, Outcome, Parked
from foundation.sentences import say as _
from foundation.sentences import spoken, together, verbatim
from releases import progress
from releases.models import Deployment, Placement
from releases.steps.deployment.follow import selector_of

SETTLING_SECONDS = 1.0
DRIFT_SECONDS = 60.0


def step(lease: Lease) -> Outcome:
    """One look at what runs there; parked while a deployment follows the same pods itself."""
    rows = Placement.objects.select_related(
        "space__cluster",
        "space__environment",
        "space__project",
        "component",
        "good__order",
        "good__snapshot",
        "active",
        "applied",
    )
    place: Placement = rows.get(pk=lease.pk)
    good = place.good
    if place.active is not None and place.active.state in ACTIVE:
        return Parked()
    if good is None or good.snapshot is None:
        return Parked()
    cluster = kubernetes.connect(cluster_target(place.space.cluster))
    verdict = _judge(cluster, place, good)
    wait = DRIFT_SECONDS
    if place.applied_id == good.pk and place.settled_at is None:
        if not place.unsettled_reason:
            outcome = _settle(lease, place, good, verdict)
            if outcome == Again(DRIFT_SECONDS):
                _note_quota(cluster, place)
            return outcome
        wait = _until_calm(place, verdict)
        if wait <= 0:
            _decide(lease, place, good, verdict, "placement.settled", settled_at=Now(), unsettled_reason="")
            _note_quota(cluster, place)
            return Again(DRIFT_SECONDS)
    drift = _drift(cluster, place, good) if place.applied_id == good.pk else place.drift
    _store(lease, place, good, verdict, drift)
    if not is_quota_fresh(place.space, DRIFT_SECONDS / 2):
        _note_quota(cluster, place)
    return Again(min(DRIFT_SECONDS, max(SETTLING_SECONDS, wait)))


def _note_quota(cluster: KubernetesCluster, place: Placement) -> None:
    """What the namespace has left, for the pages; a cluster that hides its quotas has none to show."""
    with contextlib.suppress(Forbidden):
        note_quota(place.space, cluster.quota(place.space.namespace))


def _judge(cluster: KubernetesCluster, place: Placement, good: Deployment) -> Verdict:
    assert good.snapshot is not None
    seen = cluster.observe(place.space.namespace, selector_of(place.component, place.space))
    now = db_now()
    return judge(
        seen,
        name=find_workload(good.snapshot.manifests)["metadata"]["name"],
        applied_generation=0,
        deployment_id=str(good.pk),
        now=now,
        started_at=now,
        last_progress_at=now,
        deadline_seconds=1e9,
    )


def _settle(lease: Lease, place: Placement, good: Deployment, verdict: Verdict) -> Outcome:
    """After the verdict: a restart or a pod that stops being ready turns it amber, and promotion onwards waits."""
    assert good.finished_at is not None
    before = {pod["uid"]: pod for pod in good.progress.get("pods", [])}
    trouble = _trouble(verdict, before)
    seconds = (db_now() - good.finished_at).total_seconds()
    if trouble:
        _decide(lease, place, good, verdict, "placement.unsettled", unsettled_reason=trouble)
        return Again(DRIFT_SECONDS)
    if seconds >= place.space.settle_seconds:
        _decide(lease, place, good, verdict, "placement.settled", settled_at=Now())
        return Again(DRIFT_SECONDS)
    _store(lease, place, good, verdict, place.drift)
    return Again(min(SETTLING_SECONDS, max(0.1, place.space.settle_seconds - seconds)))


def _until_calm(place: Placement, verdict: Verdict) -> float:
    """Seconds until what turned amber has settled after all: nothing may move for as long as settling takes.

    A pod that restarts or goes is stored, and with that (``changed_at``) the time begins anew.
    """
    if _trouble(verdict, {pod["uid"]: pod for pod in place.pods}):
        return DRIFT_SECONDS
    return place.space.settle_seconds - (db_now() - place.changed_at).total_seconds()


def _trouble(verdict: Verdict, before: dict[str, Any]) -> Sentence:
    if verdict.outcome == "deleted":
        return _("It was deleted outside the platform.")
    for pod in verdict.pods:
        known = before.get(pod.uid)
        if pod.is_new and known and pod.restarts > known["restarts"]:
            return together(_("Pod %(pod)s restarted.", pod=pod.name), verbatim(pod.message) if pod.message else "")
    if verdict.ready < verdict.wanted:
        return _("Only %(ready)s of %(wanted)s pods are ready.", ready=verdict.ready, wanted=verdict.wanted)
    return ""


def _decide(lease: Lease, place: Placement, good: Deployment, verdict: Verdict, kind: str, **fields: Any) -> None:
    with transaction.atomic():
        _lock(place)
        reason = fields.get("unsettled_reason", "")
        data = {"id": good.pk, "environment": place.space.environment.slug, "reason": reason}
        progress.append(good.order_id, kind, data=data)
        lease.save(**_seen(verdict), **fields)


def _store(lease: Lease, place: Placement, good: Deployment, verdict: Verdict, drift: list[Any]) -> None:
    """Write only what changed: a look that sees nothing new makes no event and wakes no page."""
    pods = [asdict(pod) for pod in verdict.pods]
    is_news = (pods, verdict.ready, verdict.wanted, drift) != (place.pods, place.ready, place.wanted, place.drift)
    if not is_news:
        lease.save(seen_at=Now())
        return
    with transaction.atomic():
        _lock(place)
        data = {
            "environment": place.space.environment.slug,
            "ready": verdict.ready,
            "wanted": verdict.wanted,
            "drift": len(drift),
        }
        progress.append(good.order_id, "placement.seen", data=data)
        lease.save(**_seen(verdict), drift=drift)


def _lock(place: Placement) -> None:
    """Placement before order, as everywhere."""
    Placement.objects.select_for_update().filter(pk=place.pk).values_list("pk", flat=True).first()


def _seen(verdict: Verdict) -> dict[str, Any]:
    pods: tuple[PodView, ...] = verdict.pods
    return {
        "pods": [asdict(pod) for pod in pods],
        "ready": verdict.ready,
        "wanted": verdict.wanted,
        "seen_at": Now(),
        "changed_at": Now(),
    }


def _drift(cluster: KubernetesCluster, place: Placement, good: Deployment) -> list[dict[str, Any]]:
    """What somebody changed outside the platform: the live objects against a dry run of what we applied."""
    assert good.snapshot is not None
    wanted = overlay(
        good.snapshot.manifests,
        deployment_id=str(good.pk),
        restarted_at=good.overlay.get("restarted_at"),
        replicas=good.overlay.get("replicas"),
    )
    found: list[dict[str, Any]] = []
    for manifest in wanted:
        ref = ref_of(manifest)
        live = cluster.read(place.space.namespace, ref)
        if live is None:
            found.append(
                {
                    "object": f"{ref.kind}/{ref.name}",
                    "path": "",
                    "before": _("present"),
                    "after": _("deleted"),
                    **_who(None),
                }
            )
            continue
        try:
            answer = cluster.dry_run(place.space.namespace, manifest, force=True)
        except (Unavailable, OutcomeUnknown):
            # A cluster that went away just now has not drifted.
            raise
        except DeployerError as error:
            found.append(
                {"object": f"{ref.kind}/{ref.name}", "path": "", "before": "", "after": spoken(error), **_who(live)}
            )
            continue
        for change in diff_object(ref, live, answer.manifest).changes:
            row = {
                "object": f"{ref.kind}/{ref.name}",
                "path": change.path,
                "before": change.after,
                "after": change.before,
            }
            found.append({**row, **_who(live)})
    return found


def _who(live: dict[str, Any] | None) -> dict[str, str]:
    """The last field manager other than us and the controllers."""
    entries = (live or {}).get("metadata", {}).get("managedFields") or []
    others = [
        entry
        for entry in entries
        if entry.get("manager") not in ("prism4k", "kube-controller-manager") and entry.get("subresource") != "status"
    ]
    last: dict[str, str] = max(others, key=lambda entry: entry.get("time", ""), default={})
    return {"manager": last.get("manager", ""), "at": last.get("time", "")}
