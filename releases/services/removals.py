"""Remove a component from a space: reviewed, approved where the space asks for it, done as a deployment."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from environments.access import require, require_either
from environments.models import Space
from foundation.messages import message as _
from foundation.problems import Refused, Stale
from foundation.runs.choices import ACTIVE, RunState
from releases import gates, selectors
from releases.choices import DeploymentKind
from releases.locks import lock_order, lock_placement
from releases.models import Deployment, Placement, ReleaseOrder, Review
from releases.placing import create_deployment
from releases.services.reviews import not_reviewed, request_review, review_failed


def review_removal(*, actor: User, space: Space, placement: Placement) -> Review:
    """Review what would go if everything of the component went from the space; raises Refused where nothing runs."""
    require_either(actor, "remove", "approve", space=space)
    with transaction.atomic():
        return request_review(standing_of(placement).order, space, actor=actor, taken={}, is_removal=True)


def remove_component(*, actor: User, space: Space, placement: Placement, snapshot_hash: str) -> Deployment:
    """Remove what the review found: every object of the component, and never a claim or a Secret.

    Raises Refused with the first closed gate, Stale when the review is not the one that the person saw.
    """
    require(actor, "remove", space=space)
    review = _reviewed(standing_of(placement).order, space, snapshot_hash)
    snapshot = review.snapshot
    assert snapshot is not None
    with transaction.atomic():
        place = lock_placement(review.order, space)
        order = lock_order(review.order_id)
        gates.ensure_open(
            gates.removal_gates(order, space, snapshot=snapshot, deployer=actor),
            asked=gates.asked_about("remove", order, space),
        )
        named = [f"{row['kind']}/{row['name']}" for row in snapshot.removes or ()]
        return create_deployment(
            order, space, place, actor=actor, kind=DeploymentKind.REMOVE, snapshot=snapshot, review=review,
            removals=named,
        )  # fmt: skip


def standing_of(placement: Placement) -> Deployment:
    """What was applied there last, or else succeeded; raises Refused where nothing of the component is."""
    standing = standing_there(placement)
    if standing is None:
        raise Refused(_("Nothing of this component runs here."), "nothing-deployed")
    return standing


def standing_there(placement: Placement) -> Deployment | None:
    """The same; None where nothing of the component is."""
    return placement.last_applied or placement.last_succeeded


def _reviewed(order: ReleaseOrder, space: Space, snapshot_hash: str) -> Review:
    review = selectors.latest_review(order, space, is_removal=True)
    if review is None or review.state in ACTIVE:
        raise not_reviewed("remove", order, space)
    if review.state != RunState.SUCCEEDED or review.snapshot is None:
        raise review_failed("remove", review, order, space)
    if len(snapshot_hash) < 12 or not review.snapshot.hash.startswith(snapshot_hash):
        raise Stale(_("A newer review has replaced what you saw: review again."))
    return review
