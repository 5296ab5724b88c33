"""Removing a component from a space: what was reviewed goes, object by object, and the end is that nothing runs.

The plan is committed before the first removal; each removal is fenced by uid and version. Claims and Secrets stay.
"""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now

from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Conflict
from deployer.manifests import Identity, inventory_selector
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.messages import Message, join_messages
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome
from releases.choices import Reason
from releases.models import Deployment
from releases.steps.deployment.ends import end
from releases.steps.deployment.removing import Overtaken, names_of, planned, remove_one
from releases.steps.review.inventory import Earlier, identity_of, take_inventory

READ_SECONDS = 1.0


def remove(lease: Lease, deployment: Deployment) -> Outcome:
    """Phase ``removing``."""
    with lease.open(kubernetes.connect, cluster_target(deployment.space.cluster)) as cluster:
        try:
            return _remove(lease, cluster, deployment)
        except Overtaken:
            message = _("A later deployment is already there.")
            return end(lease, deployment, RunState.CANCELLED, Reason.SUPERSEDED, message)
        except Conflict as conflict:
            return end(lease, deployment, RunState.FAILED, Reason.CONFLICT, conflict.message)


def _remove(lease: Lease, cluster: KubernetesCluster, deployment: Deployment) -> Outcome:
    identity = identity_of(deployment.component, deployment.space)
    if "removing" not in deployment.progress:
        rows = _plan(cluster, deployment)
        if rows is None:
            message = _("What runs there has changed since it was reviewed: review again.")
            return end(lease, deployment, RunState.FAILED, Reason.MOVED, message)
        # The intent, before the first removal.
        deployment.progress = {"removing": rows}
        lease.save(progress=deployment.progress, progressed_at=Now())
        deployment.progressed_at = db_now()
    for row in deployment.progress["removing"]:
        if row["state"] in ("wanted", "leaving"):
            row["state"], row["message"] = remove_one(cluster, lease, deployment, identity, row)
            lease.save(progress=deployment.progress)
    return _judge(lease, cluster, deployment, identity)


def _plan(cluster: KubernetesCluster, deployment: Deployment) -> list[dict[str, Any]] | None:
    """What is there now; None when that is more than was reviewed."""
    assert deployment.snapshot is not None
    component, space = deployment.component, deployment.space
    inventory = take_inventory(cluster, component, space, [], kept=frozenset(), earlier=Earlier(component, space))
    reviewed = {row["uid"] for row in deployment.snapshot.removes or ()}
    if not {one.uid for one in inventory.leaving} <= reviewed:
        return None
    return planned(inventory.leaving)


def _judge(lease: Lease, cluster: KubernetesCluster, deployment: Deployment, identity: Identity) -> Outcome:
    """Gone is gone: objects and pods. A finalizer that nobody takes away ends it at the space's deadline."""
    rows = deployment.progress["removing"]
    kept = [row for row in rows if row["state"] == "kept"]
    leaving = names_of(rows, "leaving")
    if kept:
        why = [join_messages(f"{row['kind']}/{row['name']}", row["message"], between=": ") for row in kept]
        message: Message = join_messages(_("Not everything could be removed."), *why)
        return end(lease, deployment, RunState.FAILED, Reason.REFUSED, message)
    pods = cluster.observe(deployment.space.namespace, inventory_selector(identity)).pods
    if not leaving and not pods:
        return end(lease, deployment, RunState.SUCCEEDED)
    assert deployment.progressed_at is not None
    waited = (db_now() - deployment.progressed_at).total_seconds()
    if waited < deployment.space.deploy_deadline_seconds:
        return Again(READ_SECONDS)
    names = leaving or [str(pod["metadata"]["name"]) for pod in pods]
    message = _("Still there after %(seconds)s seconds: %(objects)s.", seconds=int(waited), objects=names)
    return end(lease, deployment, RunState.FAILED, Reason.DEADLINE, message)
