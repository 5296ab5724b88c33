"""Is the platform well, and waking what is stuck, over the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from desk import selectors
from desk.api import serializers as shapes
from desk.services import wake_run
from environments.access import require
from foundation.api.views import ApiView


class Health(ApiView):
    """The health page's facts."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="health_retrieve", responses=shapes.HealthOutput)
    def get(self, request: Request) -> Response:
        """Processes, and runs that should have been driven and were not."""
        require(actor_of(request), "see_health")
        return self.shown(shapes.HealthOutput, selectors.health())


class Wake(ApiView):
    """One stuck run."""

    scope = Scope.ADMIN

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="health_wake", request=None, responses={204: None})
    def post(self, request: Request, kind: str, pk: int) -> Response:
        """Makes it due now."""
        wake_run(actor=actor_of(request), kind=kind, pk=pk)
        return Response(status=204)
