"""What runs of a component in an environment."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from releases.api.serializers.turns import TurnOutput
from releases.models import Placement
from releases.presenters.autoscaler import autoscaler_of
from releases.presenters.states import place_state, pod_state


class AutoscalerCondition(serializers.Serializer[Any]):
    """One condition of the HorizontalPodAutoscaler, with the controller's own words."""

    type = serializers.CharField()
    is_true = serializers.BooleanField()
    reason = serializers.CharField()
    text = serializers.CharField()
    since = serializers.CharField()


class AutoscalerOutput(serializers.Serializer[Any]):
    """What the autoscaler of the snapshot shows; ``decision`` says what it does and why."""

    minimum = serializers.IntegerField()
    maximum = serializers.IntegerField()
    current = serializers.IntegerField()
    wanted = serializers.IntegerField()
    cpu_percent = serializers.IntegerField(allow_null=True, help_text="null while nobody knows")
    target_percent = serializers.IntegerField(allow_null=True)
    decision = serializers.CharField()
    state = serializers.ChoiceField(choices=["fits", "limited", "waits", "unknown", "failed"])
    scaled_at = serializers.DateTimeField(allow_null=True)
    conditions = AutoscalerCondition(many=True)
    seen_at = serializers.DateTimeField()


class RuntimeOutput(serializers.Serializer[Any]):
    environment = serializers.CharField(source="space.environment.slug")
    serving = serializers.CharField(source="last_succeeded.order.number", default=None, allow_null=True)
    digest = serializers.CharField(source="last_succeeded.snapshot.digest", default=None, allow_null=True)
    state = serializers.SerializerMethodField(help_text="of what runs there, as its pages show it")
    state_word = serializers.SerializerMethodField()
    active = serializers.IntegerField(source="in_progress_id", allow_null=True)
    turns = TurnOutput(many=True, source="line", help_text="who waits there, first come first")
    ready = serializers.IntegerField()
    wanted = serializers.IntegerField()
    overlay = serializers.JSONField(source="last_succeeded.overlay", default=None, allow_null=True)
    allocated = serializers.IntegerField(
        source="last_succeeded.snapshot.allocation.replicas", default=None, allow_null=True
    )
    autoscaler = serializers.SerializerMethodField()
    pods = serializers.SerializerMethodField()
    drift = serializers.JSONField()
    settled_at = serializers.DateTimeField(allow_null=True)
    unsettled_reason = serializers.CharField()
    unknown_since = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)

    def get_state(self, place: Placement) -> str:
        return place_state(place).state

    def get_state_word(self, place: Placement) -> str:
        return str(place_state(place).word)

    @extend_schema_field(serializers.JSONField())
    def get_pods(self, place: Placement) -> list[dict[str, Any]]:
        """As they were seen last; ``state_word`` is what the pages say of each."""
        return [{**pod, "state_word": str(pod_state(pod).word)} for pod in place.pods]

    @extend_schema_field(AutoscalerOutput(allow_null=True))
    def get_autoscaler(self, place: Placement) -> Any:
        """None where the snapshot has none, or nobody has seen it yet."""
        seen = autoscaler_of(place)
        return None if seen is None or seen.is_missing else AutoscalerOutput(seen).data
