"""Promotions, reviews, approvals, deployments, and what runs where."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from accounts.models import User
from components.models import Component
from components.selectors import find_component
from environments.access import Rights
from environments.models import Space
from foundation.api.pagination import page_of
from foundation.api.views import ApiView
from foundation.digits import parse_digits
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid, Missing
from releases import live_reads, scaling, selectors
from releases.api.serializers import orders as shapes
from releases.api.serializers.runtime import RollBackPreviewOutput, RuntimeOutput, ScalePreviewOutput
from releases.api.serializers.turns import TurnOutput
from releases.logs import pods
from releases.models import Approval, Deployment, Placement, Promotion, Snapshot, Turn
from releases.presenters.place_acts import acts_there, roll_back_to, scale_act
from releases.services import approvals, deployments, promotions, removals, turns
from releases.services.reviews import start_review, take_over
from releases.turns import line_ahead

R = TypeVar("R", bound=Model)


def _one_of(rows: QuerySet[R], otherwise: MessageLike) -> R:
    """The first of the rows; raises Missing with the message where there is none."""
    row = rows.first()
    if row is None:
        raise Missing(otherwise)
    return row


class Promotions(ApiView):
    """环境流转."""

    scope = Scope.PROMOTE

    @extend_schema(
        operation_id="promotions_create", request=shapes.PromotionInput, responses={201: shapes.PromotionOutput}
    )
    def post(self, request: Request, number: str) -> Response:
        """Promote the order to an environment."""
        given = self.given(shapes.PromotionInput)
        order, space = selectors.order_and_space(actor_of(request), number, given.pop("environment"))
        promotion = promotions.promote(actor=actor_of(request), order=order, space=space, **given)
        return self.shown(shapes.PromotionOutput, promotion, 201)


class PromotionWithdrawal(ApiView):
    scope = Scope.PROMOTE

    @extend_schema(operation_id="promotions_withdraw", request=shapes.ReasonInput, responses=shapes.PromotionOutput)
    def post(self, request: Request, number: str, pk: int) -> Response:
        """Withdraw it; what is deployed stays."""
        given = self.given(shapes.ReasonInput)
        order = selectors.order_by_number(actor_of(request), number)
        rows = Promotion.objects.select_related("space__environment", "order__project", "promoted_by")
        promotion = _one_of(rows.filter(order=order, pk=pk), _("This order has no such promotion."))
        promotions.withdraw_promotion(actor=actor_of(request), promotion=promotion, reason=given["reason"])
        return self.shown(shapes.PromotionOutput, promotion)


class Reviews(ApiView):
    """部署核对."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="reviews_create", request=shapes.PlaceInput, responses={202: shapes.ReviewOutput})
    def post(self, request: Request, number: str) -> Response:
        """Review (again) what deploying would do there."""
        given = self.given(shapes.PlaceInput)
        order, space = selectors.order_and_space(actor_of(request), number, given["environment"])
        review = start_review(actor=actor_of(request), order=order, space=space)
        review.refresh_from_db(from_queryset=selectors.reviews())
        return self.shown(shapes.ReviewOutput, review, 202)


class OneReview(ApiView):
    """One review, with the snapshot that it rendered."""

    @extend_schema(operation_id="reviews_retrieve", responses=shapes.ReviewOutput)
    def get(self, request: Request, number: str, pk: int) -> Response:
        """Its state, and when it is done what was seen."""
        order = selectors.order_by_number(actor_of(request), number)
        return self.shown(shapes.ReviewOutput, selectors.review_of(order, pk))


class TakeOvers(ApiView):
    """接管: fields that somebody else set, for one deployment."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="take_overs_create", request=shapes.TakeOverInput, responses={202: shapes.ReviewOutput})
    def post(self, request: Request, number: str, pk: int) -> Response:
        """Take over what this review found in conflict; answers with the new review."""
        given = self.given(shapes.TakeOverInput)
        order = selectors.order_by_number(actor_of(request), number)
        review = selectors.review_of(order, pk)
        made = take_over(actor=actor_of(request), review=review, reason=given["reason"])
        made.refresh_from_db(from_queryset=selectors.reviews())
        return self.shown(shapes.ReviewOutput, made, 202)


class Approvals(ApiView):
    """The approvals of a snapshot: who approved or rejected it."""

    scope = Scope.DEPLOY

    @extend_schema(
        operation_id="approvals_create", request=shapes.DecisionInput, responses={201: shapes.ApprovalOutput}
    )
    def post(self, request: Request, number: str) -> Response:
        """Approve or reject exactly this snapshot."""
        given = self.given(shapes.DecisionInput)
        order, space = selectors.order_and_space(actor_of(request), number, given["environment"])
        rows = Snapshot.objects.filter(order=order, space=space, hash__startswith=given["snapshot"])
        rows = rows.select_related("order__project", "space__environment", "space__project")
        snapshot = _one_of(rows, _("This order has no such snapshot there."))
        decide = approvals.approve if given["decision"] == "approve" else approvals.reject
        approval = decide(actor=actor_of(request), snapshot=snapshot, comment=given["comment"])
        return self.shown(shapes.ApprovalOutput, approval, 201)


class ApprovalWithdrawal(ApiView):
    """Taking one's own decision back."""

    scope = Scope.DEPLOY

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="approvals_withdraw", request=None, responses=shapes.ApprovalOutput)
    def post(self, request: Request, number: str, pk: int) -> Response:
        """Withdraw it."""
        order = selectors.order_by_number(actor_of(request), number)
        rows = Approval.objects.select_related(
            "space__environment", "space__project", "order__project", "snapshot", "by", "scale_request__snapshot"
        )
        approval = _one_of(rows.filter(order=order, pk=pk), _("This order has no such approval."))
        approvals.withdraw_approval(actor=actor_of(request), approval=approval)
        return self.shown(shapes.ApprovalOutput, approval)


