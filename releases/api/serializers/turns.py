"""How a deployment that waits its turn is told."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from releases.choices import TurnState


class TurnOutput(serializers.Serializer[Any]):
    """A deployment that waits until the one before it has ended; ``deployment`` is what it became at its turn."""

    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    environment = serializers.CharField(source="placement.space.environment.slug")
    state = serializers.ChoiceField(choices=TurnState.choices)
    position = serializers.IntegerField(allow_null=True, help_text="place in line, from 1; null once it has ended")
    waits_for = serializers.CharField(
        source="behind",
        help_text="number of the order right before it; empty while it is not known what runs there, and at its end",
    )
    snapshot = serializers.CharField(source="snapshot.hash", default=None, allow_null=True)
    asked_by = serializers.CharField(source="asked_by.username")
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    message = serializers.CharField()
    deployment = serializers.IntegerField(source="deployment_id", allow_null=True)
