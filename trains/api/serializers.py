"""What the API takes and gives of trains."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from foundation.api.serializers import Input, text
from releases.choices import TestVerdict
from trains.choices import MemberState, TrainState
from trains.models import MOST_WAVES
from trains.services.making import MOST


class WantedInput(Input):
    """One component that gets a new order; ``waits_for``: short name of another one of the same wave."""

    component = serializers.CharField(max_length=130)
    branch = serializers.CharField(max_length=200)
    wave = serializers.IntegerField(min_value=1, max_value=MOST_WAVES, required=False, default=1)
    waits_for = text(130, default="")
    changes_database = serializers.BooleanField(required=False, default=False)


class TrainInput(Input):
    name = serializers.CharField(max_length=100)
    environment = serializers.CharField(max_length=20, help_text="short name of the one it goes to")
    orders = serializers.ListField(child=WantedInput(), max_length=MOST)
    description = text(2000, default="")
    change_ticket = text(80, default="")


class StartInput(Input):
    test_verdict = serializers.ChoiceField(
        choices=TestVerdict.choices, required=False, allow_blank=True, default="",
        help_text="the word with which it promotes what nobody promoted; from who may promote there",
    )  # fmt: skip


class TrainOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    project = serializers.CharField(source="space.project.slug")
    environment = serializers.CharField(source="space.environment.slug")
    state = serializers.ChoiceField(choices=TrainState.choices)
    reason = serializers.CharField(allow_blank=True, help_text="why it is paused")
    created_by = serializers.CharField(source="created_by.username")
    created_at = serializers.DateTimeField()
    started_by = serializers.CharField(source="started_by.username", allow_null=True, default=None)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class ListedTrainOutput(TrainOutput):
    count = serializers.IntegerField(help_text="orders")
    over = serializers.IntegerField(help_text="orders that succeeded or were skipped")


class TrainOrderOutput(serializers.Serializer[Any]):
    """``standing`` says what it waits for in a word, ``who_can_help`` who can clear it."""

    order = serializers.CharField(source="row.order.number")
    component = serializers.CharField(source="row.order.component.slug")
    wave = serializers.IntegerField(source="row.wave")
    waits_for = serializers.CharField(source="row.waits_for.order.component.slug", allow_null=True, default=None)
    state = serializers.ChoiceField(source="row.state", choices=MemberState.choices)
    standing = serializers.CharField(source="standing.word")
    reason = serializers.CharField(source="standing.why", allow_blank=True)
    who_can_help = serializers.CharField(source="standing.who", allow_blank=True)
    deployment = serializers.IntegerField(source="row.deployment_id", allow_null=True)


class StepOutput(serializers.Serializer[Any]):
    """One step of rolling the train back in reverse order; the one whose ``state`` is next may be begun."""

    order = serializers.CharField(source="member.order.number")
    component = serializers.CharField(source="member.order.component.slug")
    to_order = serializers.CharField(source="to.order.number", allow_null=True, default=None)
    state = serializers.CharField(help_text="done, running, failed, next, later, stop or beyond")
    deployment = serializers.IntegerField(source="made.pk", allow_null=True, default=None)


class TrainRollBackInput(Input):
    order = serializers.CharField(max_length=20, help_text="the order of the next step, as it was shown")


class WholeTrainOutput(TrainOutput):
    orders = TrainOrderOutput(many=True, source="standings")
    roll_back = StepOutput(many=True, source="steps", help_text="the steps of rolling it back, the first one first")
