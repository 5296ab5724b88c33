"""What the API of holds takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from foundation.api.serializers import Input, text
from releases.models import Hold
from releases.presenters.holds import WORDS, state_of
from releases.services.holds import LONGEST_TEXT


class HoldInput(Input):
    component = text(63, default="", help_text="short name; empty: everything in the space")
    reason = serializers.CharField(max_length=LONGEST_TEXT)
    ends_at = serializers.DateTimeField()


class HoldLiftInput(Input):
    reason = text(LONGEST_TEXT, default="", help_text="somebody else's hold needs one")


class HoldOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    project = serializers.CharField(source="space.project.slug")
    environment = serializers.CharField(source="space.environment.slug")
    component = serializers.CharField(
        source="component.slug", default=None, allow_null=True, help_text="null: everything in the space"
    )
    state = serializers.SerializerMethodField()
    reason = serializers.CharField()
    held_by = serializers.CharField(source="held_by.username")
    held_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField(source="ended_by.username", default=None, allow_null=True)
    message = serializers.CharField(help_text="why it ended")

    @extend_schema_field(serializers.ChoiceField(choices=list(WORDS)))
    def get_state(self, row: Hold) -> str:
        return state_of(row)
