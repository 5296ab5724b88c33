"""Removing one object: read it, make sure that it is ours and of nobody later, and delete exactly what was read.

A deployment that is clicked meanwhile may take the object into its set again: it writes its mark, and with that another
version. The delete names uid and version, so it then meets a conflict, the object is read again, and the mark is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Conflict
from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests import DeploymentMark, Identity, mark_of, why_not_ours
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Lease
from releases.models import Deployment
from releases.steps.marks import unknown_mark
from releases.steps.review.inventory import Leaving

STALE_TRIES = 5


class Overtaken(Exception):
    """A later deployment of ours is there, or on the object itself."""


def planned(leaving: Sequence[Leaving]) -> list[dict[str, Any]]:
    """The rows of a plan, nothing of it done: what :func:`remove_one` takes, with its state and why it is kept."""
    return [
        {
            "api_version": one.ref.api_version,
            "kind": one.ref.kind,
            "name": one.ref.name,
            "uid": one.uid,
            "state": "wanted",
            "message": "",
        }
        for one in leaving
    ]


def names_of(rows: Sequence[Mapping[str, Any]], *states: str) -> list[str]:
    """``Kind/name`` of the rows in these states."""
    return [f"{row['kind']}/{row['name']}" for row in rows if row["state"] in states]


def is_overtaken(deployment: Deployment) -> bool:
    """True once a later deployment of the same place is under way or has applied anything."""
    later = Deployment.objects.filter(
        component=deployment.component_id, space=deployment.space_id, pk__gt=deployment.pk
    )
    # What waited its turn may still be refused before it sends anything.
    later = later.exclude(state=RunState.QUEUED, turn__isnull=False)
    return any(row.is_active or row.applied for row in later.only("state", "applied"))


def remove_one(
    cluster: KubernetesCluster, lease: Lease, deployment: Deployment, identity: Identity, row: Mapping[str, Any]
) -> tuple[str, MessageLike]:
    """The object of ``row`` (``api_version kind name uid``): its state afterwards, and why it is kept.

    States: ``removed`` (gone, or another object has its name by now), ``leaving`` (the cluster removes it once its
    finalizers are gone), ``kept``. Raises Overtaken. Twice is harmless.
    """
    ref = ObjectRef(row["api_version"], row["kind"], row["name"])
    for attempt in range(STALE_TRIES):
        live = cluster.read(identity.namespace, ref)
        if live is None or live["metadata"]["uid"] != row["uid"]:
            return "removed", ""
        if live["metadata"].get("deletionTimestamp"):
            return "leaving", ""
        if why := why_not_ours(live, identity) or _why_unknown(live, deployment.mark):
            return "kept", why
        if is_overtaken(deployment):
            raise Overtaken
        lease.read()
        try:
            cluster.remove(
                identity.namespace,
                ref,
                uid=row["uid"],
                resource_version=live["metadata"]["resourceVersion"],
                deadline=lease.deadline,
            )
        except Conflict:
            if attempt == STALE_TRIES - 1:
                raise
            continue
        return _state_after(cluster, identity.namespace, ref, row["uid"]), ""
    raise AssertionError("unreachable")


def _state_after(cluster: KubernetesCluster, namespace: str, ref: ObjectRef, uid: str) -> str:
    live = cluster.read(namespace, ref)
    return "leaving" if live is not None and live["metadata"]["uid"] == uid else "removed"


def _why_unknown(live: Manifest, ours: DeploymentMark) -> MessageLike:
    """Raises Overtaken for a later mark; says so for one that the database lost (it was restored from a backup)."""
    if unknown := unknown_mark(live, ours.epoch):
        return _("It bears deployment %(number)s, which this database does not know.", number=unknown.number)
    there = mark_of(live)
    if there and there.position > ours.position:
        raise Overtaken
    return ""
