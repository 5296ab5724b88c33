"""How a deployment's step ends it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from deployer.manifests import needs_tick, ref_of
from foundation.messages import MessageLike, join_messages
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Done, Lease
from releases import selectors
from releases.choices import DeploymentKind
from releases.locks import lock_end, lock_place, lock_placement
from releases.models import Deployment, ReleaseOrder
from releases.placing import create_deployment
from releases.steps.deployment.prune import launch_prune
from releases.transitions import end_run


def end(
    lease: Lease,
    deployment: Deployment,
    to: str,
    reason: str = "",
    message: MessageLike = "",
    *,
    may_roll_back: bool = True,
    **fields: Any,
) -> Done:
    """Final; after a failed rollout the space's policy may roll back by itself, in the same transaction."""
    with transaction.atomic(savepoint=False):
        target = None
        if to == RunState.FAILED and deployment.applied and may_roll_back:
            lock_place(deployment.order, deployment.space)
            target = _roll_back_target(deployment)
        # The roll back writes to the log of another order: both locks, by ascending id, before anything is written.
        lock_end(deployment, *([target.order_id] if target else []))
        if to == RunState.FAILED and _keeps_new_tables(deployment):
            message = join_messages(message, _("It is not rolled back by itself: the order changes the database."))
        actor = deployment.cancel_requested_by if to == RunState.CANCELLED else deployment.deployed_by
        data = {"kind": deployment.kind, "message": message}
        # The roll back goes before all who wait: they are given the place that it leaves.
        fields |= {"message": message, "gives_turn": target is None}
        end_run(deployment, to, actor=actor, reason=reason, lease=lease, data=data, **fields)
        if target:
            _roll_back(deployment, target)
        if to == RunState.SUCCEEDED:
            launch_prune(deployment)
    return Done()


def _roll_back_target(deployment: Deployment) -> Deployment | None:
    """The last success, where policy rolls back; never after a roll back, never in a circle."""
    space = deployment.space
    if not _would_roll_back(deployment) or deployment.order.changes_database:
        return None
    target = next(iter(selectors.good_deployments(deployment.component_id, space, limit=1)), None)
    return None if target is None or target.snapshot_id == deployment.snapshot_id else target


def _would_roll_back(deployment: Deployment) -> bool:
    return deployment.space.auto_rollback and deployment.kind != DeploymentKind.ROLL_BACK


def _keeps_new_tables(deployment: Deployment) -> bool:
    """The program before may not know what the new one has done to the tables: a person decides."""
    return bool(deployment.applied) and _would_roll_back(deployment) and deployment.order.changes_database


def _roll_back(deployment: Deployment, target: Deployment) -> None:
    space = deployment.space
    order = ReleaseOrder.objects.select_related("project", "component").get(pk=target.order_id)
    place = lock_placement(order, space)
    create_deployment(
        order,
        space,
        place,
        actor=deployment.deployed_by,
        kind=DeploymentKind.ROLL_BACK,
        snapshot=target.snapshot,
        # As it ran: with the replicas that it had then.
        overlay=target.overlay,
        cause=deployment,
        removals=_brought(deployment, target),
    )


def _brought(failed: Deployment, target: Deployment) -> list[str]:
    """What only a tick removes and nobody has used yet: this very deployment made it, and the earlier set lacks it."""
    assert failed.snapshot is not None and target.snapshot is not None
    wanted = {ref_of(manifest) for manifest in target.snapshot.manifests}
    made = {(row["kind"], row["name"]) for row in failed.applied if row.get("created")}
    beyond = [one for one in failed.snapshot.manifests if needs_tick(one) and ref_of(one) not in wanted]
    names = [(one["kind"], one["metadata"]["name"]) for one in beyond]
    return [f"{kind}/{name}" for kind, name in names if (kind, name) in made]
