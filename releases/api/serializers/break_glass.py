"""What the API of break-glass takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from foundation.api.serializers import Input, text
from releases.break_glass import deployments_under, who_reviews
from releases.models import BreakGlass
from releases.presenters.break_glass import WORDS, state_of
from releases.services.break_glass import LONGEST_TEXT, MOST_MINUTES


class BreakGlassInput(Input):
    environment = serializers.CharField(max_length=20)
    reason = serializers.CharField(max_length=LONGEST_TEXT)
    minutes = serializers.IntegerField(min_value=1, max_value=MOST_MINUTES)


class BreakGlassReasonInput(Input):
    comment = text(LONGEST_TEXT, default="", help_text="what you found; a review needs it")


class BreakGlassOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    environment = serializers.CharField(source="space.environment.slug")
    state = serializers.SerializerMethodField()
    reason = serializers.CharField()
    opened_by = serializers.CharField(source="opened_by.username")
    opened_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    ended_by = serializers.CharField(source="ended_by.username", default=None, allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    expired_at = serializers.DateTimeField(allow_null=True, help_text="when it was found over without a person's act")
    who_can_help = serializers.SerializerMethodField(help_text="who may review it; empty once it is reviewed")
    deployments = serializers.SerializerMethodField(help_text="what was deployed on its strength, newest first")
    reviewed_by = serializers.CharField(source="reviewed_by.username", default=None, allow_null=True)
    reviewed_at = serializers.DateTimeField(allow_null=True)
    comment = serializers.CharField(source="review_comment")

    @extend_schema_field(serializers.ChoiceField(choices=list(WORDS)))
    def get_state(self, row: BreakGlass) -> str:
        return state_of(row)

    def get_who_can_help(self, row: BreakGlass) -> str:
        return "" if row.reviewed_at else who_reviews(row)

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_deployments(self, row: BreakGlass) -> list[int]:
        return list(deployments_under(row).values_list("pk", flat=True))
