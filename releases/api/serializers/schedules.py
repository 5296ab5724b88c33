"""What the API of scheduled deployments takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from foundation.api.serializers import Input, text
from releases.api.serializers.orders import GateOutput, Ticks
from releases.models import Schedule
from releases.presenters.schedules import STATES, WORDS, why_of


class ScheduleInput(Input):
    environment = serializers.CharField(max_length=20)
    due_at = serializers.DateTimeField(help_text="with its offset from UTC; at most 30 days ahead")
    snapshot = serializers.RegexField(r"^[0-9a-f]{12,64}$", required=False, allow_blank=True, default="")
    live_fingerprint = text(64, default="")
    removals = Ticks()


class ScheduleGatesOutput(serializers.Serializer[Any]):
    due_at = serializers.DateTimeField()
    gates = GateOutput(many=True)


class ScheduleOutput(serializers.Serializer[Any]):
    """A deployment that begins at its time; ``deployment`` or ``turn`` is what it became."""

    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    project = serializers.CharField(source="space.project.slug")
    component = serializers.CharField(source="order.component.slug")
    environment = serializers.CharField(source="space.environment.slug")
    state = serializers.SerializerMethodField()
    due_at = serializers.DateTimeField()
    snapshot = serializers.CharField(source="snapshot.hash", default=None, allow_null=True)
    asked_by = serializers.CharField(source="asked_by.username")
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(source="finished_at", allow_null=True)
    ended_by = serializers.CharField(source="ended_by.username", default=None, allow_null=True)
    message = serializers.SerializerMethodField(help_text="why nothing was deployed by it")
    deployment = serializers.IntegerField(source="deployment_id", allow_null=True)
    turn = serializers.IntegerField(source="turn_id", allow_null=True)

    @extend_schema_field(serializers.ChoiceField(choices=list(WORDS)))
    def get_state(self, row: Schedule) -> str:
        return STATES[row.state]

    @extend_schema_field(serializers.CharField())
    def get_message(self, row: Schedule) -> str:
        return str(why_of(row))
