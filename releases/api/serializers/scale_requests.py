"""What the API of scales that need approval takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from foundation.api.serializers import Input, text
from releases.api.serializers.orders import ApprovalOutput, GateOutput, ScaleInput
from releases.models import ScaleRequest
from releases.presenters.scale_requests import WORDS, gates_now, state_of
from releases.scaling import bounds_of
from releases.services.scale_requests import LONGEST_REASON


class ScaleRequestInput(ScaleInput):
    reason = text(LONGEST_REASON, default="", help_text="why; who approves reads it")


class ScaleDecisionInput(Input):
    decision = serializers.ChoiceField(choices=["approve", "reject"])
    comment = text(2000, default="")


class ScaleRequestOutput(serializers.Serializer[Any]):
    """``minimum`` to ``maximum`` (null: no bound) need no approval; ``gates`` are those of scaling now."""

    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    component = serializers.CharField(source="placement.component.slug")
    environment = serializers.CharField(source="space.environment.slug")
    snapshot = serializers.CharField(source="snapshot.hash")
    before = serializers.IntegerField(source="replicas_before")
    replicas = serializers.IntegerField()
    minimum = serializers.SerializerMethodField()
    maximum = serializers.SerializerMethodField()
    reason = serializers.CharField()
    state = serializers.SerializerMethodField()
    asked_by = serializers.CharField(source="asked_by.username")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    approvals = serializers.SerializerMethodField()
    gates = serializers.SerializerMethodField(help_text="of scaling now; empty once nothing is left to decide")
    deployment = serializers.IntegerField(source="deployment_id", allow_null=True, help_text="that used it")

    def get_minimum(self, row: ScaleRequest) -> int:
        return bounds_of(row.space, row.snapshot).least

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_maximum(self, row: ScaleRequest) -> int | None:
        return bounds_of(row.space, row.snapshot).most

    @extend_schema_field(serializers.ChoiceField(choices=list(WORDS)))
    def get_state(self, row: ScaleRequest) -> str:
        return state_of(row)

    @extend_schema_field(ApprovalOutput(many=True))
    def get_approvals(self, row: ScaleRequest) -> Any:
        rows = row.approvals.select_related("by", "order", "space__environment", "snapshot")
        return ApprovalOutput(rows, many=True).data

    @extend_schema_field(GateOutput(many=True))
    def get_gates(self, row: ScaleRequest) -> Any:
        return GateOutput(gates_now(row, self.context.get("viewer")), many=True).data
