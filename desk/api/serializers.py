"""What the API of the platform's health gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.choices import Outcome
from releases.api.serializers.orders import GateOutput


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


class ExplainedMembershipOutput(serializers.Serializer[Any]):
    """One membership of the person."""

    role = serializers.CharField(source="row.role")
    group = serializers.CharField(
        source="row.group.slug", default="", allow_blank=True, help_text="the group that holds it; empty: the person"
    )
    project = serializers.CharField(source="row.project.slug", default="", allow_blank=True)
    environment = serializers.CharField(source="row.environment.slug", default="", allow_blank=True)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(source="row.ends_at", allow_null=True)
    granted_by = serializers.CharField(source="row.granted_by.username", default="", allow_blank=True)
    reason = serializers.CharField(source="row.reason", allow_blank=True)
    counts = serializers.BooleanField(help_text="it allows the act there, now")
    why = serializers.CharField(help_text="why it does not; else empty")


class HelperOutput(serializers.Serializer[Any]):
    """Somebody who may, and by which membership."""

    name = serializers.CharField(source="user.shown_name")
    role = serializers.CharField(source="row.role")
    group = serializers.CharField(
        source="row.group.slug", default="", allow_blank=True, help_text="the group that holds it; empty: the person"
    )
    environment = serializers.CharField(source="row.environment.slug", default="", allow_blank=True)
    until = serializers.DateTimeField(source="row.ends_at", allow_null=True)


class ExplanationOutput(serializers.Serializer[Any]):
    """The answer of the permission explainer."""

    may = serializers.BooleanField(help_text="the right is there and, where an order is given, every gate open")
    code = serializers.CharField(help_text="how it comes, or what is missing; gate-… names the first closed gate")
    detail = serializers.CharField(source="message", help_text="yes or no and why, in the language of the request")
    verb = serializers.CharField(source="matter.verb")
    project = serializers.CharField(source="matter.project.slug", default="", allow_blank=True)
    environment = serializers.CharField(source="matter.space.environment.slug", default="", allow_blank=True)
    username = serializers.CharField(source="person.username")
    order = serializers.CharField(source="order.number", default="", allow_blank=True)
    until = serializers.DateTimeField(allow_null=True, help_text="when the right ends; null without an end")
    memberships = ExplainedMembershipOutput(source="right.memberships", many=True)
    roles = serializers.ListField(source="right.roles", child=serializers.CharField(), help_text="those that may there")
    owner = serializers.CharField(source="right.owner", help_text="who may besides, because the thing is theirs")
    people_who_may = HelperOutput(source="helpers", many=True)
    author = serializers.CharField(
        source="author.shown_name", default="", allow_blank=True, help_text="of the order, where authors may besides"
    )
    administrators = serializers.ListField(
        source="right.administrators", child=serializers.CharField(), help_text="who may give such a role there"
    )
    gates = GateOutput(many=True, help_text="what else must hold for this order")
