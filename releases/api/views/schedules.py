"""定时部署: list, deploy at a time, what is closed then, look, withdraw."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import DateTimeField, ValidationError

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from foundation.messages import message as _
from foundation.problems import Invalid
from foundation.runs.choices import ACTIVE
from releases import schedules, selectors
from releases.api.serializers import schedules as shapes
from releases.api.views.of_space import OF_SPACE, in_space
from releases.services import schedules as services

PARAMETERS = [
    OpenApiParameter("waiting", OpenApiTypes.BOOL, description="only those whose time has not come"),
    *OF_SPACE,
]
TIME = [
    OpenApiParameter("environment", OpenApiTypes.STR, required=True, description="short name"),
    OpenApiParameter("due_at", OpenApiTypes.DATETIME, required=True, description="with its offset from UTC"),
]


class Schedules(ApiView):
    @extend_schema(
        operation_id="schedules_list",
        parameters=[*KEYSET, *PARAMETERS],
        responses=page_of("SchedulePage", shapes.ScheduleOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first; ``waiting=true`` leaves those whose time has not come."""
        rows = schedules.visible_schedules(actor_of(request))
        if self.flag("waiting"):
            rows = rows.filter(state__in=sorted(ACTIVE))
        return self.page(shapes.ScheduleOutput, in_space(rows, request))


class OrderSchedules(ApiView):
    """Of one order."""

    scope = Scope.DEPLOY

    @extend_schema(
        operation_id="schedules_create", request=shapes.ScheduleInput, responses={201: shapes.ScheduleOutput}
    )
    def post(self, request: Request, number: str) -> Response:
        """Deploy the reviewed snapshot at a time, as a click would then: all gates are asked again by then."""
        given = self.given(shapes.ScheduleInput)
        order, space = selectors.order_and_space(actor_of(request), number, given["environment"])
        row = services.schedule(
            actor=actor_of(request),
            order=order,
            space=space,
            due_at=given["due_at"],
            snapshot_hash=given["snapshot"],
            live_fingerprint=given["live_fingerprint"],
            removals=given["removals"],
        )
        return self.shown(shapes.ScheduleOutput, row, 201)


class ScheduleGates(ApiView):
    @extend_schema(operation_id="schedules_gates", parameters=TIME, responses=shapes.ScheduleGatesOutput)
    def get(self, request: Request, number: str) -> Response:
        """The hold, the freeze and the release window as they would be at a time, by what is known today."""
        given = request.query_params
        order, space = selectors.order_and_space(actor_of(request), number, given.get("environment", ""))
        try:
            moment = DateTimeField().run_validation(given.get("due_at", ""))
        except ValidationError:
            raise Invalid({"due_at": [_("Write a time with its offset from UTC.")]}) from None
        found = {"due_at": moment, "gates": schedules.gates_at(order, space, moment)}
        return self.shown(shapes.ScheduleGatesOutput, found)


class OneSchedule(ApiView):
    @extend_schema(operation_id="schedules_retrieve", responses=shapes.ScheduleOutput)
    def get(self, request: Request, pk: int) -> Response:
        """For when it is, by whom, and what became of it."""
        return self.shown(shapes.ScheduleOutput, schedules.find_schedule(actor_of(request), pk))


class ScheduleWithdrawal(ApiView):
    scope = Scope.DEPLOY

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="schedules_withdraw", request=None, responses=shapes.ScheduleOutput)
    def post(self, request: Request, pk: int) -> Response:
        """It does not begin."""
        row = schedules.find_schedule(actor_of(request), pk)
        return self.shown(shapes.ScheduleOutput, services.withdraw_schedule(actor=actor_of(request), row=row))
