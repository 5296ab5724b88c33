"""Is the platform well, and waking what is stuck, over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from desk import selectors
from desk.services import wake_run
from environments.access import require
from foundation.api import ApiView


class ProcessOutput(serializers.Serializer[Any]):
    role = serializers.CharField(source="beat.role")
    process = serializers.CharField(source="beat.process")
    heard_at = serializers.DateTimeField(source="beat.at")
    is_alive = serializers.BooleanField()


class StuckRunOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    number = serializers.IntegerField(source="run.pk")
    state = serializers.CharField(source="run.state")
    phase = serializers.CharField(source="run.phase")
    why = serializers.CharField()
    can_wake = serializers.BooleanField()


class HealthOutput(serializers.Serializer[Any]):
    processes = ProcessOutput(many=True)
    missing = serializers.ListField(child=serializers.CharField(), help_text="roles of which no process is alive")
    stuck = StuckRunOutput(many=True)


class Health(ApiView):
    """The health page's facts."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="health_retrieve", responses=HealthOutput)
    def get(self, request: Request) -> Response:
        """Processes, and runs that should have been driven and were not."""
        require(actor_of(request), "see_health")
        return Response(HealthOutput(selectors.health()).data)


class Wake(ApiView):
    """One stuck run."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="health_wake", request=None, responses={204: None})
    def post(self, request: Request, kind: str, pk: int) -> Response:
        """Makes it due now."""
        wake_run(actor=actor_of(request), kind=kind, pk=pk)
        return Response(status=204)
