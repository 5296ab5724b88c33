"""Before anything is applied: the review must be there, and every gate is asked again."""

from __future__ import annotations

from django.db import transaction

from environments.access import can
from environments.policy import policy_in_force
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Lease, Outcome, Parked
from releases import gates, selectors
from releases.break_glass import used_by
from releases.choices import DeploymentKind, Reason
from releases.models import Deployment, Placement, Turn
from releases.place_gates import restart_gates
from releases.scale_gates import scale_gates
from releases.services.reviews import request_review
from releases.services.ticks import missing_ticks, reviewed_ticks
from releases.steps.deployment.ends import end
from releases.transitions import move

REVIEW_HOLDS_SECONDS = 4 * 3600
"""So old may the review of a deployment be that waited its turn."""


def start(lease: Lease, deployment: Deployment) -> Outcome:
    """Phase ``start``. Rights and approvals may have gone since the click: asked anew here."""
    if deployment.snapshot is None:
        review = deployment.review
        if review is None:
            return _request_own_review(lease, deployment)
        if review.is_active:
            # The review's end wakes us in its own transaction.
            return Parked()
        if review.state != RunState.SUCCEEDED or review.snapshot is None:
            state = RunState.ERRORED if review.state == RunState.ERRORED else RunState.FAILED
            return end(lease, deployment, state, review.reason, review.message)
        if missing := missing_ticks(reviewed_ticks(review.findings), deployment.removals):
            message = _("It removes %(objects)s: open its review, tick each, and deploy from there.", objects=missing)
            return end(lease, deployment, RunState.FAILED, Reason.GATE, message)
        deployment.snapshot = review.snapshot
    refusal = _overtaken_while_waiting(deployment) or refusal_of(deployment)
    if refusal:
        return end(lease, deployment, RunState.FAILED, Reason.GATE, refusal)
    policy = policy_in_force(deployment.space)
    with transaction.atomic():
        move(
            deployment,
            RunState.RUNNING,
            actor=deployment.deployed_by,
            lease=lease,
            # With the rules: the audit's row of it is sealed.
            data={"kind": deployment.kind, "snapshot": deployment.snapshot.short_hash, "policy": policy},
            phase="removing" if deployment.kind == DeploymentKind.REMOVE else "applying",
            snapshot=deployment.snapshot,
            break_glass_id=deployment.break_glass_id,
            policy=policy,
        )
    return Again(0)


def _request_own_review(lease: Lease, deployment: Deployment) -> Parked:
    """It waited its turn where one act makes review and deployment: what it is compared with stands there from now."""
    with transaction.atomic():
        review = request_review(deployment.order, deployment.space, actor=deployment.deployed_by)
        lease.save(review=review)
    # The review's end wakes us in its own transaction.
    return Parked()


def _overtaken_while_waiting(deployment: Deployment) -> MessageLike:
    """Why what was decided on before its turn is too old by now; the live state is compared right before applying."""
    if not deployment.live_fingerprint or not Turn.objects.filter(deployment=deployment).exists():
        return ""
    review = deployment.review
    if review is None:
        return ""
    if review.seen_at is None or (db_now() - review.seen_at).total_seconds() > REVIEW_HOLDS_SECONDS:
        hours = REVIEW_HOLDS_SECONDS // 3600
        return _("It waited its turn, and its review is more than %(hours)s hours old: review again.", hours=hours)
    newest = selectors.newest_result(deployment.order, deployment.space)
    if newest is not None and newest.snapshot_id != deployment.snapshot_id:
        return _("It waited its turn, and a newer review found something else to deploy: review again.")
    return ""


def refusal_of(deployment: Deployment) -> MessageLike:
    """Why this may not be applied at this moment; empty when it may."""
    order, space, actor = deployment.order, deployment.space, deployment.deployed_by
    assert deployment.snapshot is not None
    verb = "remove" if deployment.kind == DeploymentKind.REMOVE else "deploy"
    if not deployment.is_automatic and not can(actor, verb, space=space):
        return _("%(who)s may no longer deploy to %(name)s.", who=actor.localized_name, name=space.environment.label)
    if deployment.drp_switch is not None:
        found = gates.drp_gates(
            deployment.drp_switch, order, space, deployer=actor, own=deployment,
            is_back=deployment.kind != DeploymentKind.DEPLOY,
        )  # fmt: skip
    elif deployment.kind == DeploymentKind.DEPLOY:
        found = gates.deployment_gates(order, space, snapshot=deployment.snapshot, deployer=actor, own=deployment)
    elif deployment.kind == DeploymentKind.REMOVE:
        found = gates.removal_gates(order, space, snapshot=deployment.snapshot, deployer=actor, own=deployment)
    elif deployment.kind == DeploymentKind.ROLL_BACK:
        is_automatic = deployment.is_automatic
        found = gates.roll_back_gates(
            order, space, snapshot=deployment.snapshot, deployer=None if is_automatic else actor, own=deployment,
            is_automatic=is_automatic,
        )  # fmt: skip
    elif deployment.kind == DeploymentKind.SCALE:
        found = _scale_gates(deployment)
    else:
        found = restart_gates(*_standing(deployment), own=deployment)
    # What opens the flow now, if anything has to: it may be another one than at the click.
    deployment.break_glass_id = used_by(found) or deployment.break_glass_id
    closed = gates.first_closed(found)
    return closed.message if closed else ""


def _scale_gates(deployment: Deployment) -> list[gates.Gate]:
    """Bounds and approvals of this moment, of the change from what succeeded there last."""
    replicas = int(deployment.overlay["replicas"])
    return scale_gates(*_standing(deployment), replicas, deployer=deployment.deployed_by, own=deployment)


def _standing(deployment: Deployment) -> tuple[Placement, Deployment]:
    """The place, and what succeeded there last: what a restart or a scale is of."""
    place = selectors.placement_of(deployment.order, deployment.space)
    assert place is not None
    place.space = deployment.space
    return place, place.last_succeeded or deployment
