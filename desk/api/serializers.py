"""What the API of the platform's health gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


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
