"""Server-side apply of a snapshot, in order, each object with its fence.

Read the object (its resourceVersion R and the deployment mark it bears); the intent is committed already (phase
``applying`` under our fence); send with R in the body and the lease's deadline. So twice is harmless, a worker that
slept cannot put an old release over a newer one, and a deployment that came later is never overwritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Conflict, DeployerError, NotFound, Problem, Rejected
from deployer.interfaces import Manifest
from deployer.manifests import mark_of, overlay, ref_of
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.messages import Message, join_messages, verbatim
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from releases.choices import Reason
from releases.events import append_event
from releases.locks import lock_place
from releases.models import Deployment, Placement
from releases.steps.deployment.ends import end
from releases.steps.deployment.parts import parts_of
from releases.steps.deployment.send import CancelRequested, Leaving, Live, Superseded, UnknownMark, send
from releases.steps.deployment.shortage import shortage_of
from releases.steps.deployment.start import refusal_of
from releases.steps.leaving import PATIENCE_SECONDS, is_leaving, leaving_message
from releases.steps.marks import unknown_mark_message
from releases.steps.namespaces import is_namespace_gone, latest_sync, make_namespace, why_not_ready
from releases.steps.replicas import live_fingerprint
from releases.steps.watch import wake_watch


def apply(lease: Lease, deployment: Deployment, *, is_asked: bool = False) -> Outcome:
    """Phase ``applying``. ``is_asked``: this very pass has asked the gates."""
    refusal = "" if deployment.applied or is_asked else refusal_of(deployment)
    if refusal:
        # It waited for the cluster, for hours perhaps: an approval may have expired, somebody may have left.
        return end(lease, deployment, RunState.FAILED, Reason.GATE, refusal)
    with lease.open(kubernetes.connect, cluster_target(deployment.space.cluster)) as cluster:
        return _apply(lease, cluster, deployment)


def _apply(lease: Lease, cluster: KubernetesCluster, deployment: Deployment) -> Outcome:
    snapshot = deployment.snapshot
    assert snapshot is not None
    manifests = overlay(
        snapshot.manifests,
        deployment_mark=str(deployment.mark),
        restarted_at=deployment.overlay.get("restarted_at"),
        replicas=deployment.overlay.get("replicas"),
    )
    live = cluster.read_all(deployment.space.namespace, map(ref_of, snapshot.manifests))
    if not deployment.applied and _has_moved(live, deployment):
        message = _("What runs there has changed since it was reviewed: review again.")
        return end(lease, deployment, RunState.FAILED, Reason.MOVED, message)
    if leaving := next((one for one in live.values() if one and is_leaving(one)), None):
        # Before anything is sent: what comes before it in the set would be sent again with each pass.
        return _wait_until_gone(lease, deployment, leaving)
    if not deployment.applied and (missing := shortage_of(cluster, deployment, manifests, live)):
        return end(lease, deployment, RunState.FAILED, Reason.QUOTA, missing)
    return _send_all(lease, cluster, deployment, manifests, live)


def _send_all(
    lease: Lease, cluster: KubernetesCluster, deployment: Deployment, manifests: Sequence[Manifest], live: Live
) -> Outcome:
    try:
        for manifest in manifests:
            row = send(cluster, lease, deployment, manifest, manifests, live)
            _note_accepted(lease, deployment, row, is_last=manifest is manifests[-1])
    except Leaving as leaving:
        deployment.refresh_from_db(fields=["progressed_at"])
        return _wait_until_gone(lease, deployment, leaving.live)
    except CancelRequested:
        # The pass that it wakes ends it: what is not sent by now stays unsent.
        return Again(0)
    except Superseded:
        return end(lease, deployment, RunState.CANCELLED, Reason.SUPERSEDED, _("A later deployment is already there."))
    except UnknownMark as unknown:
        said = join_messages(unknown_mark_message(unknown.mark), parts_of(deployment) if deployment.applied else "")
        return end(lease, deployment, RunState.FAILED, Reason.UNKNOWN_MARK, said)
    except Conflict as conflict:
        way_out = _("Undo that in the cluster, or review the order that is promoted there and take the fields over.")
        message = conflict.message if conflict.is_stale else join_messages(conflict.message, way_out)
        return _end_failed(lease, deployment, Reason.CONFLICT, message)
    except (Rejected, NotFound) as error:
        return _refused(lease, cluster, deployment, error)
    return Again(0.3)


def _wait_until_gone(lease: Lease, deployment: Deployment, leaving: Manifest) -> Outcome:
    """It goes by itself as a rule; what hangs on a finalizer is told with who must let go.

    The time counts from the first pass that met it, or from what was accepted last; without contact it stands still.
    """
    since = deployment.progressed_at
    if since is None or lease.contact_lost_since:
        lease.save(progressed_at=Now())
        return Again(1)
    if (db_now() - since).total_seconds() < PATIENCE_SECONDS:
        return Again(1)
    return _end_failed(lease, deployment, Reason.REFUSED, leaving_message(leaving))


def _refused(lease: Lease, cluster: KubernetesCluster, deployment: Deployment, error: DeployerError) -> Outcome:
    """The cluster said no, as it does where the namespace was deleted outside: once it is made anew, as by a review."""
    if deployment.progress.get("is_namespace_new") or not is_namespace_gone(cluster, deployment.space):
        return _end_failed(lease, deployment, Reason.REFUSED, _with_problems(error))
    # What was sent before went with the namespace: all is sent again.
    make_namespace(lease, deployment.space, progress={"is_namespace_new": True})
    return Again(0.5)


def await_namespace(lease: Lease, deployment: Deployment) -> Outcome:
    """Phase ``namespace``: until the sync has made it anew; then everything is sent."""
    sync = latest_sync(deployment.space)
    if sync is None or sync.is_active:
        return Again(0.5)
    if why := why_not_ready(sync):
        return _end_failed(lease, deployment, Reason.REFUSED, why)
    lease.save(phase="applying", progressed_at=Now())
    return Again(0)


def _end_failed(lease: Lease, deployment: Deployment, reason: str, message: Message) -> Outcome:
    """Objects that were accepted stay: then it failed in part, and says which."""
    if not deployment.applied:
        return end(lease, deployment, RunState.FAILED, reason, message)
    return end(lease, deployment, RunState.FAILED, Reason.PARTIAL, join_messages(message, parts_of(deployment)))


def _with_problems(error: DeployerError) -> Message:
    """The message and, where the cluster named fields, its words about each."""
    problems: tuple[Problem, ...] = getattr(error, "problems", ())
    places = [join_messages(verbatim(one.path) if one.path else "", one.message, between=": ") for one in problems]
    return join_messages(error.message, *places)


def _has_moved(live: Live, deployment: Deployment) -> bool:
    """The person decided on what they saw; where one act makes the review there is nothing to compare."""
    snapshot = deployment.snapshot
    assert snapshot is not None
    if not deployment.live_fingerprint:
        return False
    if any(mark_of(manifest) == deployment.mark for manifest in live.values()):
        # We were killed between an apply and its record: it was us who moved it.
        return False
    return live_fingerprint(snapshot.manifests, live) != deployment.live_fingerprint


def _note_accepted(lease: Lease, deployment: Deployment, row: dict[str, Any], *, is_last: bool) -> None:
    """From the first accepted object on it is what was applied last, and its review's fingerprint is not asked for."""
    is_first = not deployment.applied
    others = [one for one in deployment.applied if (one["kind"], one["name"]) != (row["kind"], row["name"])]
    deployment.applied = [*others, row]
    if not (is_first or is_last):
        lease.save(applied=deployment.applied, progressed_at=Now())
        return
    with transaction.atomic():
        place = lock_place(deployment.order, deployment.space)
        if is_first:
            _note_first(place, deployment)
        if is_last:
            _note_all(deployment)
        rolling = {"phase": "rolling"} if is_last else {}
        lease.save(applied=deployment.applied, applied_at=Now(), progressed_at=Now(), **rolling)


def _note_first(place: int, deployment: Deployment) -> None:
    Placement.objects.filter(pk=place).update(
        last_applied=deployment,
        settled_at=None,
        unsettled_reason="",
        drift=[],
        # What was found before stands for another deployment: deleted again, it would look as if nothing had moved.
        drift_checked_at=None,
        changed_at=Now(),
    )


def _note_all(deployment: Deployment) -> None:
    data = {
        "id": deployment.pk,
        "environment": deployment.space.environment.slug,
        "objects": [f"{row['kind']}/{row['name']}" for row in deployment.applied],
    }
    append_event(deployment.order_id, "deployment.applied", actor=deployment.deployed_by, data=data)
    wake_watch(deployment.space)
