"""Everything about one order in one answer: what the page shows, for other platforms."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from environments.access import Rights
from environments.models import Space
from releases import gates, selectors
from releases.api.serializers import orders as shapes
from releases.models import Approval, Build, ReleaseOrder
from releases.presenters.review import gates_to_deploy
from releases.presenters.roll_back_asks import asked_of_order
from releases.presenters.standings import attempts_of, standing_of
from releases.rule_gate import read_rule_changes
from releases.turns import turn_in


def order_overview(order: ReleaseOrder, viewer: User) -> dict[str, Any]:
    """The order with its attempts and its environments in flow order; gates as they stand for this viewer."""
    builds = Build.objects.filter(order=order).select_related("started_by").order_by("-attempt")
    spaces = selectors.spaces_of(order)
    read_rule_changes(spaces)
    places = [environment_overview(order, space, viewer) for space in spaces]
    return {
        **shapes.OrderSummary(order).data,
        "builds": shapes.BuildOutput(builds, many=True).data,
        "environments": shapes.OrderPlaceOutput(places, many=True).data,
    }


def environment_overview(order: ReleaseOrder, space: Space, viewer: User) -> dict[str, Any]:
    """The rows that :class:`OrderPlaceOutput` shows: where the order stands in one space."""
    promotion = selectors.current_promotion(order, space)
    review = selectors.latest_review(order, space)
    snapshot = review.snapshot if review else None
    deployment = selectors.deployments_of(order).select_related("order").filter(space=space).first()
    place = selectors.placement_of(order, space)
    is_here = bool(place and place.last_succeeded_id and deployment and place.last_succeeded_id == deployment.pk)
    approvals = (
        Approval.objects.filter(snapshot=snapshot, scale_request=None).select_related(
            "by", "order", "space__environment", "snapshot"
        )
        if snapshot
        else []
    )
    turn = turn_in(place, order)
    attempts = attempts_of([order]).get((order.pk, space.pk))
    return {
        "environment": space.environment.slug,
        "standing": standing_of(order, space, attempts, promotion, turn, place),
        "promotion": promotion,
        "promotion_gates": gates.promotion_gates(order, space),
        "deployment_gates": gates_to_deploy(order, space, review, snapshot, Rights(viewer)),
        "review": review,
        "approvals": approvals,
        "roll_back": asked_of_order(order, space),
        "deployment": deployment,
        "turn": turn,
        "settled_at": place.settled_at if place and is_here else None,
        "unsettled_reason": place.unsettled_reason if place and is_here else "",
        "unknown_since": place.unknown_since if place else None,
    }
