"""Shapes that the order's API takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from foundation.sentences import revived
from releases.choices import ApprovalState, DeploymentKind, TesterWord

MOST_NUMBER = 2**31 - 1
"""What a database's integer column holds."""


# ---------------------------------------------------------------- in
class OrderInput(serializers.Serializer[Any]):
    component = serializers.CharField(max_length=130, help_text="project/component, e.g. sis-omm/proxy-gw")
    branch = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=4000, default="")
    change_ticket = serializers.CharField(required=False, allow_blank=True, max_length=80, default="")
    changes_database = serializers.BooleanField(required=False, default=False)
    repeat_of = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=20,
        default="",
        help_text="number of the order that this one repeats",
    )


class BuildInput(serializers.Serializer[Any]):
    commit = serializers.RegexField(
        r"^[0-9a-fA-F]{40}$", required=False, allow_blank=True, default="", help_text="the tip that you saw"
    )


class PromotionInput(serializers.Serializer[Any]):
    environment = serializers.CharField(max_length=20)
    word = serializers.ChoiceField(choices=TesterWord.choices, required=False, allow_blank=True, default="")
    note = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")
    report_url = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class ReasonInput(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class CommentInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=4000)


class PlaceInput(serializers.Serializer[Any]):
    environment = serializers.CharField(max_length=20)


class DecisionInput(serializers.Serializer[Any]):
    environment = serializers.CharField(max_length=20)
    snapshot = serializers.RegexField(r"^[0-9a-f]{12,64}$", help_text="hash of the snapshot, at least 12 digits")
    decision = serializers.ChoiceField(choices=["approve", "reject"])
    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class DeploymentInput(serializers.Serializer[Any]):
    environment = serializers.CharField(max_length=20)
    snapshot = serializers.RegexField(r"^[0-9a-f]{12,64}$", required=False, allow_blank=True, default="")
    live_fingerprint = serializers.CharField(required=False, allow_blank=True, max_length=64, default="")


class RollBackInput(serializers.Serializer[Any]):
    deployment = serializers.IntegerField(min_value=1, help_text="id of a deployment that succeeded there")


class ScaleInput(serializers.Serializer[Any]):
    replicas = serializers.IntegerField(min_value=0, max_value=200)


class ClaimInput(serializers.Serializer[Any]):
    trigger_id = serializers.UUIDField()
    build_number = serializers.IntegerField(min_value=1, max_value=MOST_NUMBER)
    queue_id = serializers.IntegerField(min_value=0, required=False, allow_null=True, default=None)


class ReportInput(serializers.Serializer[Any]):
    trigger_id = serializers.UUIDField()
    build_number = serializers.IntegerField(min_value=1, max_value=MOST_NUMBER)
    digest = serializers.RegexField(r"^sha256:[0-9a-f]{64}$")


# ---------------------------------------------------------------- out
class RunOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    state = serializers.CharField()
    phase = serializers.CharField()
    reason = serializers.CharField()
    message = serializers.CharField()
    contact_lost_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class StageOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    state = serializers.CharField()
    started_ms = serializers.IntegerField()
    duration_ms = serializers.IntegerField()
    message = serializers.CharField()


class BuildOutput(RunOutput):
    attempt = serializers.IntegerField()
    trigger_id = serializers.SerializerMethodField(help_text="once a run in Jenkins has claimed the build")
    started_by = serializers.CharField(source="started_by.username")
    job = serializers.CharField()
    build_number = serializers.IntegerField(allow_null=True)
    queue_why = serializers.CharField()
    result = serializers.CharField()
    stages = StageOutput(many=True)
    log_size = serializers.IntegerField()
    log_lines = serializers.IntegerField()
    log_is_complete = serializers.BooleanField()
    digest = serializers.CharField()

    def get_trigger_id(self, build: Any) -> str | None:
        """Until a run has claimed it, whoever knows the trigger id could claim in its place."""
        return str(build.trigger_id) if build.build_number is not None or build.is_terminal else None


class ReviewOutput(RunOutput):
    environment = serializers.CharField(source="space.environment.slug")
    snapshot = serializers.CharField(source="snapshot.hash", default=None, allow_null=True)
    live_fingerprint = serializers.CharField()
    seen_at = serializers.DateTimeField(allow_null=True)
    findings = serializers.JSONField()


