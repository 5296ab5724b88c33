"""Before anything is applied: the review must be there, and every gate is asked again."""

from __future__ import annotations

from django.db import transaction

from environments.access import can
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome, Parked
from releases import gates
from releases.choices import DeploymentKind, Reason
from releases.models import Deployment
from releases.services.ticks import missing_ticks, reviewed_ticks
from releases.steps.deployment.ends import end
from releases.transitions import move


def start(lease: Lease, deployment: Deployment) -> Outcome:
    """Phase ``start``. Rights and approvals may have gone since the click: asked anew here."""
    review = deployment.review
    if deployment.snapshot is None:
        if review is None or review.is_active:
            # The review's end wakes us in its own transaction.
            return Parked()
        if review.state != RunState.SUCCEEDED or review.snapshot is None:
            state = RunState.ERRORED if review.state == RunState.ERRORED else RunState.FAILED
            return end(lease, deployment, state, review.reason, review.message)
        if missing := missing_ticks(reviewed_ticks(review.findings), deployment.removals):
            message = _("It removes %(objects)s: open its review, tick each, and deploy from there.", objects=missing)
            return end(lease, deployment, RunState.FAILED, Reason.GATE, message)
        deployment.snapshot = review.snapshot
    refusal = refusal_of(deployment)
    if refusal:
        return end(lease, deployment, RunState.FAILED, Reason.GATE, refusal)
    with transaction.atomic():
        move(
            deployment,
            RunState.RUNNING,
            actor=deployment.deployed_by,
            lease=lease,
            data={"kind": deployment.kind, "snapshot": deployment.snapshot.short_hash},
            phase="removing" if deployment.kind == DeploymentKind.REMOVE else "applying",
            snapshot=deployment.snapshot,
        )
    return Again(0)


def refusal_of(deployment: Deployment) -> MessageLike:
    """Why this may not be applied at this moment; empty when it may."""
    order, space, actor = deployment.order, deployment.space, deployment.deployed_by
    assert deployment.snapshot is not None
    verb = "remove" if deployment.kind == DeploymentKind.REMOVE else "deploy"
    if not deployment.is_automatic and not can(actor, verb, space=space):
        return _("%(who)s may no longer deploy to %(name)s.", who=actor.localized_name, name=space.environment.label)
    if deployment.kind == DeploymentKind.DEPLOY:
        found = gates.deployment_gates(order, space, snapshot=deployment.snapshot, deployer=actor, own=deployment)
    elif deployment.kind == DeploymentKind.REMOVE:
        found = gates.removal_gates(order, space, snapshot=deployment.snapshot, deployer=actor, own=deployment)
    elif deployment.kind == DeploymentKind.ROLL_BACK:
        deployer = None if deployment.is_automatic else actor
        found = gates.roll_back_gates(order, space, snapshot=deployment.snapshot, deployer=deployer, own=deployment)
    else:
        found = gates.again_gates(order, space, snapshot=deployment.snapshot, deployer=None, own=deployment)
    closed = gates.first_closed(found)
    return closed.message if closed else ""
