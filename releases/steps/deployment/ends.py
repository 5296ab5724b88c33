"""How a deployment's step ends it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from foundation.problems import Sentence
from foundation.runs.choices import RunState
from foundation.runs.lease import Done, Lease
from releases import launch, progress, selectors
from releases.choices import DeploymentKind
from releases.models import Deployment, ReleaseOrder
from releases.transitions import end_run


def end(lease: Lease, deployment: Deployment, to: str, reason: str = "", message: Sentence = "", **fields: Any) -> Done:
    """Final; after a failed rollout the space's policy may roll back by itself, in the same transaction."""
    with transaction.atomic():
        launch.take_place(deployment.order, deployment.space)
        target = _roll_back_target(deployment) if to == RunState.FAILED and deployment.applied else None
        # The roll back writes to the log of another order: both locks, by ascending id, before anything is written.
        progress.lock_orders(deployment.order_id, *([target.order_id] if target else []))
        actor = deployment.cancel_requested_by if to == RunState.CANCELLED else deployment.deployed_by
        data = {"kind": deployment.kind, "message": message}
        end_run(deployment, to, actor=actor, reason=reason, lease=lease, data=data, message=message, **fields)
        if target:
            _roll_back(deployment, target)
    return Done()


def _roll_back_target(deployment: Deployment) -> Deployment | None:
    """The last success, where policy rolls back; never after a failed roll back, never in a circle."""
    space = deployment.space
    if not space.auto_rollback or deployment.kind == DeploymentKind.ROLL_BACK:
        return None
    target = next(iter(selectors.good_deployments(deployment.component_id, space, limit=1)), None)
    return None if target is None or target.snapshot_id == deployment.snapshot_id else target


def _roll_back(deployment: Deployment, target: Deployment) -> None:
    space = deployment.space
    order = ReleaseOrder.objects.select_related("project", "component").get(pk=target.order_id)
    place = launch.take_place(order, space)
    launch.launch_deployment(
        order,
        space,
        place,
        actor=deployment.deployed_by,
        kind=DeploymentKind.ROLL_BACK,
        snapshot=target.snapshot,
        cause=deployment,
    )
