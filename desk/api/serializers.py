"""What the API of the platform's health gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.choices import Outcome


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


class AuditEventOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    sequence = serializers.IntegerField(allow_null=True, help_text="of its link in the chain; null for a second or so")
    at = serializers.DateTimeField()
    actor_id = serializers.CharField()
    actor_name = serializers.CharField()
    verb = serializers.CharField()
    object_type = serializers.CharField()
    object_id = serializers.CharField()
    object_name = serializers.CharField()
    project = serializers.CharField()
    environment = serializers.CharField()
    outcome = serializers.ChoiceField(choices=Outcome.values)
    reason = serializers.CharField(source="shown_reason")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    request_number = serializers.CharField()
    address = serializers.CharField()
    mark = serializers.CharField()
    mac = serializers.CharField(allow_null=True)


class AuditCheckOutput(serializers.Serializer[Any]):
    verified_at = serializers.DateTimeField(
        allow_null=True, help_text="when the last round ended; null before the first"
    )
    verified = serializers.IntegerField(help_text="how many links fit")
    problem = serializers.CharField(help_text="what does not fit, beginning with the first wrong row; empty: all fits")
