"""Orders, their builds, reviews, decisions and deployments."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from foundation.api.serializers import Input, text
from foundation.messages import from_json_data
from releases.api.serializers.turns import TurnOutput
from releases.choices import ApprovalState, DeploymentKind, OrderSource, TestVerdict
from releases.presenters.standings import order_states, show_states
from releases.presenters.states import attempt_state
from releases.services.roll_back_reviews import LONGEST_REASON


# ---------------------------------------------------------------- in
class OrderInput(Input):
    component = serializers.CharField(max_length=130, help_text="project/component, e.g. sis-omm/proxy-gw")
    branch = text(
        200, default="", help_text="its tip is released; beside a Git tag or a commit: the branch that it must lie on"
    )
    git_tag = text(200, default="", help_text="released instead of a branch's tip")
    commit = text(
        40, default="", help_text="7 to 40 hex digits, released instead; beside a Git tag: what it must point to"
    )
    description = text(4000, default="")
    change_ticket = text(80, default="")
    changes_database = serializers.BooleanField(required=False, default=False)
    repeat_of = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=20,
        default="",
        help_text="number of the order that this one repeats",
    )


class BuildInput(Input):
    commit = serializers.RegexField(
        r"^[0-9a-fA-F]{40}$", required=False, allow_blank=True, default="", help_text="the tip that you saw"
    )


class PromotionInput(Input):
    environment = serializers.CharField(max_length=20)
    test_verdict = serializers.ChoiceField(choices=TestVerdict.choices, required=False, allow_blank=True, default="")
    note = text(2000, default="")
    report_url = text(500, default="")


class ReasonInput(Input):
    reason = text(500, default="")


class CommentInput(Input):
    text = serializers.CharField(max_length=4000)


class PlaceInput(Input):
    environment = serializers.CharField(max_length=20)


class DecisionInput(Input):
    environment = serializers.CharField(max_length=20)
    snapshot = serializers.RegexField(r"^[0-9a-f]{12,64}$", help_text="hash of the snapshot, at least 12 digits")
    decision = serializers.ChoiceField(choices=["approve", "reject"])
    comment = text(2000, default="")


class TakeOverInput(Input):
    reason = text(500, default="", help_text="why; the approvers read it")


class Ticks(serializers.ListField):
    """``Kind/name`` of what goes with a deployment, as far as a person must have said so."""

    def __init__(self) -> None:
        named = "Kind/name of each workload, and of each Service reached from outside, that it removes"
        super().__init__(child=serializers.CharField(max_length=300), required=False, default=list, help_text=named)


class DeploymentInput(Input):
    environment = serializers.CharField(max_length=20)
    snapshot = serializers.RegexField(r"^[0-9a-f]{12,64}$", required=False, allow_blank=True, default="")
    live_fingerprint = text(64, default="")
    removals = Ticks()
    supersede = serializers.BooleanField(default=False, help_text="instead of those that wait there")


class RollBackInput(Input):
    deployment = serializers.IntegerField(min_value=1, help_text="id of a deployment that succeeded there")
    removals = Ticks()


class RollBackReviewInput(Input):
    deployment = serializers.IntegerField(min_value=1, help_text="id of a deployment that succeeded there")
    reason = serializers.CharField(max_length=LONGEST_REASON, help_text="why: who approves reads it")


class RemovalInput(Input):
    snapshot = serializers.RegexField(r"^[0-9a-f]{12,64}$", help_text="hash of the removal's review")


class ScaleInput(Input):
    replicas = serializers.IntegerField(min_value=0, max_value=200)


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
    queue_why = serializers.CharField(help_text="what it waits for, in Jenkins' words: the queue, or an agent")
    queue_since = serializers.DateTimeField(allow_null=True)
    result = serializers.CharField()
    stages = StageOutput(many=True)
    log_size = serializers.IntegerField()
    log_lines = serializers.IntegerField()
    log_is_complete = serializers.BooleanField()
    digest = serializers.CharField()

    def get_trigger_id(self, build: Any) -> str | None:
        """Until a run has claimed it, anybody who knows the trigger id could claim in its place."""
        return str(build.trigger_id) if build.build_number is not None or build.is_terminal else None


class ReviewOutput(RunOutput):
    environment = serializers.CharField(source="space.environment.slug")
    snapshot = serializers.CharField(source="snapshot.hash", default=None, allow_null=True)
    live_fingerprint = serializers.CharField()
    seen_at = serializers.DateTimeField(allow_null=True)
    findings = serializers.JSONField()
    take_over = serializers.JSONField(help_text="fields of others that its snapshot sets anew, with the reason")


class PrunedObject(serializers.Serializer[Any]):
    kind = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["wanted", "leaving", "removed", "kept"])
    message = serializers.CharField()


class PruneOutput(RunOutput):
    """What was removed after a deployment's success."""

    objects = PrunedObject(many=True, source="found")


