"""What the caller is told, by which way, and of which orders not."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.pagination import KEYSET, page_of
from foundation.api.serializers import Input
from foundation.api.views import ApiView
from notifications.choices import NoticeKind, Way
from notifications.models import Mute, Preferences
from notifications.selectors.preferences import own_mutes, own_watches, preferences_of
from notifications.services import preferences as services
from releases.models import Watch
from releases.selectors import order_by_number

WAYS_HELP = f"by kind ({', '.join(NoticeKind.values)}) the ways ({', '.join(Way.values)}) by which it is told"


@extend_schema_field({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "example": "07:00"})
class TimeOfDayField(serializers.TimeField):
    """Hours and minutes; OpenAPI's own ``time`` has seconds and a zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M"], **kwargs)


class PreferencesOutput(serializers.ModelSerializer[Preferences]):
    ways = serializers.SerializerMethodField(help_text=WAYS_HELP)
    night_from = TimeOfDayField(help_text="in the person's time zone")
    night_until = TimeOfDayField(help_text="in the person's time zone")

    class Meta:
        model = Preferences
        fields = ["ways", "has_digest", "night_from", "night_until"]

    def get_ways(self, row: Preferences) -> dict[str, list[str]]:
        return {kind: row.ways_of(kind) for kind in NoticeKind.values}


class PreferencesInput(Input):
    """What is left out stays as it is."""

    ways = serializers.DictField(
        child=serializers.ListField(child=serializers.ChoiceField(choices=Way.choices), max_length=len(Way)),
        required=False,
        help_text=f"{WAYS_HELP}; kinds that are left out stay as they are",
    )
    has_digest = serializers.BooleanField(required=False, help_text="one mail in the morning for all of the night")
    night_from = TimeOfDayField(required=False)
    night_until = TimeOfDayField(required=False)


class OwnPreferences(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="notification_preferences_retrieve", responses=PreferencesOutput)
    def get(self, request: Request) -> Response:
        """What you are told, by which way, and when your night is."""
        return self.shown(PreferencesOutput, preferences_of(actor_of(request)))

    @extend_schema(
        operation_id="notification_preferences_update", request=PreferencesInput, responses=PreferencesOutput
    )
    def patch(self, request: Request) -> Response:
        """Another choice; any way besides the list brings the list with it."""
        row = services.save_preferences(actor=actor_of(request), **self.given(PreferencesInput))
        return self.shown(PreferencesOutput, row)


class MuteOutput(serializers.ModelSerializer[Mute]):
    order = serializers.CharField(source="order.number")
    project = serializers.CharField(source="order.project.slug")

    class Meta:
        model = Mute
        fields = ["id", "order", "project", "muted_at"]


class Mutes(ApiView):
    @extend_schema(operation_id="mutes_list", parameters=KEYSET, responses=page_of("MutePage", MuteOutput))
    def get(self, request: Request) -> Response:
        """The orders that you are told nothing of."""
        return self.page(MuteOutput, own_mutes(actor_of(request)))


class OrderMute(ApiView):
    """Of one order, for the caller alone."""

    scope = Scope.ADMIN
    without_body = frozenset({"POST", "DELETE"})

    @extend_schema(operation_id="mutes_create", request=None, responses={204: None})
    def post(self, request: Request, number: str) -> Response:
        """From now on you are told nothing of it."""
        services.mute(actor=actor_of(request), order=order_by_number(actor_of(request), number))
        return Response(status=204)

    @extend_schema(operation_id="mutes_destroy", request=None, responses={204: None})
    def delete(self, request: Request, number: str) -> Response:
        """What happens from now on is told again."""
        services.unmute(actor=actor_of(request), number=number)
        return Response(status=204)


class WatchOutput(serializers.ModelSerializer[Watch]):
    order = serializers.CharField(source="order.number")
    project = serializers.CharField(source="order.project.slug")

    class Meta:
        model = Watch
        fields = ["id", "order", "project", "watched_at"]


class Watches(ApiView):
    @extend_schema(operation_id="watches_list", parameters=KEYSET, responses=page_of("WatchPage", WatchOutput))
    def get(self, request: Request) -> Response:
        """The orders that you watch."""
        return self.page(WatchOutput, own_watches(actor_of(request)))


class OrderWatch(ApiView):
    """Of one order, for the caller alone."""

    scope = Scope.ADMIN
    without_body = frozenset({"POST", "DELETE"})

    @extend_schema(operation_id="watches_create", request=None, responses={204: None})
    def post(self, request: Request, number: str) -> Response:
        """From now on you are told of it as its author is; it is muted no more."""
        services.watch(actor=actor_of(request), order=order_by_number(actor_of(request), number))
        return Response(status=204)

    @extend_schema(operation_id="watches_destroy", request=None, responses={204: None})
    def delete(self, request: Request, number: str) -> Response:
        """You are told of it as anybody is."""
        services.unwatch(actor=actor_of(request), number=number)
        return Response(status=204)
