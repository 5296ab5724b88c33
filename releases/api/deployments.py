"""Promotions, reviews, approvals, deployments, and what runs where."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from accounts.models import User
from components.models import Component
from components.selectors import find_component
from environments.models import Space
from foundation.api import ApiView
from foundation.problems import Missing
from releases import looks, selectors
from releases.api import serializers as shapes
from releases.api.orders import valid
from releases.logs import pods
from releases.models import Approval, Deployment, Placement, Promotion, Review, Snapshot
from releases.services import approvals, deployments, promotions


class Promotions(ApiView):
    """环境流转."""

    scope = Scope.PROMOTE

    @extend_schema(
        operation_id="promotions_create", request=shapes.PromotionInput, responses={201: shapes.PromotionOutput}
    )
    def post(self, request: Request, number: str) -> Response:
        """Promote the order to an environment."""
        given = valid(shapes.PromotionInput, request)
        order = selectors.order_by_number(actor_of(request), number)
        space = selectors.space_of(order, given.pop("environment"))
        promotion = promotions.promote(actor=actor_of(request), order=order, space=space, **given)
        return Response(shapes.present(shapes.PromotionOutput, promotion), status=201)


class PromotionWithdrawal(ApiView):
    """Taking a promotion back."""

    scope = Scope.PROMOTE

    @extend_schema(operation_id="promotions_withdraw", request=shapes.ReasonInput, responses=shapes.PromotionOutput)
    def post(self, request: Request, number: str, pk: int) -> Response:
        """Withdraw it; what is deployed stays."""
        given = valid(shapes.ReasonInput, request)
        order = selectors.order_by_number(actor_of(request), number)
        promotion = (
            Promotion.objects.filter(order=order, pk=pk)
            .select_related("space__environment", "order__project", "promoted_by")
            .first()
        )
        if promotion is None:
            raise Missing(_("This order has no such promotion."))
        promotions.withdraw_promotion(actor=actor_of(request), promotion=promotion, reason=given["reason"])
        return Response(shapes.present(shapes.PromotionOutput, promotion))


class Reviews(ApiView):
    """部署核对."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="reviews_create", request=shapes.PlaceInput, responses={202: shapes.ReviewOutput})
    def post(self, request: Request, number: str) -> Response:
        """Look (again) at what deploying would do there."""
        given = valid(shapes.PlaceInput, request)
        order = selectors.order_by_number(actor_of(request), number)
        review = deployments.start_review(
            actor=actor_of(request), order=order, space=selectors.space_of(order, given["environment"])
        )
        review.refresh_from_db()
        return Response(shapes.present(shapes.ReviewOutput, review), status=202)


class OneReview(ApiView):
    """One look."""

    @extend_schema(operation_id="reviews_retrieve", responses=shapes.ReviewOutput)
    def get(self, request: Request, number: str, pk: int) -> Response:
        """Its state, and when it is done what was seen."""
        order = selectors.order_by_number(actor_of(request), number)
        review = Review.objects.filter(order=order, pk=pk).select_related("space__environment", "snapshot").first()
        if review is None:
            raise Missing(_("This order has no such review."))
        return Response(shapes.present(shapes.ReviewOutput, review))


class Approvals(ApiView):
    """A second person's word."""

    scope = Scope.DEPLOY

    @extend_schema(
        operation_id="approvals_create", request=shapes.DecisionInput, responses={201: shapes.ApprovalOutput}
    )
    def post(self, request: Request, number: str) -> Response:
        """Approve or reject exactly this snapshot."""
        given = valid(shapes.DecisionInput, request)
        order = selectors.order_by_number(actor_of(request), number)
        space = selectors.space_of(order, given["environment"])
        rows = Snapshot.objects.filter(order=order, space=space, hash__startswith=given["snapshot"])
        snapshot = rows.select_related("order__project", "space__environment", "space__project").first()
        if snapshot is None:
            raise Missing(_("This order has no such snapshot there."))
        decide = approvals.approve if given["decision"] == "approve" else approvals.reject
        approval = decide(actor=actor_of(request), snapshot=snapshot, comment=given["comment"])
        return Response(shapes.present(shapes.ApprovalOutput, approval), status=201)


class ApprovalWithdrawal(ApiView):
    """Taking one's own decision back."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="approvals_withdraw", request=None, responses=shapes.ApprovalOutput)
    def post(self, request: Request, number: str, pk: int) -> Response:
        """Withdraw it."""
        order = selectors.order_by_number(actor_of(request), number)
        rows = Approval.objects.select_related(
            "space__environment", "space__project", "order__project", "snapshot", "by"
        )
        approval = rows.filter(order=order, pk=pk).first()
        if approval is None:
            raise Missing(_("This order has no such approval."))
        approvals.withdraw_approval(actor=actor_of(request), approval=approval)
        return Response(shapes.present(shapes.ApprovalOutput, approval))


class Deployments(ApiView):
    """Deployments of an order."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="deployments_list", responses=shapes.DeploymentOutput(many=True))
    def get(self, request: Request, number: str) -> Response:
        """All of them, newest first."""
        order = selectors.order_by_number(actor_of(request), number)
        rows = selectors.deployments_of(order).select_related("order")[:200]
        return Response([shapes.present(shapes.DeploymentOutput, row) for row in rows])

    @extend_schema(
        operation_id="deployments_create", request=shapes.DeploymentInput, responses={202: shapes.DeploymentOutput}
    )
    def post(self, request: Request, number: str) -> Response:
        """Deploy the reviewed snapshot (where the environment asks for no review, just deploy)."""
        given = valid(shapes.DeploymentInput, request)
        order = selectors.order_by_number(actor_of(request), number)
        deployment = deployments.start_deployment(
            actor=actor_of(request),
            order=order,
            space=selectors.space_of(order, given["environment"]),
            snapshot_hash=given["snapshot"],
            live_fingerprint=given["live_fingerprint"],
        )
        return Response(shapes.present(shapes.DeploymentOutput, _fresh(deployment)), status=202)


