"""Deploy, roll back, restart, scale, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from environments.access import asked_for, require
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.problems import Invalid, Refused, Stale
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.wake import wake
from releases import gates, selectors
from releases.break_glass import used_by
from releases.choices import DeploymentKind, ScaleRequestState
from releases.events import record_act
from releases.locks import lock_order, lock_orders, lock_place, lock_placement
from releases.models import Deployment, Placement, ReleaseOrder, Review, ScaleRequest
from releases.place_gates import back_gates, restart_gates, stands
from releases.placing import create_deployment
from releases.scale_gates import scale_gates
from releases.scale_requests import request_for
from releases.services.reviews import not_reviewed, request_review, review_failed
from releases.services.ticks import ensure_ticked, reviewed_ticks, roll_back_ticks
from releases.transitions import end_scale_request

MOST_REPLICAS = 200


@dataclass(frozen=True)
class Decision:
    """What a person decided to deploy, checked under the locks; ``review`` is None where the act makes its own."""

    order: ReleaseOrder
    review: Review | None
    live_fingerprint: str
    break_glass_id: int | None = None


def start_deployment(
    *,
    actor: User,
    order: ReleaseOrder,
    space: Space,
    snapshot_hash: str = "",
    live_fingerprint: str = "",
    removals: Sequence[str] = (),
) -> Deployment:
    """Deploy the reviewed snapshot; where the space asks for no review, one act makes review and deployment.

    ``removals``: ``Kind/name`` of what goes with it, as far as it must be ticked. Raises Refused with the first closed
    gate or for what was not ticked, Stale when the review is not the one that the person saw.
    """
    require(actor, "deploy", space=space)
    with transaction.atomic():
        place = lock_placement(order, space)
        seen = {"snapshot_hash": snapshot_hash, "live_fingerprint": live_fingerprint}
        return start_there(place, actor=actor, order=order, space=space, removals=removals, **seen)


def start_there(
    place: Placement,
    *,
    actor: User,
    order: ReleaseOrder,
    space: Space,
    snapshot_hash: str,
    live_fingerprint: str,
    removals: Sequence[str],
) -> Deployment:
    """:func:`start_deployment` of an actor who may, in the caller's transaction that has locked the placement."""
    seen = {"snapshot_hash": snapshot_hash, "live_fingerprint": live_fingerprint}
    decided = decide(actor, order, space, removals=removals, may_wait=False, **seen)
    return create_deployment(
        decided.order,
        space,
        place,
        actor=actor,
        snapshot=decided.review.snapshot if decided.review else None,
        review=decided.review or request_review(decided.order, space, actor=actor),
        live_fingerprint=decided.live_fingerprint,
        removals=removals,
        break_glass_id=decided.break_glass_id,
    )


def decide(
    actor: User,
    order: ReleaseOrder,
    space: Space,
    *,
    snapshot_hash: str,
    live_fingerprint: str,
    removals: Sequence[str],
    may_wait: bool,
) -> Decision:
    """Check what the person saw and ask the gates, under the order's lock; the caller has the placement's.

    ``may_wait``: a deployment of another order does not stand in the way. Raises as :func:`start_deployment`.
    """
    reviewed = bool(snapshot_hash) or space.asks_review
    review = reviewed_by(order, space, snapshot_hash, live_fingerprint) if reviewed else None
    locked = lock_order(order.pk)
    snapshot = review.snapshot if review else None
    found = gates.deployment_gates(locked, space, snapshot=snapshot, deployer=actor, may_wait=may_wait)
    gates.ensure_open(found, asked=gates.asked_about("deploy", order, space))
    if review is None:
        return Decision(locked, None, "", used_by(found))
    ensure_ticked(reviewed_ticks(review.findings), removals)
    # Anybody who does not repeat what they saw has decided on what the review saw.
    return Decision(locked, review, live_fingerprint or review.live_fingerprint, used_by(found))


def reviewed_by(order: ReleaseOrder, space: Space, snapshot_hash: str, live_fingerprint: str) -> Review:
    """The latest review, which must be the one that the person saw. Raises as :func:`start_deployment`."""
    review = selectors.latest_review(order, space)
    if review is None or review.state in ACTIVE:
        raise not_reviewed("deploy", order, space)
    if review.state != RunState.SUCCEEDED or review.snapshot is None:
        raise review_failed("deploy", review, order, space)
    if not snapshot_hash:
        raise Invalid({"snapshot": [_("Say which snapshot: its hash is on the review.")]})
    if review.take_over and review.snapshot.deployments.exclude(applied=[]).exists():
        raise Stale(_("What was taken over here has been used: review again."))
    # Twelve digits are what people see and copy; programs send all of them.
    if len(snapshot_hash) < 12 or not review.snapshot.hash.startswith(snapshot_hash):
        raise Stale(_("A newer review has replaced what you saw: review again."))
    if live_fingerprint and live_fingerprint != review.live_fingerprint:
        raise Stale(_("What runs there has changed since the review: review again."))
    return review


