"""What runs in a space between deployments: all its placements in one pass over three lists.

A placement settles first, looked at each second, and is then compared with what was applied: each minute, or when the
watch on its namespace saw something move. An autoscaler that has just decided something is looked at again sooner.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Forbidden
from deployer.interfaces import Observation, PodView, Verdict
from deployer.verdict import cause_message, judge
from deployer.verdict.outside import only_replicas
from environments.models import Space
from environments.services.spaces import is_quota_fresh, record_quota
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.messages import MessageLike, join_messages, verbatim
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE
from foundation.runs.lease import Again, Lease, Outcome, Parked
from releases.events import append_event
from releases.live.notify import send_signal
from releases.models import Deployment, Placement, Prune, SpaceObservation
from releases.steps.applied import OUTSIDE, applied_facts, is_scaled_by, read_workload, with_hand
from releases.steps.autoscalers import AUTOSCALER_SECONDS, has_moved, is_same, read_autoscalers
from releases.steps.contact_deadline import record_read, seconds_until_read, unknown_placements
from releases.steps.drift import find_drift, is_drift_check_due, workload_fingerprint
from releases.steps.watch import SELECTOR

SETTLING_SECONDS = 1.0
OBSERVE_SECONDS = 60.0
DRIFT_RESERVE_SECONDS = 20.0
"""Of a pass's time kept for what is looked at without comparing: a full space compares the rest in its next pass."""


