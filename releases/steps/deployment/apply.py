"""Server-side apply of a snapshot, in order, each object with its fence.

Read the object (its resourceVersion R and the deployment id it bears); the intent is committed already (phase
``applying`` under our fence); send with R in the body and the lease's deadline. So twice is harmless, a worker that
slept cannot put an old release over a newer one, and a deployment that came later is never overwritten.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.diff import fingerprint
from deployer.errors import Conflict, DeployerError, NotFound, Problem, Rejected
from deployer.interfaces import Manifest
from deployer.manifests import DEPLOYMENT_ANNOTATION, overlay, ref_of
from environments.targets import cluster_target
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from foundation.sentences import Spoken, together, verbatim
from foundation.sentences import say as _
from releases import launch, progress
from releases.choices import Reason
from releases.models import Deployment, Placement
from releases.steps.deployment.ends import end
from releases.steps.deployment.start import refusal_of
from releases.steps.watch import wake_watch

STALE_TRIES = 5


class Superseded(Exception):
    """A later deployment of ours is on the object already."""


def apply(lease: Lease, deployment: Deployment) -> Outcome:
    """Phase ``applying``."""
    snapshot, space = deployment.snapshot, deployment.space
    assert snapshot is not None
    refusal = "" if deployment.applied else refusal_of(deployment)
    if refusal:
        # It waited for the cluster, for hours perhaps: an approval may have expired, somebody may have left.
        return end(lease, deployment, RunState.FAILED, Reason.GATE, refusal)
    cluster = kubernetes.connect(cluster_target(space.cluster))
    if not deployment.applied and _has_moved(cluster, deployment):
        sentence = _("What runs there has changed since it was reviewed: review again.")
        return end(lease, deployment, RunState.FAILED, Reason.MOVED, sentence)
    manifests = overlay(
        snapshot.manifests,
        deployment_id=str(deployment.pk),
        restarted_at=deployment.overlay.get("restarted_at"),
        replicas=deployment.overlay.get("replicas"),
    )
    accepted: list[dict[str, Any]] = []
    try:
        for manifest in manifests:
            accepted.append(_apply_one(cluster, lease, deployment, manifest))
            # From the first accepted object on, the fingerprint of the review is no longer asked for.
            lease.save(applied=accepted)
            deployment.applied = accepted
    except Superseded:
        return end(lease, deployment, RunState.CANCELLED, Reason.SUPERSEDED, _("A later deployment is already there."))
    except Conflict as conflict:
        return end(lease, deployment, RunState.FAILED, Reason.CONFLICT, conflict.said)
    except (Rejected, NotFound) as error:
        return end(lease, deployment, RunState.FAILED, Reason.REFUSED, _with_problems(error))
    _note_applied(lease, deployment, accepted)
    return Again(0.3)


def _with_problems(error: DeployerError) -> Spoken:
    """The sentence and, where the cluster named fields, its words about each."""
    problems: tuple[Problem, ...] = getattr(error, "problems", ())
    places = [together(verbatim(one.path) if one.path else "", one.message, between=": ") for one in problems]
    return together(error.said, *places)


def _has_moved(cluster: KubernetesCluster, deployment: Deployment) -> bool:
    """The person decided on what they saw; where one act makes the review there is nothing to compare."""
    snapshot = deployment.snapshot
    assert snapshot is not None
    if not deployment.live_fingerprint:
        return False
    refs = [ref_of(manifest) for manifest in snapshot.manifests]
    live = {ref: cluster.read(deployment.space.namespace, ref) for ref in refs}
    if any(_bears(manifest, deployment.pk) for manifest in live.values()):
        # We were killed between an apply and its record: it was us who moved it.
        return False
    return fingerprint(live) != deployment.live_fingerprint


def _bears(live: Manifest | None, deployment_id: int) -> bool:
    annotations = ((live or {}).get("metadata") or {}).get("annotations") or {}
    return bool(annotations.get(DEPLOYMENT_ANNOTATION) == str(deployment_id))


def _apply_one(cluster: KubernetesCluster, lease: Lease, deployment: Deployment, manifest: Manifest) -> dict[str, Any]:
    """One object; a stale resourceVersion means: read again, check the fence again, send again."""
    space = deployment.space
    for attempt in range(STALE_TRIES):
        live = cluster.read(space.namespace, ref_of(manifest))
        body = _fenced(manifest, live, deployment.pk)
        lease.read()
        try:
            answer = cluster.apply(space.namespace, body, force=space.force_conflicts, deadline=lease.deadline)
            break
        except Conflict as conflict:
            if not conflict.is_stale or attempt == STALE_TRIES - 1:
                raise
    metadata = answer.manifest["metadata"]
    return {
        "kind": manifest["kind"],
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "generation": metadata.get("generation", 0),
        "resource_version": metadata.get("resourceVersion", ""),
        "created": answer.created,
    }


def _fenced(manifest: Manifest, live: Manifest | None, deployment_id: int) -> Manifest:
    if live is None:
        return manifest
    metadata = live["metadata"]
    there = (metadata.get("annotations") or {}).get(DEPLOYMENT_ANNOTATION, "")
    # Ours are numbered: a higher number was clicked later, so this one must not touch the object any more.
    if there.isdigit() and int(there) > deployment_id:
        raise Superseded
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": metadata["resourceVersion"]}}


def _note_applied(lease: Lease, deployment: Deployment, accepted: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        place = launch.take_place(deployment.order, deployment.space)
        Placement.objects.filter(pk=place.pk).update(
            applied=deployment, settled_at=None, unsettled_reason="", drift=[], changed_at=Now()
        )
        data = {
            "id": deployment.pk,
            "environment": deployment.space.environment.slug,
            "objects": [f"{row['kind']}/{row['name']}" for row in accepted],
        }
        progress.append(deployment.order_id, "deployment.applied", actor=deployment.deployed_by, data=data)
        lease.save(phase="rolling", applied=accepted, applied_at=Now(), progressed_at=Now())
        wake_watch(deployment.space)
