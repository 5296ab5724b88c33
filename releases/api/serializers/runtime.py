"""What runs of a component in an environment."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from releases.api.serializers.orders import AskedRollBackOutput, GateOutput, NodeCapacityOutput, QuotaNeedOutput
from releases.api.serializers.turns import TurnOutput
from releases.models import Deployment, Placement
from releases.presenters.autoscaler import autoscaler_of
from releases.presenters.roll_back_asks import asked_to
from releases.presenters.states import place_state, pod_state
from releases.scaling import ScalePreview
from releases.services.ticks import roll_back_ticks


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
    """Gates are of the reader's own acts, the right first. ``context`` has ``acts``."""

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
    replica_sets = serializers.JSONField(help_text="those that have pods or are to have some, the new one first")
    drift = serializers.JSONField()
    settled_at = serializers.DateTimeField(allow_null=True)
    unsettled_reason = serializers.CharField()
    unknown_since = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    restart_gates = serializers.SerializerMethodField()
    scale_gates = serializers.SerializerMethodField(
        help_text="of scaling to as many as there are; another: its preview"
    )
    roll_back_deployment = serializers.SerializerMethodField(
        help_text="id of the newest earlier success: what roll_back_gates are of; of another: its preview"
    )
    roll_back_gates = serializers.SerializerMethodField()
    removal_gates = serializers.SerializerMethodField()

    @extend_schema_field(GateOutput(many=True))
    def get_restart_gates(self, place: Placement) -> Any:
        return self._gates("restart")

    @extend_schema_field(GateOutput(many=True))
    def get_scale_gates(self, place: Placement) -> Any:
        return self._gates("scale")

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_roll_back_deployment(self, place: Placement) -> int | None:
        target = self.context["acts"].target
        return target.pk if target else None

    @extend_schema_field(GateOutput(many=True))
    def get_roll_back_gates(self, place: Placement) -> Any:
        return self._gates("roll_back")

    @extend_schema_field(GateOutput(many=True))
    def get_removal_gates(self, place: Placement) -> Any:
        return self._gates("remove")

    def _gates(self, act: str) -> Any:
        return GateOutput(getattr(self.context["acts"], act).gates, many=True).data

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


class RollBackPreviewOutput(serializers.Serializer[Any]):
    """What would be applied again, and whether it may be now."""

    deployment = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    snapshot = serializers.CharField(source="snapshot.hash", default=None, allow_null=True)
    removals = serializers.SerializerMethodField(help_text="what goes with it and must be named: Kind/name")
    review = serializers.SerializerMethodField(help_text="that asks for its approval; null where nobody asked")
    gates = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_removals(self, to: Deployment) -> list[str]:
        return roll_back_ticks(self.context["place"], to.snapshot) if to.snapshot else []

    @extend_schema_field(AskedRollBackOutput(allow_null=True))
    def get_review(self, to: Deployment) -> Any:
        asked = asked_to(to, self.context["place"].space)
        return AskedRollBackOutput(asked).data if asked else None

    @extend_schema_field(GateOutput(many=True))
    def get_gates(self, to: Deployment) -> Any:
        return GateOutput(self.context["act"].gates, many=True).data


class ScalePreviewOutput(serializers.Serializer[Any]):
    """``fits`` is null where nobody has read the quota yet; ``messages`` say what is short or out of bounds.

    ``nodes`` warns and decides nothing; null where no pod is added.
    """

    replicas = serializers.IntegerField()
    fits = serializers.BooleanField(allow_null=True)
    messages = serializers.ListField(child=serializers.CharField())
    quota = QuotaNeedOutput(many=True, source="effects")
    seen_at = serializers.DateTimeField(allow_null=True)
    nodes = NodeCapacityOutput(allow_null=True, source="capacity")
    minimum = serializers.IntegerField(source="bounds.least", default=None, allow_null=True)
    maximum = serializers.IntegerField(source="bounds.most", default=None, allow_null=True)
    needs_approval = serializers.BooleanField(help_text="outside minimum and maximum: ask for it first")
    gates = serializers.SerializerMethodField(help_text="of scaling to it now, the reader's right first")

    @extend_schema_field(GateOutput(many=True))
    def get_gates(self, preview: ScalePreview) -> Any:
        return GateOutput(self.context["gates"], many=True).data