class Deployments(ApiView):
    scope = Scope.DEPLOY

    @extend_schema(operation_id="deployments_list", responses=page_of("DeploymentPage", shapes.DeploymentOutput))
    def get(self, request: Request, number: str) -> Response:
        """All of them, newest first."""
        order = selectors.order_by_number(actor_of(request), number)
        rows = selectors.deployments_of(order).select_related("order")[:200]
        return self.whole(shapes.DeploymentOutput, rows)

    @extend_schema(
        operation_id="deployments_create",
        request=shapes.DeploymentInput,
        responses={
            202: shapes.DeploymentOutput,
            201: OpenApiResponse(TurnOutput, "Another order is being deployed there: this one waits its turn."),
        },
    )
    def post(self, request: Request, number: str) -> Response:
        """Deploy the reviewed snapshot (where the environment asks for no review, just deploy)."""
        given = self.given(shapes.DeploymentInput)
        order = selectors.order_by_number(actor_of(request), number)
        made = turns.deploy_in_turn(
            actor=actor_of(request),
            order=order,
            space=selectors.space_of(order, given["environment"]),
            snapshot_hash=given["snapshot"],
            live_fingerprint=given["live_fingerprint"],
            removals=given["removals"],
            supersede=given["supersede"],
        )
        if isinstance(made, Turn):
            return self.shown(TurnOutput, made, 201)
        return self.shown(shapes.DeploymentOutput, fresh(made), 202)


def fresh(deployment: Deployment) -> Deployment:
    """The row as it is now, with what its answer names; the rows that it stands for are those that were just used."""
    found = Deployment.objects.select_related("prune").get(pk=deployment.pk)
    for name in ("order", "space", "snapshot", "deployed_by"):
        setattr(found, name, getattr(deployment, name))
    return found