@dataclass
class _Pass:
    """What one pass found: the placements that stand as they stood, whether one has settled just now, autoscalers."""

    unchanged: list[int] = field(default_factory=list)
    has_settled: bool = False
    autoscalers: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What was seen of them, by placement; those that were not looked at are not in it."""

    def autoscaler_of(self, place: Placement) -> dict[str, Any]:
        """The column to write, if there is anything to write."""
        return {"autoscaler": self.autoscalers[place.pk]} if place.pk in self.autoscalers else {}


def step(lease: Lease) -> Outcome:
    """One pass over a space; parked while nothing there is ours to follow."""
    space = SpaceObservation.objects.select_related(
        "space__cluster", "space__environment", "space__project"
    ).get(pk=lease.pk).space  # fmt: skip
    places, unknown = followed_placements(space), unknown_placements(space)
    if space.is_archived or (not places and not unknown):
        return Parked()
    if unknown and (pause := seconds_until_read(space)) > 0:
        return Again(pause)
    with lease.open(kubernetes.connect, cluster_target(space.cluster)) as cluster:
        seen = cluster.observe(space.namespace, SELECTOR)
        if unknown:
            for place in unknown:
                record_read(lease, place, seen)
            return Again(0)
        seen_now = _Pass(autoscalers=read_autoscalers(cluster, space.namespace, places, seen))
        waits = [_observe(lease, cluster, seen, place, seen_now) for place in places]
        if seen_now.unchanged:
            # One statement for all that stand as they stood.
            lease.read()
            Placement.objects.filter(pk__in=seen_now.unchanged).update(seen_at=Now())
        is_calm = any(wait >= OBSERVE_SECONDS for wait in waits)
        if seen_now.has_settled or (is_calm and not is_quota_fresh(space, OBSERVE_SECONDS / 2)):
            _record_quota(cluster, space)
    return Again(min(OBSERVE_SECONDS, max(0.1, min(waits))))


def followed_placements(space: Space) -> list[Placement]:
    """Those with something that succeeded, but for those whose pods a deployment follows itself."""
    rows = Placement.objects.filter(space=space, last_succeeded__snapshot__isnull=False).exclude(
        in_progress__state__in=sorted(ACTIVE)
    )
    found = list(
        rows.select_related("component", "last_succeeded__order", "last_succeeded__snapshot", "last_applied__snapshot")
    )
    for place in found:
        place.space = space
        for deployment in (place.last_succeeded, place.last_applied):
            if deployment is not None:
                deployment.space = space
    return found


def _observe(lease: Lease, cluster: KubernetesCluster, seen: Observation, place: Placement, seen_now: _Pass) -> float:
    """Seconds until the placement is to be looked at again; those that show nothing new are noted as unchanged."""
    good = place.last_succeeded
    assert good is not None
    verdict = _judge(cluster, seen, place, good)
    wait = OBSERVE_SECONDS
    if place.last_applied_id == good.pk and place.settled_at is None:
        # Without ``seen_at`` its state is unknown since a restore of the database: this is the first read.
        if not place.unsettled_reason or place.seen_at is None:
            return _settle(lease, cluster, seen, place, verdict, seen_now)
        wait = _until_calm(place, verdict)
        if wait <= 0:
            _decide(lease, place, good, verdict, "placement.settled", settled_at=Now(), unsettled_reason="")
            seen_now.has_settled = True
            return SETTLING_SECONDS
    if has_moved(place.autoscaler, seen_now.autoscalers.get(place.pk, place.autoscaler)):
        wait = min(wait, AUTOSCALER_SECONDS)
    _store(lease, place, good, verdict, _drift(lease, cluster, seen, place), seen_now)
    return max(SETTLING_SECONDS, wait)


def _drift(lease: Lease, cluster: KubernetesCluster, seen: Observation, place: Placement) -> dict[str, Any]:
    """Compared with what was applied last, whether it succeeded or not: that is what the cluster should have."""
    applied = place.last_applied
    if applied is None or applied.snapshot is None:
        return {}
    if applied.applied_at is None and applied.pk != place.last_succeeded_id:
        return {}  # given up half-way: not all of it was ever there
    fingerprint = workload_fingerprint(seen, applied)
    if not is_drift_check_due(place, fingerprint) or lease.remaining() <= DRIFT_RESERVE_SECONDS:
        return {}
    if _is_cleaned_up(applied):
        return {}  # a number of replicas that is handed back is noted after it was sent
    drift = find_drift(cluster, place, applied)
    return {"drift": drift, "drift_checked_at": Now(), "drift_fingerprint": fingerprint}


def _record_quota(cluster: KubernetesCluster, space: Space) -> None:
    """What the namespace has left, for the pages; a cluster that hides its quotas has none to show."""
    with contextlib.suppress(Forbidden):
        record_quota(space, cluster.quota(space.namespace))


def _judge(cluster: KubernetesCluster, seen: Observation, place: Placement, good: Deployment) -> Verdict:
    now = db_now()
    clock: dict[str, Any] = {"now": now, "started_at": now, "last_progress_at": now, "deadline_seconds": 1e9}
    verdict = judge(seen, **applied_facts(good), **clock)
    if verdict.outcome not in OUTSIDE or place.settled_at is not None or place.last_applied_id != good.pk:
        return verdict
    # It settles only as what was applied: the one object is read, which tells whose hand it was.
    live = read_workload(cluster, good)
    if is_scaled_by(verdict, live):
        return judge(seen, **applied_facts(good, is_scaled=True), **clock)
    return with_hand(verdict, live)


def _settle(
    lease: Lease, cluster: KubernetesCluster, seen: Observation, place: Placement, verdict: Verdict, seen_now: _Pass
) -> float:
    """After the verdict: a restart or a pod that stops being ready turns it amber, and promotion onwards waits."""
    good = place.last_succeeded
    assert good is not None and good.finished_at is not None
    before = {pod["uid"]: pod for pod in good.progress.get("pods", [])}
    trouble = _trouble(verdict, before)
    if trouble and _may_be_handing_back(verdict) and _is_cleaned_up(good):
        # The number of replicas was handed back a moment ago: it is noted next, and its pods are given their time.
        trouble = ""
    seconds = (db_now() - good.finished_at).total_seconds()
    if trouble:
        _decide(lease, place, good, verdict, "placement.unsettled", unsettled_reason=trouble)
        return OBSERVE_SECONDS
    if seconds >= place.space.settle_seconds:
        _decide(lease, place, good, verdict, "placement.settled", settled_at=Now(), unsettled_reason="")
        seen_now.has_settled = True
        # Somebody may have changed it while it settled, without harm to its pods: compare it soon.
        return SETTLING_SECONDS
    # What others had added before is seen at once: it has done no harm to the pods.
    _store(lease, place, good, verdict, _drift(lease, cluster, seen, place), seen_now)
    return min(SETTLING_SECONDS, max(0.1, place.space.settle_seconds - seconds))


def _may_be_handing_back(verdict: Verdict) -> bool:
    """True where nothing but the number of pods is not as it was applied."""
    if verdict.outcome in OUTSIDE:
        return verdict.diagnosis is not None and only_replicas(verdict.diagnosis)
    return verdict.outcome not in ("deleted", "superseded") and verdict.ready < verdict.wanted


def _is_cleaned_up(good: Deployment) -> bool:
    """True while what left its snapshot is being removed."""
    return Prune.objects.filter(deployment=good, state__in=sorted(ACTIVE)).exists()


def _until_calm(place: Placement, verdict: Verdict) -> float:
    """Seconds until what turned amber has settled after all: nothing may move for as long as settling takes.

    A pod that restarts or goes is stored, and with that (``changed_at``) the time begins anew.
    """
    if _trouble(verdict, {pod["uid"]: pod for pod in place.pods}):
        return OBSERVE_SECONDS
    return place.space.settle_seconds - (db_now() - place.changed_at).total_seconds()


def _trouble(verdict: Verdict, before: dict[str, Any]) -> MessageLike:
    if verdict.outcome == "deleted":
        return _("It was deleted outside the platform.")
    if verdict.outcome in OUTSIDE and verdict.diagnosis is not None:
        return cause_message(verdict.diagnosis.code, verdict.diagnosis.values)
    if verdict.outcome == "superseded":
        return join_messages(_("Something else runs there than this platform deployed last."), verdict.message)
    for pod in verdict.pods:
        known = before.get(pod.uid)
        if pod.is_new and known and pod.restarts > known["restarts"]:
            return join_messages(
                _("Pod %(pod)s restarted.", pod=pod.name), verbatim(pod.message) if pod.message else ""
            )
    if verdict.ready < verdict.wanted:
        return _("Only %(ready)s of %(wanted)s pods are ready.", ready=verdict.ready, wanted=verdict.wanted)
    return ""


def _decide(lease: Lease, place: Placement, good: Deployment, verdict: Verdict, kind: str, **fields: Any) -> None:
    with transaction.atomic():
        if not _lock(place):
            return
        reason = fields.get("unsettled_reason", "")
        data = {"id": good.pk, "environment": place.space.environment.slug, "reason": reason}
        append_event(good.order_id, kind, data=data)
        _save(lease, place, **_seen(verdict), **fields)


def _store(
    lease: Lease,
    place: Placement,
    good: Deployment,
    verdict: Verdict,
    fields: dict[str, Any],
    seen_now: _Pass,
) -> None:
    """Write only what changed: a pass that sees nothing new wakes no page, and pods alone make no event."""
    pods = [asdict(pod) for pod in verdict.pods]
    sets = [asdict(one) for one in verdict.replica_sets]
    drift, fields = fields.get("drift", place.drift), {**fields, **seen_now.autoscaler_of(place)}
    now, before = (pods, sets, verdict.ready), (place.pods, place.replica_sets, place.ready)
    is_news = (now, verdict.wanted, drift) != (before, place.wanted, place.drift)
    is_news |= not is_same(place.autoscaler, fields.get("autoscaler", place.autoscaler))
    if not is_news and not fields:
        seen_now.unchanged.append(place.pk)
        return
    with transaction.atomic():
        if not _lock(place):
            return
        if not is_news:
            _save(lease, place, seen_at=Now(), **fields)
            return
        if drift == place.drift:
            send_signal(good.order_id)
        else:
            data = {
                "environment": place.space.environment.slug,
                "ready": verdict.ready,
                "wanted": verdict.wanted,
                "drift": len(drift),
            }
            append_event(good.order_id, "placement.seen", data=data)
        _save(lease, place, **_seen(verdict), **fields)


def _lock(place: Placement) -> bool:
    """Placement before order; False when a deployment changed it since it was read, so that what was seen is old."""
    row = Placement.objects.select_for_update().filter(pk=place.pk)
    found = row.values_list("last_succeeded_id", "last_applied_id", "in_progress_id").first()
    return found == (place.last_succeeded_id, place.last_applied_id, place.in_progress_id)


def _save(lease: Lease, place: Placement, **fields: Any) -> None:
    """Write the placement as long as the observation is ours; raises LeaseLost."""
    lease.hold()
    Placement.objects.filter(pk=place.pk).update(**fields)


def _seen(verdict: Verdict) -> dict[str, Any]:
    pods: tuple[PodView, ...] = verdict.pods
    return {
        "pods": [asdict(pod) for pod in pods],
        "replica_sets": [asdict(one) for one in verdict.replica_sets],
        "ready": verdict.ready,
        "wanted": verdict.wanted,
        "seen_at": Now(),
        "changed_at": Now(),
    }