def _fresh(deployment: Deployment) -> Deployment:
    return Deployment.objects.select_related("order", "space__environment", "snapshot", "deployed_by").get(
        pk=deployment.pk
    )


class OneDeployment(ApiView):
    """One deployment, live."""

    @extend_schema(operation_id="deployments_retrieve", responses=shapes.DeploymentOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Its state, pods and diagnosis."""
        return Response(shapes.present(shapes.DeploymentOutput, selectors.deployment_by_id(actor_of(request), pk)))


class DeploymentCancellation(ApiView):
    """Cancelling."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="deployments_cancel", request=None, responses={202: shapes.DeploymentOutput})
    def post(self, request: Request, pk: int) -> Response:
        """Stop following; what the cluster accepted stays."""
        deployment = selectors.deployment_by_id(actor_of(request), pk)
        deployments.cancel_deployment(actor=actor_of(request), deployment=deployment)
        return Response(shapes.present(shapes.DeploymentOutput, _fresh(deployment)), status=202)


# ---------------------------------------------------------------- what runs where
def place_of(user: User, project: str, slug: str, environment: str) -> tuple[Component, Space, Placement]:
    """The component's placement in an environment; raises Missing for strangers and where nothing was ever deployed."""
    component = find_component(user, project, slug)
    rows = Placement.objects.select_related(
        "space__environment", "space__project", "space__cluster", "good__order", "good__snapshot"
    )
    place = rows.filter(component=component, space__environment__slug=environment.lower()).first()
    if place is None:
        raise Missing(_("Nothing of this component was ever deployed there."))
    return component, place.space, place


class Runtime(ApiView):
    """What serves here now."""

    @extend_schema(operation_id="runtime_retrieve", responses=shapes.RuntimeOutput)
    def get(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Serving order, pods, drift."""
        return Response(
            shapes.present(shapes.RuntimeOutput, place_of(actor_of(request), project, slug, environment)[2])
        )


class RollBacks(ApiView):
    """回滚."""

    scope = Scope.DEPLOY

    @extend_schema(
        operation_id="roll_backs_create", request=shapes.RollBackInput, responses={202: shapes.DeploymentOutput}
    )
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Apply an earlier success again, whole."""
        given = valid(shapes.RollBackInput, request)
        component, space, _place = place_of(actor_of(request), project, slug, environment)
        rows = Deployment.objects.select_related("order", "snapshot").filter(
            component=component, space=space, pk=given["deployment"]
        )
        target = rows.first()
        if target is None:
            raise Missing(_("There is no such deployment there."))
        return _accepted(deployments.roll_back(actor=actor_of(request), space=space, to=target))


class Restarts(ApiView):
    """重启."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="restarts_create", request=None, responses={202: shapes.DeploymentOutput})
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Replace the pods, change nothing else."""
        _component, space, place = place_of(actor_of(request), project, slug, environment)
        return _accepted(deployments.restart(actor=actor_of(request), space=space, placement=place))


class Scalings(ApiView):
    """扩缩容."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="scalings_create", request=shapes.ScaleInput, responses={202: shapes.DeploymentOutput})
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Another number of replicas until the next snapshot."""
        given = valid(shapes.ScaleInput, request)
        _component, space, place = place_of(actor_of(request), project, slug, environment)
        return _accepted(
            deployments.scale(actor=actor_of(request), space=space, placement=place, replicas=given["replicas"])
        )


def _accepted(deployment: Deployment) -> Response:
    return Response(shapes.present(shapes.DeploymentOutput, _fresh(deployment)), status=202)


class PodLog(ApiView):
    """A pod's log."""

    @extend_schema(
        operation_id="pod_log",
        parameters=[OpenApiParameter("previous", OpenApiTypes.BOOL), OpenApiParameter("container", OpenApiTypes.STR)],
        responses=inline_serializer(
            "PodLog",
            {
                "pod": serializers.CharField(),
                "text": serializers.CharField(),
                "errors": serializers.ListField(child=serializers.IntegerField()),
                "warnings": serializers.ListField(child=serializers.IntegerField()),
                "most_lines": serializers.IntegerField(),
            },
        ),
    )
    def get(self, request: Request, project: str, slug: str, environment: str, pod: str) -> Any:
        """The last lines, 1,000 at most, redacted; ``errors`` and ``warnings`` are places of lines, from 0."""
        _component, space, place = place_of(actor_of(request), project, slug, environment)
        if pod not in {known["name"] for known in place.pods}:
            raise Missing(_("This component has no such pod there."))
        query = request.query_params
        text = looks.pod_log(
            space,
            pod,
            container=query.get("container", ""),
            previous=query.get("previous", "") in ("1", "true"),
            tail_lines=pods.MOST_LINES,
        )
        return Response({"pod": pod, **pods.answer_of(text)})