class OneDeployment(ApiView):
    @extend_schema(operation_id="deployments_retrieve", responses=shapes.DeploymentOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Its state, pods and diagnosis."""
        return self.shown(shapes.DeploymentOutput, selectors.deployment_by_id(actor_of(request), pk))


class DeploymentCancellation(ApiView):
    scope = Scope.DEPLOY

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="deployments_cancel", request=None, responses={202: shapes.DeploymentOutput})
    def post(self, request: Request, pk: int) -> Response:
        """Stop following; what the cluster accepted stays."""
        deployment = selectors.deployment_by_id(actor_of(request), pk)
        deployments.cancel_deployment(actor=actor_of(request), deployment=deployment)
        return self.shown(shapes.DeploymentOutput, fresh(deployment), 202)


# ---------------------------------------------------------------- what runs where
def place_of(user: User, project: str, slug: str, environment: str) -> tuple[Component, Space, Placement]:
    """The component's placement in an environment; raises Missing where nobody deployed, or may not see."""
    component = find_component(user, project, slug)
    rows = Placement.objects.select_related(
        "space__environment", "space__project", "space__cluster", "last_succeeded__order", "last_succeeded__snapshot",
        "last_applied__order", "in_progress__order", "in_progress__deployed_by",
    ).prefetch_related(line_ahead())  # fmt: skip
    place = rows.filter(component=component, space__environment__slug=environment.lower()).first()
    if place is None:
        raise Missing(_("Nothing of this component was ever deployed there."))
    return component, place.space, place


class PlaceView(ApiView):
    """A view of a component in an environment."""

    scope = Scope.DEPLOY

    def accepted(self, deployment: Deployment) -> Response:
        """The deployment that was started, as the answer."""
        return self.shown(shapes.DeploymentOutput, fresh(deployment), 202)


class Runtime(ApiView):
    """What serves here now."""

    @extend_schema(operation_id="runtime_retrieve", responses=RuntimeOutput)
    def get(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Serving order, pods, drift, and what its reader may do there, by the gates that each act asks."""
        place = place_of(actor_of(request), project, slug, environment)[2]
        acts = acts_there(place, Rights(actor_of(request)))
        return Response(RuntimeOutput(place, context={"acts": acts}).data)


def earlier_there(component: Component, space: Space, pk: int) -> Deployment:
    """A deployment of the component there; raises Missing."""
    rows = Deployment.objects.select_related("order__project", "order__author", "snapshot")
    return _one_of(rows.filter(component=component, space=space, pk=pk), _("There is no such deployment there."))


class RollBacks(PlaceView):
    """回滚."""

    @extend_schema(
        operation_id="roll_backs_preview",
        parameters=[OpenApiParameter("deployment", OpenApiTypes.INT, required=True)],
        responses=RollBackPreviewOutput,
    )
    def get(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """What an earlier deployment would bring back, and by its gates whether it may; nothing is changed."""
        component, space, place = place_of(actor_of(request), project, slug, environment)
        target = earlier_there(component, space, parse_digits(request.query_params.get("deployment", "")) or 0)
        act = roll_back_to(place, Rights(actor_of(request)), target)
        return Response(RollBackPreviewOutput(target, context={"act": act, "place": place}).data)

    @extend_schema(
        operation_id="roll_backs_create", request=shapes.RollBackInput, responses={202: shapes.DeploymentOutput}
    )
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Apply an earlier success again, whole; one before the last success is judged as a deployment."""
        given = self.given(shapes.RollBackInput)
        component, space, _place = place_of(actor_of(request), project, slug, environment)
        act = {"to": earlier_there(component, space, given["deployment"]), "removals": given["removals"]}
        return self.accepted(deployments.roll_back(actor=actor_of(request), space=space, **act))


class RemovalReviews(PlaceView):
    """下线核对."""

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="removal_reviews_create", request=None, responses={202: shapes.ReviewOutput})
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Review what goes if everything of the component goes from there; then approve and remove its snapshot."""
        _component, space, place = place_of(actor_of(request), project, slug, environment)
        review = removals.review_removal(actor=actor_of(request), space=space, placement=place)
        review.refresh_from_db(from_queryset=selectors.reviews())
        return self.shown(shapes.ReviewOutput, review, 202)


class Removals(PlaceView):
    """下线."""

    @extend_schema(
        operation_id="removals_create", request=shapes.RemovalInput, responses={202: shapes.DeploymentOutput}
    )
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Remove what the review found; claims and Secrets stay."""
        given = self.given(shapes.RemovalInput)
        _component, space, place = place_of(actor_of(request), project, slug, environment)
        act = {"placement": place, "snapshot_hash": given["snapshot"]}
        return self.accepted(removals.remove_component(actor=actor_of(request), space=space, **act))


class Restarts(PlaceView):
    """重启."""

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="restarts_create", request=None, responses={202: shapes.DeploymentOutput})
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Replace the pods, change nothing else."""
        _component, space, place = place_of(actor_of(request), project, slug, environment)
        return self.accepted(deployments.restart(actor=actor_of(request), space=space, placement=place))


class Scalings(PlaceView):
    """扩缩容."""

    @extend_schema(
        operation_id="scalings_preview",
        parameters=[OpenApiParameter("replicas", OpenApiTypes.INT, required=True)],
        responses=ScalePreviewOutput,
    )
    def get(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """What so many replicas would need of the quota, as it was last read, and the gates; nothing is changed."""
        replicas = parse_digits(request.query_params.get("replicas", ""))
        if replicas is None or replicas > deployments.MOST_REPLICAS:
            raise Invalid({"replicas": [_("Between 0 and %(most)s.", most=deployments.MOST_REPLICAS)]})
        _component, _space, place = place_of(actor_of(request), project, slug, environment)
        found = scale_act(place, Rights(actor_of(request)), replicas).gates
        return Response(ScalePreviewOutput(scaling.preview(place, replicas), context={"gates": found}).data)

    @extend_schema(operation_id="scalings_create", request=shapes.ScaleInput, responses={202: shapes.DeploymentOutput})
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Another number of replicas until the next snapshot."""
        given = self.given(shapes.ScaleInput)
        _component, space, place = place_of(actor_of(request), project, slug, environment)
        return self.accepted(
            deployments.scale(actor=actor_of(request), space=space, placement=place, replicas=given["replicas"])
        )


class PodLog(ApiView):
    more_refusals = (502,)

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
        text = live_reads.pod_log(
            space,
            pod,
            container=query.get("container", ""),
            previous=self.flag("previous"),
            tail_lines=pods.MOST_LINES,
        )
        return Response({"pod": pod, **pods.answer_of(text)})