def roll_back(*, actor: User, space: Space, to: Deployment, removals: Sequence[str] = ()) -> Deployment:
    """Apply the snapshot of an earlier success again, whole: image, manifests, configuration.

    What is beyond it goes after its success. ``removals`` as for :func:`start_deployment`.
    """
    require(actor, "deploy", space=space)
    with transaction.atomic():
        place = lock_placement(to.order, space)
        to.order = order = lock_order(to.order_id)
        found = back_gates(to, space, deployer=actor)
        gates.ensure_open(found, asked=gates.asked_about("deploy", order, space))
        assert to.snapshot is not None
        ensure_ticked(roll_back_ticks(place, to.snapshot), removals)
        return create_deployment(
            order, space, place, actor=actor, kind=DeploymentKind.ROLL_BACK, snapshot=to.snapshot, removals=removals,
            break_glass_id=used_by(found),
        )  # fmt: skip


def restart(*, actor: User, space: Space, placement: Placement) -> Deployment:
    """Replace the pods of what runs there, with nothing else changed."""
    stamp = db_now().isoformat(timespec="seconds")
    require(actor, "deploy", space=space)
    with transaction.atomic():
        place, good = lock_standing(space, placement)
        gates.ensure_open(restart_gates(place, good), asked=gates.asked_about("deploy", good.order, space))
        return _again(actor, space, place, good, DeploymentKind.RESTART, {"restarted_at": stamp})


def scale(*, actor: User, space: Space, placement: Placement, replicas: int) -> Deployment:
    """Another number of replicas until the next snapshot; outside the space's bounds on the strength of an approval."""
    ensure_replicas(replicas)
    require(actor, "deploy", space=space)
    with transaction.atomic():
        place, good = lock_standing(space, placement)
        found = scale_gates(place, good, replicas, deployer=actor)
        gates.ensure_open(found, asked=gates.asked_about("deploy", good.order, space))
        # What was asked for and approved is used up by it; where the bounds have it, it is of no use any more.
        asked = request_for(good, replicas)
        deployment = _again(actor, space, place, good, DeploymentKind.SCALE, {"replicas": replicas})
        if asked is not None:
            end_scale_request(asked, ScaleRequestState.USED, actor=actor, deployment=deployment)
    return deployment


def ensure_replicas(replicas: int) -> None:
    """Raises Invalid for a number that nobody may ask for."""
    if not 0 <= replicas <= MOST_REPLICAS:
        raise Invalid({"replicas": [_("Between 0 and %(most)s.", most=MOST_REPLICAS)]})


def lock_standing(space: Space, placement: Placement) -> tuple[Placement, Deployment]:
    """The place and what succeeded there last, locked with its order; raises Refused where nothing ever did.

    The order of a scale that waits for approval there is locked too.
    """
    drawn = placement.last_succeeded
    if drawn is None:
        gates.ensure_open([stands(placement, None)], asked=asked_for("deploy", None, space))
        raise AssertionError("nothing succeeded there")
    place = lock_placement(drawn.order, space)
    place.space = space
    # What runs at this moment, under the lock: not what ran when the page was drawn.
    rows = Deployment.objects.select_related("order", "snapshot__allocation")
    good = rows.get(pk=place.last_succeeded_id or drawn.pk)
    waiting = ScaleRequest.objects.filter(placement=place, state=ScaleRequestState.WAITING)
    lock_orders(good.order_id, *waiting.values_list("order_id", flat=True))
    good.order = lock_order(good.order_id)
    return place, good


def _again(
    actor: User, space: Space, place: Placement, good: Deployment, kind: str, change: dict[str, Any]
) -> Deployment:
    overlay = {**good.overlay, **change}
    return create_deployment(good.order, space, place, actor=actor, kind=kind, snapshot=good.snapshot, overlay=overlay)


def cancel_deployment(*, actor: User, deployment: Deployment) -> None:
    """Stop following; what the cluster has accepted stays as it is, and the page says so."""
    space = deployment.space
    require(actor, "cancel_deployment", space=space, owner_id=deployment.deployed_by_id)
    if deployment.state not in ACTIVE:
        raise Refused(_("This deployment has ended already."), "deployment-ended")
    with transaction.atomic():
        lock_place(deployment.order, space)
        lock_orders(deployment.order_id)
        # Ending it needs no cluster: without a remote no shut breaker keeps the run from its end.
        changed = Deployment.objects.filter(pk=deployment.pk, state__in=sorted(ACTIVE), cancel_requested_at=None)
        if changed.update(cancel_requested_at=Now(), cancel_requested_by=actor, remote="") == 1:
            record_act(deployment.order, "deployment.cancelling", actor, subject=deployment, space=space)
        wake(Deployment, deployment.pk)
