"""Review, deploy, roll back, restart, scale, cancel."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

import audit
from accounts.models import User
from environments.access import Rights, require
from environments.models import Space
from foundation.problems import Invalid, Refused, Stale
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.wake import wake
from foundation.sentences import say as _
from releases import gates, launch, progress, selectors
from releases.choices import DeploymentKind
from releases.models import Deployment, Placement, ReleaseOrder, Review

MOST_REPLICAS = 200


def start_review(*, actor: User, order: ReleaseOrder, space: Space) -> Review:
    """Look (again) at what deploying this order there would do."""
    rights = Rights(actor)
    if not (rights.can("review", space=space) or rights.can("approve", space=space)):
        require(actor, "review", space=space)
    if not order.image_digest:
        raise Refused(_("The order has no image yet: build it first."), "gate-built")
    with transaction.atomic():
        return launch.launch_review(order, space, actor=actor)


def start_deployment(
    *, actor: User, order: ReleaseOrder, space: Space, snapshot_hash: str = "", live_fingerprint: str = ""
) -> Deployment:
    """Deploy the reviewed snapshot; where the space asks for no review, one act makes review and deployment.

    Raises Refused with the first closed gate, Stale when the review is not the one that the person saw.
    """
    require(actor, "deploy", space=space)
    reviewed = bool(snapshot_hash) or space.asks_review
    review = _reviewed(order, space, snapshot_hash, live_fingerprint) if reviewed else None
    with transaction.atomic():
        place = launch.take_place(order, space)
        locked = (
            ReleaseOrder.objects.select_for_update(of=("self",)).select_related("project", "component").get(pk=order.pk)
        )
        snapshot = review.snapshot if review else None
        gates.insist(gates.deployment_gates(locked, space, snapshot=snapshot, deployer=actor))
        if review is None:
            review = launch.launch_review(locked, space, actor=actor)
            live_fingerprint = ""
        else:
            # Whoever does not repeat what they saw has decided on what the review saw.
            live_fingerprint = live_fingerprint or review.live_fingerprint
        return launch.launch_deployment(
            locked, space, place, actor=actor, snapshot=snapshot, review=review, live_fingerprint=live_fingerprint
        )


def _reviewed(order: ReleaseOrder, space: Space, snapshot_hash: str, live_fingerprint: str) -> Review:
    review = selectors.latest_review(order, space)
    if review is None or review.state in ACTIVE:
        raise Refused(_("It is not reviewed yet: review it first."), "not-reviewed")
    if review.state != RunState.SUCCEEDED or review.snapshot is None:
        raise Refused(_("The review found problems: %(message)s") % {"message": review.message}, "review-failed")
    if not snapshot_hash:
        raise Invalid({"snapshot": [_("Say which snapshot: its hash is on the review.")]})
    # Twelve digits are what people see and copy; programs send all of them.
    if len(snapshot_hash) < 12 or not review.snapshot.hash.startswith(snapshot_hash):
        raise Stale(_("A newer review has replaced what you saw: review again."))
    if live_fingerprint and live_fingerprint != review.live_fingerprint:
        raise Stale(_("What runs there has changed since you looked: review again."))
    return review


def roll_back(*, actor: User, space: Space, to: Deployment) -> Deployment:
    """Apply the snapshot of an earlier success again, whole: image, manifests, configuration."""
    require(actor, "deploy", space=space)
    if to.space_id != space.pk or to.state != RunState.SUCCEEDED or to.snapshot is None:
        raise Refused(_("This deployment did not succeed here: choose one that did."), "not-proven")
    with transaction.atomic():
        place = launch.take_place(to.order, space)
        order = (
            ReleaseOrder.objects.select_for_update(of=("self",))
            .select_related("project", "component")
            .get(pk=to.order_id)
        )
        gates.insist(gates.roll_back_gates(order, space, snapshot=to.snapshot, deployer=actor))
        return launch.launch_deployment(
            order, space, place, actor=actor, kind=DeploymentKind.ROLL_BACK, snapshot=to.snapshot
        )


def restart(*, actor: User, space: Space, placement: Placement) -> Deployment:
    """Replace the pods of what runs there, with nothing else changed."""
    stamp = timezone.now().isoformat(timespec="seconds")
    return _again(actor, space, placement, DeploymentKind.RESTART, {"restarted_at": stamp})


def scale(*, actor: User, space: Space, placement: Placement, replicas: int) -> Deployment:
    """Another number of replicas until the next snapshot."""
    if not 0 <= replicas <= MOST_REPLICAS:
        raise Invalid({"replicas": [_("Between 0 and %(most)s.") % {"most": MOST_REPLICAS}]})
    return _again(actor, space, placement, DeploymentKind.SCALE, {"replicas": replicas})


def _again(actor: User, space: Space, placement: Placement, kind: str, change: dict[str, Any]) -> Deployment:
    require(actor, "deploy", space=space)
    drawn = placement.good
    if drawn is None:
        raise _nothing_deployed()
    with transaction.atomic():
        place = launch.take_place(drawn.order, space)
        # What runs at this moment, under the lock: not what ran when the page was drawn.
        good = Deployment.objects.select_related("order", "snapshot").get(pk=place.good_id or drawn.pk)
        if good.snapshot is None:
            raise _nothing_deployed()
        if place.active_id is None and place.applied_id != good.pk:
            sentence = _("The last deployment here did not succeed: deploy again or roll back first.")
            raise Refused(sentence, "not-what-runs")
        order = (
            ReleaseOrder.objects.select_for_update(of=("self",))
            .select_related("project", "component")
            .get(pk=good.order_id)
        )
        gates.insist(gates.roll_back_gates(order, space, snapshot=good.snapshot, deployer=None))
        overlay = {**good.overlay, **change}
        return launch.launch_deployment(
            order, space, place, actor=actor, kind=kind, snapshot=good.snapshot, overlay=overlay
        )


def _nothing_deployed() -> Refused:
    return Refused(_("Nothing of this component has succeeded here yet: deploy it first."), "nothing-deployed")


def cancel_deployment(*, actor: User, deployment: Deployment) -> None:
    """Stop following; what the cluster has accepted stays as it is, and the page says so."""
    space = deployment.space
    require(actor, "cancel_deployment", space=space, owner_id=deployment.deployed_by_id)
    if deployment.state not in ACTIVE:
        raise Refused(_("This deployment has ended already."), "deployment-ended")
    with transaction.atomic():
        launch.take_place(deployment.order, space)
        progress.lock_orders(deployment.order_id)
        # Ending it needs no cluster: without a remote no shut breaker keeps the run from its end.
        changed = Deployment.objects.filter(pk=deployment.pk, state__in=sorted(ACTIVE), cancel_requested_at=None)
        if changed.update(cancel_requested_at=Now(), cancel_requested_by=actor, remote="") == 1:
            data = {"id": deployment.pk, "environment": space.environment.slug}
            progress.append(deployment.order_id, "deployment.cancelling", actor=actor, data=data)
            audit.record(
                actor,
                "deployment.cancel",
                object_type="deployment",
                object_id=str(deployment.pk),
                object_name=deployment.order.number,
                project=space.project.slug,
                environment=space.environment.slug,
            )
        wake(Deployment, deployment.pk)
