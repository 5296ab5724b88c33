"""One object of a deployment, sent with its fence.

Read it (its resourceVersion R and the deployment mark that it bears), then send with R, or with ABSENT_VERSION where
nothing was read. Either way the server refuses a write that was decided on something older than what is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.additions import adopted
from deployer.errors import Conflict, OutcomeUnknown, Rejected
from deployer.interfaces import ABSENT_VERSION, Applied, Manifest, ObjectRef
from deployer.manifests import DeploymentMark, autoscaled, mark_of, ref_of, still_autoscaled
from foundation.runs.lease import Lease
from releases.choices import DeploymentKind
from releases.models import Deployment
from releases.steps.conflicts import conflict_fields, conflict_message, is_taken_over, taken_additions
from releases.steps.leaving import is_leaving
from releases.steps.marks import unknown_mark
from releases.steps.replicas import Fitted, fit

STALE_TRIES = 5


Live = Mapping[ObjectRef, Manifest | None]
"""What is there, by address; None where it is absent."""


class Superseded(Exception):
    """A later deployment of ours is on the object already."""


class CancelRequested(Exception):
    """Somebody cancelled it while its objects were being sent."""


class Leaving(Exception):
    """Somebody deleted the object, and it is still there: what is applied onto it would go with it."""

    def __init__(self, live: Manifest) -> None:
        super().__init__(live["metadata"]["name"])
        self.live = live


class UnknownMark(Exception):
    """The object bears a deployment that the database does not know: it was restored from a backup."""

    def __init__(self, mark: DeploymentMark) -> None:
        super().__init__(str(mark))
        self.mark = mark


def send(
    cluster: KubernetesCluster,
    lease: Lease,
    deployment: Deployment,
    manifest: Manifest,
    manifests: Sequence[Manifest],
    known: Live | None = None,
) -> dict[str, Any]:
    """Apply one object of the set; a stale resourceVersion means: read again, check the fence again, send again.

    ``known``: objects as they were read a moment ago; they are not read again unless they are stale. Returns its row of
    ``Deployment.applied``. Raises CancelRequested, Leaving, Superseded, UnknownMark, and what the cluster refuses.
    """
    space = deployment.space
    for attempt in range(STALE_TRIES):
        ref = ref_of(manifest)
        live = known[ref] if known and ref in known and not attempt else cluster.read(space.namespace, ref)
        version = _fence(live, deployment.mark)
        fitted = fit(cluster, space.namespace, manifests, manifest, live)
        if fitted.bounds and deployment.kind == DeploymentKind.SCALE:
            is_foreign = fitted.is_foreign
            raise Rejected(
                autoscaled(fitted.bounds, is_foreign=True) if is_foreign else still_autoscaled(fitted.bounds)
            )
        if _is_cancelled(lease):
            raise CancelRequested
        try:
            answer = _apply(cluster, lease, deployment, fitted, live, version)
            break
        except Conflict as conflict:
            if not conflict.is_stale or attempt == STALE_TRIES - 1:
                raise
        except OutcomeUnknown:
            # An object is applied as a whole: with our mark on it, it was.
            found = cluster.read(space.namespace, ref_of(manifest))
            if found is None or mark_of(found) != deployment.mark:
                raise
            answer = Applied(found, (), created=live is None)
            break
    metadata = answer.manifest["metadata"]
    # What the server made of the workload: what follows is compared with it, to tell ours from what others wrote.
    kept = {"spec": answer.manifest.get("spec")} if manifest["kind"] == "Deployment" else {}
    return {
        "kind": manifest["kind"],
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "generation": metadata.get("generation", 0),
        "resource_version": metadata.get("resourceVersion", ""),
        "created": answer.created,
        "warnings": list(answer.warnings),
        **kept,
    }


def _is_cancelled(lease: Lease) -> bool:
    """Whether somebody wants it ended; raises LeaseLost. What comes after a success cannot be cancelled any more."""
    if lease.kind.model is not Deployment:
        lease.read("pk")
        return False
    return lease.read("cancel_requested_at").cancel_requested_at is not None


def _apply(
    cluster: KubernetesCluster,
    lease: Lease,
    deployment: Deployment,
    fitted: Fitted,
    live: Manifest | None,
    version: str,
) -> Applied:
    """Without force first: only what the server names is taken over, and the version keeps that list true."""
    space = deployment.space
    owners = adopted(live, taken_additions(fitted.manifest, _taken_over(deployment))) if live else None
    if live and owners is not None:
        # Ours first, so that the apply removes them. Killed in between nothing has changed that serves.
        live = cluster.adopt(space.namespace, live, owners, deadline=lease.deadline)
        version = str(live["metadata"]["resourceVersion"])
    metadata = {**fitted.manifest["metadata"], "resourceVersion": version}
    body = {**fitted.manifest, "metadata": metadata}
    try:
        return cluster.apply(space.namespace, body, force=space.force_conflicts, deadline=lease.deadline)
    except Conflict as conflict:
        if conflict.is_stale:
            raise
        fields = conflict_fields(conflict, body, live)
        if not (fitted.may_take(conflict) or is_taken_over(fields, _taken_over(deployment))):
            raise Conflict(conflict_message(fields), causes=conflict.causes) from conflict
    return cluster.apply(space.namespace, body, force=True, deadline=lease.deadline)


def _taken_over(deployment: Deployment) -> dict[str, Any]:
    """A take over is for one deployment: applying its snapshot again, to restart or roll back, takes nothing."""
    is_deploy = deployment.kind == DeploymentKind.DEPLOY and deployment.snapshot is not None
    return dict(deployment.snapshot.take_over) if is_deploy and deployment.snapshot else {}


def _fence(live: Manifest | None, ours: DeploymentMark) -> str:
    """The version to send with; raises Leaving, Superseded and UnknownMark."""
    if live is not None and is_leaving(live):
        raise Leaving(live)
    if unknown := unknown_mark(live, ours.epoch):
        raise UnknownMark(unknown)
    there = mark_of(live)
    # Clicked later than ours: this one must not touch the object any more.
    if there and there.position > ours.position:
        raise Superseded
    return str(live["metadata"]["resourceVersion"]) if live else ABSENT_VERSION
