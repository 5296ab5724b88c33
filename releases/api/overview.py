"""Everything about one order in one answer: what the page shows, for other platforms."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from environments.models import Space
from releases import gates, selectors
from releases.api import serializers as shapes
from releases.models import Approval, Build, ReleaseOrder


def order_overview(order: ReleaseOrder, viewer: User) -> dict[str, Any]:
    """The order with its attempts and its environments in flow order; gates as they stand for this viewer."""
    builds = Build.objects.filter(order=order).select_related("started_by").order_by("-attempt")
    return {
        **shapes.present(shapes.OrderSummary, order),
        "builds": [shapes.present(shapes.BuildOutput, build) for build in builds],
        "environments": [environment_overview(order, space, viewer) for space in selectors.spaces_of(order)],
    }


def environment_overview(order: ReleaseOrder, space: Space, viewer: User) -> dict[str, Any]:
    """Where the order stands in one space."""
    promotion = selectors.current_promotion(order, space)
    review = selectors.latest_review(order, space)
    snapshot = review.snapshot if review else None
    deployment = selectors.deployments_of(order).filter(space=space).first()
    place = selectors.placement_of(order, space)
    is_here = bool(place and place.good_id and deployment and place.good_id == deployment.pk)
    approvals = (
        Approval.objects.filter(snapshot=snapshot).select_related("by", "order", "space__environment", "snapshot")
        if snapshot
        else []
    )
    found = gates.deployment_gates(order, space, snapshot=snapshot, deployer=viewer)
    return {
        "environment": space.environment.slug,
        "promotion": shapes.present(shapes.PromotionOutput, promotion) if promotion else None,
        "promotion_gates": [_gate(gate) for gate in gates.promotion_gates(order, space)],
        "deployment_gates": [_gate(gate) for gate in found],
        "review": shapes.present(shapes.ReviewOutput, review) if review else None,
        "approvals": [shapes.present(shapes.ApprovalOutput, row) for row in approvals],
        "deployment": shapes.present(shapes.DeploymentOutput, deployment) if deployment else None,
        "settled_at": place.settled_at if place and is_here else None,
        "unsettled_reason": place.unsettled_reason if place and is_here else "",
    }


def _gate(gate: gates.Gate) -> dict[str, Any]:
    return {"code": gate.code, "is_open": gate.is_open, "sentence": str(gate.sentence), "who": str(gate.who)}
