"""紧急放行: list, open, end, review."""

from __future__ import annotations

from collections.abc import Callable

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from releases import break_glass, selectors
from releases.api.serializers import break_glass as shapes
from releases.break_glass_filters import ENDS, STATES, UNUSED, USED, BreakGlassFilters, filter_break_glasses
from releases.models import BreakGlass
from releases.services import break_glass as services

PARAMETERS = [
    OpenApiParameter("waiting", OpenApiTypes.BOOL, description="only those that nobody has reviewed yet"),
    OpenApiParameter("project", OpenApiTypes.STR, description="short name"),
    OpenApiParameter("environment", OpenApiTypes.STR, description="short name"),
    OpenApiParameter("state", OpenApiTypes.STR, enum=list(STATES)),
    OpenApiParameter("used", OpenApiTypes.STR, enum=[USED, UNUSED], description="was anything deployed under it?"),
    OpenApiParameter("ended", OpenApiTypes.STR, enum=list(ENDS)),
    OpenApiParameter("since", OpenApiTypes.DATE, description="the first day that it was opened on, such as 2026-11-20"),
    OpenApiParameter("until", OpenApiTypes.DATE, description="the last day; counts too"),
]


class BreakGlasses(ApiView):
    @extend_schema(
        operation_id="break_glasses_list",
        parameters=[*KEYSET, *PARAMETERS],
        responses=page_of("BreakGlassPage", shapes.BreakGlassOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first; ``waiting=true`` leaves those that nobody has reviewed yet."""
        rows = break_glass.visible_rows(actor_of(request), only_waiting=self.flag("waiting"))
        filters = BreakGlassFilters.read(request.query_params)
        return self.page(shapes.BreakGlassOutput, filter_break_glasses(rows, filters))


class OrderBreakGlasses(ApiView):
    """Of one order."""

    scope = Scope.DEPLOY

    @extend_schema(
        operation_id="break_glasses_create",
        request=shapes.BreakGlassInput,
        responses={201: shapes.BreakGlassOutput},
    )
    def post(self, request: Request, number: str) -> Response:
        """Open the flow for the order in one environment, with a reason, for four hours at most."""
        given = self.given(shapes.BreakGlassInput)
        order, space = selectors.order_and_space(actor_of(request), number, given.pop("environment"))
        row = services.open_break_glass(actor=actor_of(request), order=order, space=space, **given)
        return self.shown(shapes.BreakGlassOutput, row, 201)


class OneBreakGlass(ApiView):
    @extend_schema(operation_id="break_glasses_retrieve", responses=shapes.BreakGlassOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Who opened it, until when, what was deployed under it, and its review."""
        return self.shown(shapes.BreakGlassOutput, break_glass.find(actor_of(request), pk))


class Decided(ApiView):
    """A decision on one break-glass, with a comment."""

    scope = Scope.DEPLOY

    def decide(self, request: Request, pk: int, act: Callable[..., BreakGlass]) -> Response:
        """The row as it is after the act."""
        actor = actor_of(request)
        row = act(actor=actor, row=break_glass.find(actor, pk), **self.given(shapes.BreakGlassReasonInput))
        return self.shown(shapes.BreakGlassOutput, row)


class BreakGlassEnd(Decided):
    @extend_schema(
        operation_id="break_glasses_end", request=shapes.BreakGlassReasonInput, responses=shapes.BreakGlassOutput
    )
    def post(self, request: Request, pk: int) -> Response:
        """End it before its time: what starts from now on passes the flow, or is refused."""
        return self.decide(request, pk, services.end_break_glass)


class BreakGlassReview(Decided):
    @extend_schema(
        operation_id="break_glasses_review", request=shapes.BreakGlassReasonInput, responses=shapes.BreakGlassOutput
    )
    def post(self, request: Request, pk: int) -> Response:
        """The review of who neither opened it nor deployed under it, once it is over."""
        return self.decide(request, pk, services.review_break_glass)
