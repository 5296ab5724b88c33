"""扩缩容申请: ask, look, decide, take back."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from releases import scale_requests
from releases.api.serializers import scale_requests as shapes
from releases.api.serializers.orders import ApprovalOutput
from releases.api.views.deployments import PlaceView, place_of
from releases.services import scale_requests as services


class ScaleRequestView(ApiView):
    """A view that answers with one of them."""

    def told(self, pk: int, status: int = 200) -> Response:
        """As it is now, with the gates that its reader would meet."""
        reader = actor_of(self.request)
        row = scale_requests.find(reader, pk)
        return Response(shapes.ScaleRequestOutput(row, context={"viewer": reader}).data, status=status)


class ScaleRequests(ApiView):
    @extend_schema(
        operation_id="scale_requests_list",
        parameters=[*KEYSET, OpenApiParameter("waiting", OpenApiTypes.BOOL)],
        responses=page_of("ScaleRequestPage", shapes.ScaleRequestOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first; ``waiting=true`` leaves those that may still be approved or used."""
        rows = scale_requests.visible_requests(actor_of(request), only_waiting=self.flag("waiting"))
        return self.page(shapes.ScaleRequestOutput, rows)


class PlaceScaleRequests(ScaleRequestView, PlaceView):
    """Of one component in one environment."""

    @extend_schema(
        operation_id="scale_requests_create",
        request=shapes.ScaleRequestInput,
        responses={201: shapes.ScaleRequestOutput},
    )
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Ask for a number of replicas outside the bounds, with a reason: for 24 hours, of what stands there."""
        given = self.given(shapes.ScaleRequestInput)
        _component, space, place = place_of(actor_of(request), project, slug, environment)
        row = services.ask_scale(actor=actor_of(request), space=space, placement=place, **given)
        return self.told(row.pk, 201)


class OneScaleRequest(ScaleRequestView):
    @extend_schema(operation_id="scale_requests_retrieve", responses=shapes.ScaleRequestOutput)
    def get(self, request: Request, pk: int) -> Response:
        """What was asked and why, its approvals, and what scaling asks now."""
        return self.told(pk)


class ScaleRequestApprovals(ApiView):
    scope = Scope.DEPLOY

    @extend_schema(
        operation_id="scale_requests_decide", request=shapes.ScaleDecisionInput, responses={201: ApprovalOutput}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Approve or reject exactly this number of this snapshot."""
        given = self.given(shapes.ScaleDecisionInput)
        row = scale_requests.find(actor_of(request), pk)
        decide = services.approve_scale if given["decision"] == "approve" else services.reject_scale
        approval = decide(actor=actor_of(request), row=row, comment=given["comment"])
        return self.shown(ApprovalOutput, approval, 201)


class ScaleRequestWithdrawal(ScaleRequestView):
    scope = Scope.DEPLOY

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="scale_requests_withdraw", request=None, responses=shapes.ScaleRequestOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Ask for it no more; the approvals that it has count for nothing then."""
        row = scale_requests.find(actor_of(request), pk)
        services.withdraw_scale_request(actor=actor_of(request), row=row)
        return self.told(pk)