class DeploymentOutput(RunOutput):
    order = serializers.CharField(source="order.number")
    environment = serializers.CharField(source="space.environment.slug")
    kind = serializers.ChoiceField(choices=DeploymentKind.choices)
    snapshot = serializers.CharField(source="snapshot.hash", default=None, allow_null=True)
    digest = serializers.CharField(source="snapshot.digest", default=None, allow_null=True)
    state_word = serializers.SerializerMethodField()
    deployed_by = serializers.CharField(source="deployed_by.username")
    is_automatic = serializers.BooleanField()
    break_glass = serializers.IntegerField(source="break_glass_id", default=None, allow_null=True)
    policy = serializers.JSONField(help_text="the rules by which its gates were asked last")
    overlay = serializers.JSONField()
    removals = serializers.ListField(child=serializers.CharField())
    prune = PruneOutput(default=None, allow_null=True)
    progress = serializers.JSONField()
    diagnosis = serializers.JSONField()
    entry = serializers.JSONField(help_text="the entry check: state, where, since, the last answer; empty without one")
    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="what the cluster warned of as it accepted the objects"
    )

    def get_state_word(self, deployment: Any) -> str:
        return str(attempt_state(deployment).word)


class QuotaNeedOutput(serializers.Serializer[Any]):
    """One line of a quota, in millicores, bytes or a count."""

    quota = serializers.CharField()
    resource = serializers.CharField()
    hard = serializers.IntegerField()
    used = serializers.IntegerField()
    needed = serializers.IntegerField()
    short_by = serializers.IntegerField()


class NodeCapacityOutput(serializers.Serializer[Any]):
    """``fits`` is null where the capacity of the nodes is not known; ``message`` says why, or what is short."""

    fits = serializers.BooleanField(allow_null=True)
    message = serializers.CharField()
    seen_at = serializers.DateTimeField(allow_null=True)


class PromotionOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    environment = serializers.CharField(source="space.environment.slug")
    state = serializers.CharField()
    promoted_by = serializers.CharField(source="promoted_by.username")
    test_verdict = serializers.CharField()
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
    is_after_reset = serializers.BooleanField(
        help_text="given less than 24 hours after an administrator set the password of who gave it"
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class GateOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    is_open = serializers.BooleanField()
    message = serializers.CharField()
    who = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True, help_text="since when it is so; null where no row tells it")


class AskedRollBackOutput(serializers.Serializer[Any]):
    """A roll back to something older, for which somebody asked approval."""

    review = serializers.IntegerField(source="review.pk", help_text="of the snapshot: what it found is at its address")
    order = serializers.CharField(source="order.number", help_text="what is gone back to")
    snapshot = serializers.CharField(source="review.wanted_snapshot.hash")
    state = serializers.ChoiceField(choices=["running", "blocked", "succeeded", "failed", "errored", "cancelled"])
    state_word = serializers.CharField(source="word")
    asked_by = serializers.CharField(source="by.username", default=None, allow_null=True)
    reason = serializers.CharField(source="review.asked_why")
    created_at = serializers.DateTimeField(source="at")


class OrderPlaceOutput(serializers.Serializer[Any]):
    """Where the order stands in one environment."""

    environment = serializers.CharField()
    state = serializers.CharField(source="standing.state", help_text="of the order there, as its pages show it")
    state_word = serializers.CharField(source="standing.word")
    promotion = PromotionOutput(allow_null=True)
    promotion_gates = GateOutput(many=True)
    deployment_gates = GateOutput(many=True)
    review = ReviewOutput(allow_null=True)
    approvals = ApprovalOutput(many=True)
    roll_back = AskedRollBackOutput(allow_null=True, help_text="to the order, which waits for approval")
    deployment = DeploymentOutput(allow_null=True)
    turn = TurnOutput(allow_null=True, help_text="the order's deployment that waits there")
    settled_at = serializers.DateTimeField(allow_null=True)
    unsettled_reason = serializers.CharField()
    unknown_since = serializers.DateTimeField(allow_null=True)


class ListOfOrders(serializers.ListSerializer[Any]):
    """Reads at once how all orders of a page stand."""

    def to_representation(self, data: Any) -> list[Any]:
        return super().to_representation(show_states(data))


class OrderSummary(serializers.Serializer[Any]):
    class Meta:
        list_serializer_class = ListOfOrders

    number = serializers.CharField()
    component = serializers.CharField(source="component.slug")
    component_name = serializers.CharField(source="component.name")
    project = serializers.CharField(source="project.slug")
    branch = serializers.CharField(help_text="on which the commit lies")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # shadows the serializer's own
        choices=OrderSource.choices, help_text="what the order was made from"
    )
    git_tag = serializers.CharField(help_text="of source git_tag")
    commit = serializers.CharField(help_text="empty until a branch's order is built first")
    author = serializers.CharField(source="author.username")
    state = serializers.CharField()
    state_word = serializers.SerializerMethodField(help_text="what the pages say: the furthest place, or what goes on")
    closed_reason = serializers.CharField()
    description = serializers.CharField()
    change_ticket = serializers.CharField()
    changes_database = serializers.BooleanField()
    image = serializers.CharField()
    image_digest = serializers.CharField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    last_seq = serializers.IntegerField()

    def get_state_word(self, order: Any) -> str:
        """Of one order alone, unless it was read for a page of them."""
        shown = order.__dict__.get("shown") or order_states([order])[order.pk]
        return str(shown.word)


class OrderOutput(OrderSummary):
    builds = BuildOutput(many=True)
    environments = OrderPlaceOutput(many=True)


class MessageData(serializers.JSONField):
    """JSON data with its messages in the caller's language."""

    def to_representation(self, value: Any) -> Any:
        """Messages are translated when the answer is written."""
        return from_json_data(super().to_representation(value))


class EventOutput(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    kind = serializers.CharField()
    actor = serializers.CharField(source="actor.username", default=None, allow_null=True)
    data = MessageData()  # type: ignore[assignment]  # shadows the serializer's own
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