class DeploymentOutput(RunOutput):
    order = serializers.CharField(source="order.number")
    environment = serializers.CharField(source="space.environment.slug")
    kind = serializers.ChoiceField(choices=DeploymentKind.choices)
    snapshot = serializers.CharField(source="snapshot.hash", default=None, allow_null=True)
    digest = serializers.CharField(source="snapshot.digest", default=None, allow_null=True)
    deployed_by = serializers.CharField(source="deployed_by.username")
    is_automatic = serializers.BooleanField()
    overlay = serializers.JSONField()
    progress = serializers.JSONField()
    diagnosis = serializers.JSONField()


class PromotionOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    environment = serializers.CharField(source="space.environment.slug")
    state = serializers.CharField()
    promoted_by = serializers.CharField(source="promoted_by.username")
    word = serializers.CharField()
    note = serializers.CharField()
    report_url = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class ApprovalOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    environment = serializers.CharField(source="space.environment.slug")
    snapshot = serializers.CharField(source="snapshot.hash")
    state = serializers.ChoiceField(choices=ApprovalState.choices)
    by = serializers.CharField(source="by.username")
    comment = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class GateOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    is_open = serializers.BooleanField()
    sentence = serializers.CharField()
    who = serializers.CharField()


class OrderPlaceOutput(serializers.Serializer[Any]):
    """Where the order stands in one environment."""

    environment = serializers.CharField()
    promotion = PromotionOutput(allow_null=True)
    promotion_gates = GateOutput(many=True)
    deployment_gates = GateOutput(many=True)
    review = ReviewOutput(allow_null=True)
    approvals = ApprovalOutput(many=True)
    deployment = DeploymentOutput(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    unsettled_reason = serializers.CharField()


class OrderSummary(serializers.Serializer[Any]):
    number = serializers.CharField()
    component = serializers.CharField(source="component.slug")
    component_name = serializers.CharField(source="component.name")
    project = serializers.CharField(source="project.slug")
    branch = serializers.CharField()
    commit = serializers.CharField()
    author = serializers.CharField(source="author.username")
    state = serializers.CharField()
    closed_reason = serializers.CharField()
    description = serializers.CharField()
    change_ticket = serializers.CharField()
    changes_database = serializers.BooleanField()
    image = serializers.CharField()
    image_digest = serializers.CharField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    last_seq = serializers.IntegerField()


class OrderOutput(OrderSummary):
    builds = BuildOutput(many=True)
    environments = OrderPlaceOutput(many=True)


class SaidData(serializers.JSONField):
    """JSON data with its sentences in the caller's language."""

    def to_representation(self, value: Any) -> Any:
        """The sentences are said when the answer is written."""
        return revived(super().to_representation(value))


class EventOutput(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    kind = serializers.CharField()
    actor = serializers.CharField(source="actor.username", default=None, allow_null=True)
    data = SaidData()  # type: ignore[assignment]  # shadows the serializer's own
    at = serializers.DateTimeField()


class LogOutput(serializers.Serializer[Any]):
    offset = serializers.IntegerField()
    next_offset = serializers.IntegerField()
    text = serializers.CharField()
    is_complete = serializers.BooleanField()


class CommentOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    author = serializers.CharField(source="author.username")
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class RuntimeOutput(serializers.Serializer[Any]):
    environment = serializers.CharField(source="space.environment.slug")
    serving = serializers.CharField(source="good.order.number", default=None, allow_null=True)
    digest = serializers.CharField(source="good.snapshot.digest", default=None, allow_null=True)
    active = serializers.IntegerField(source="active_id", allow_null=True)
    ready = serializers.IntegerField()
    wanted = serializers.IntegerField()
    overlay = serializers.JSONField(source="good.overlay", default=None, allow_null=True)
    allocated = serializers.IntegerField(source="good.snapshot.allocation.replicas", default=None, allow_null=True)
    pods = serializers.JSONField()
    drift = serializers.JSONField()
    settled_at = serializers.DateTimeField(allow_null=True)
    unsettled_reason = serializers.CharField()
    seen_at = serializers.DateTimeField(allow_null=True)


def present(shape: type[serializers.Serializer[Any]], row: Any) -> dict[str, Any]:
    """One row in the shape."""
    return dict(shape(row).data)
