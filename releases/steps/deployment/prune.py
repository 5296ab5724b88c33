"""After a deployment succeeded: remove what is there beyond its snapshot, object by object.

The plan is committed before anything is removed (phase ``removing``), each removal is fenced by uid and version, and
what was removed is found gone by the next pass: killed anywhere, it goes on. A later deployment makes it stop.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Conflict, NotFound, Rejected
from deployer.interfaces import Manifest
from deployer.manifests import config_map_references, needs_tick
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Done, Lease, Outcome
from foundation.runs.wake import hinted_at, launch_hint
from releases.choices import DeploymentKind, Reason
from releases.models import Deployment, Prune, Review
from releases.steps.deployment.hand_back import hand_back
from releases.steps.deployment.removing import Overtaken, is_overtaken, names_of, planned, remove_one
from releases.steps.deployment.send import Superseded, UnknownMark
from releases.steps.marks import unknown_mark_message
from releases.steps.review.inventory import (
    Earlier,
    Leaving,
    identity_of,
    kept_config_maps,
    kept_snapshots,
    take_inventory,
)
from releases.transitions import end_run

FINALIZER_SECONDS = 60.0
"""So long it is looked whether what has finalizers goes, and whether the pods of a number that was handed back are
ready; then it is named, and the cluster does the rest."""


def launch_prune(deployment: Deployment) -> None:
    """In the transaction of its success, where something may be left: a restart or a scale changes no set."""
    if deployment.kind not in (DeploymentKind.DEPLOY, DeploymentKind.ROLL_BACK):
        return
    if deployment.kind == DeploymentKind.DEPLOY and not _removals_reviewed(deployment):
        return
    prune = Prune.objects.create(
        order_id=deployment.order_id,
        component_id=deployment.component_id,
        space_id=deployment.space_id,
        deployment=deployment,
        remote=deployment.space.cluster.remote_key,
        next_at=hinted_at(),
    )
    launch_hint("prune", prune.pk)


def _removals_reviewed(deployment: Deployment) -> bool:
    if deployment.review_id is None:
        return False
    # Of a row with a whole diff this one key.
    found = Review.objects.filter(pk=deployment.review_id).values_list("findings__removals", flat=True)
    return any(found)


def step(lease: Lease) -> Outcome:
    """One pass; every pass may run twice and be killed anywhere."""
    rows = Prune.objects.select_related(
        "order__project", "order__component", "component", "space__cluster", "space__environment", "space__project",
        "deployment__snapshot", "deployment__review", "deployment__deployed_by",
    )  # fmt: skip
    prune: Prune = rows.get(pk=lease.pk)
    if prune.is_terminal:
        return Done()
    if is_overtaken(prune.deployment):
        return _stop(lease, prune)
    try:
        with lease.open(kubernetes.connect, cluster_target(prune.space.cluster)) as cluster:
            return _pass(lease, cluster, prune)
    except (Overtaken, Superseded):
        return _stop(lease, prune)
    except UnknownMark as unknown:
        return _end(lease, prune, RunState.FAILED, Reason.UNKNOWN_MARK, unknown_mark_message(unknown.mark))
    except (Rejected, NotFound, Conflict) as error:
        return _end(lease, prune, RunState.FAILED, Reason.REFUSED, error.message)


def _pass(lease: Lease, cluster: KubernetesCluster, prune: Prune) -> Outcome:
    if prune.phase == "start":
        prune.found = _plan(cluster, prune)
        # The intent, before the first removal.
        lease.save(phase="removing", found=prune.found)
    identity = identity_of(prune.component, prune.space)
    for row in prune.found:
        if row["state"] in ("wanted", "leaving"):
            row["state"], row["message"] = remove_one(cluster, lease, prune.deployment, identity, row)
            lease.save(found=prune.found)
    if not hand_back(cluster, lease, prune) and not _is_late(prune):
        return Again(1)
    leaving = names_of(prune.found, "leaving")
    if leaving and not _is_late(prune):
        return Again(2)
    message: MessageLike = ""
    if leaving:
        message = _("Still being removed by the cluster, which waits for finalizers: %(objects)s", objects=leaving)
    return _end(lease, prune, RunState.SUCCEEDED, "", message)


def _is_late(prune: Prune) -> bool:
    return (db_now() - prune.created_at).total_seconds() >= FINALIZER_SECONDS


def _plan(cluster: KubernetesCluster, prune: Prune) -> list[dict[str, Any]]:
    """What was reviewed to go and is still there; a roll back has no review: what is beyond its snapshot."""
    deployment = prune.deployment
    assert deployment.snapshot is not None
    earlier = Earlier(prune.component, prune.space)
    inventory = take_inventory(
        cluster,
        prune.component,
        prune.space,
        deployment.snapshot.manifests,
        kept=kept_config_maps(kept_snapshots(earlier.succeeded, coming=deployment.snapshot)),
        earlier=earlier,
    )
    seen = [one for one in inventory.leaving if _was_reviewed(deployment, one)]
    leaving = [one for one in seen if _is_ticked(deployment, one)]
    going = {one.uid for one in leaving}
    used = _maps_in_use([manifest for manifest in inventory.found if manifest["metadata"]["uid"] not in going])
    rows = planned([one for one in leaving if one.ref.kind != "ConfigMap" or one.ref.name not in used])
    why = _("Nobody ticked it. It is offered in the next review.")
    return rows + [{**row, "state": "kept", "message": why} for row in planned([o for o in seen if o not in leaving])]


def _was_reviewed(deployment: Deployment, one: Leaving) -> bool:
    if deployment.kind == DeploymentKind.ROLL_BACK or deployment.review is None:
        return True
    return one.uid in {row["uid"] for row in deployment.review.findings.get("removals", [])}


def _is_ticked(deployment: Deployment, one: Leaving) -> bool:
    return not needs_tick(one.live) or f"{one.ref.kind}/{one.ref.name}" in deployment.removals


def _maps_in_use(live: list[Manifest]) -> set[str]:
    """ConfigMaps that pods of a workload that stays would miss at their next start."""
    pods = [one["spec"]["template"]["spec"] for one in live if one["kind"] == "Deployment"]
    return {reference[key] for pod in pods for reference, key in config_map_references(pod)}


def _stop(lease: Lease, prune: Prune) -> Outcome:
    message = _("A later deployment is there: what is left over is shown in its review.")
    return _end(lease, prune, RunState.CANCELLED, Reason.SUPERSEDED, message)


def _end(lease: Lease, prune: Prune, to: str, reason: str, message: MessageLike) -> Outcome:
    removed = names_of(prune.found, "removed", "leaving")
    kept = names_of(prune.found, "wanted", "kept")
    with transaction.atomic():
        data = {"deployment": prune.deployment_id, "removed": removed, "kept": kept, "message": message}
        actor = prune.deployment.deployed_by
        end_run(prune, to, actor=actor, reason=reason, lease=lease, data=data, message=message, found=prune.found)
    return Done()
