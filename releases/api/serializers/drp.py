"""What the API of DRP switches and drills takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from foundation.api.serializers import Input
from releases.choices import BackState, DrpKind, DrpMemberState, DrpState
from releases.services.drp import LONGEST_TEXT


class DrpInput(Input):
    kind = serializers.ChoiceField(choices=DrpKind.choices)
    reason = serializers.CharField(max_length=LONGEST_TEXT)
    code = serializers.CharField(max_length=130, help_text="the project's short name once more, so that it is no slip")


class DrpConfirmInput(Input):
    code = serializers.CharField(max_length=130, help_text="the project's short name once more, so that it is no slip")


class DrpRefuseInput(Input):
    reason = serializers.CharField(max_length=LONGEST_TEXT)


class DrpReviewInput(Input):
    comment = serializers.CharField(max_length=LONGEST_TEXT, help_text="what you found")


class DrpGoOnInput(Input):
    leave_out = serializers.BooleanField(
        required=False, default=False, help_text="go on without what failed, instead of trying it again"
    )


class DrpSwitchOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    project = serializers.CharField(source="space.project.slug")
    environment = serializers.CharField(source="space.environment.slug", help_text="the twin")
    kind = serializers.ChoiceField(choices=DrpKind.choices)
    state = serializers.ChoiceField(choices=DrpState.choices)
    reason = serializers.CharField()
    asked_by = serializers.CharField(source="asked_by.username")
    asked_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(help_text="unconfirmed until then, nothing begins")
    decided_by = serializers.CharField(
        source="decided_by.username", default=None, allow_null=True, help_text="confirmed, refused or withdrew it"
    )
    decided_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True, help_text="when the last component served")
    reviewed_by = serializers.CharField(source="reviewed_by.username", default=None, allow_null=True)
    reviewed_at = serializers.DateTimeField(allow_null=True)
    comment = serializers.CharField(source="review_comment", allow_blank=True)
    count = serializers.IntegerField(help_text="components")
    served = serializers.IntegerField(help_text="components that came to serve")


class DrpMemberOutput(serializers.Serializer[Any]):
    """Times are those of its deployment; seconds from the first object accepted to all of it ready."""

    component = serializers.CharField(source="row.component.slug")
    order = serializers.CharField(source="row.order.number")
    wave = serializers.IntegerField(source="row.wave")
    state = serializers.ChoiceField(source="row.state", choices=DrpMemberState.choices)
    message = serializers.CharField(source="row.note", allow_blank=True)
    deployment = serializers.IntegerField(source="row.deployment_id", allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    serves_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(source="took", allow_null=True)
    seconds_before = serializers.FloatField(
        source="took_before", allow_null=True, help_text="in the switch or drill before this one"
    )
    is_same_digest = serializers.BooleanField(source="is_same", help_text="its pods run the sibling's very image")
    back_state = serializers.ChoiceField(source="row.back_state", choices=BackState.choices, allow_blank=True)
    back_message = serializers.CharField(source="row.back_note", allow_blank=True)
    back_deployment = serializers.IntegerField(source="row.back_id", allow_null=True)


class WholeDrpSwitchOutput(DrpSwitchOutput):
    seconds = serializers.FloatField(
        source="shown.total.seconds", allow_null=True, help_text="from the confirmation until all served"
    )
    before = serializers.IntegerField(source="shown.before.pk", default=None, allow_null=True)
    seconds_before = serializers.FloatField(source="shown.total_before", allow_null=True)
    members = DrpMemberOutput(source="shown.lines", many=True)
