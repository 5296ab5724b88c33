"""灾备就绪 over the API: what a switch to a twin would need, and having it checked."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from desk.twins import pair_in
from environments.access import Rights
from environments.selectors.places import find_space
from foundation.api.views import ApiView
from releases.readiness import CODES, MISSING, WORDS, readiness_of, shown
from releases.services.readiness import ask_for_readiness

ONE_OF = "one of " + ", ".join(CODES)
STATES = "one of " + ", ".join(WORDS)


class ReadyCountOutput(serializers.Serializer[Any]):
    """One thing over all components."""

    name = serializers.CharField(source="code", help_text=ONE_OF)
    ready = serializers.IntegerField(help_text="components that have it")
    missing = serializers.IntegerField()
    total = serializers.IntegerField()


class LackOutput(serializers.Serializer[Any]):
    component = serializers.CharField()
    name = serializers.CharField(source="code", help_text=ONE_OF)
    is_known = serializers.SerializerMethodField(help_text="false: no healthy answer told it")
    message = serializers.CharField()
    help = serializers.CharField(allow_blank=True, source="what_to_do")

    def get_is_known(self, one: Any) -> bool:
        """An unknown thing may be there."""
        return bool(one.state == MISSING)


class ReadinessOutput(serializers.Serializer[Any]):
    state = serializers.CharField(help_text=STATES)
    components = serializers.IntegerField(source="total", help_text="that serve in the sibling")
    waves = serializers.IntegerField(help_text="in which they would be started")
    checks = ReadyCountOutput(many=True, source="counts")
    lacks = LackOutput(many=True, help_text="what is missing first")
    checked_at = serializers.DateTimeField(allow_null=True)
    is_asked = serializers.BooleanField(help_text="somebody asked, and the answer is not there yet")


class SpaceReadiness(ApiView):
    """Of the space of an environment that stands in for another one."""

    scope = Scope.DEPLOY
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="readiness_retrieve", responses=ReadinessOutput)
    def get(self, request: Request, slug: str, environment: str) -> Response:
        """What the last check found."""
        pair = pair_in(Rights(actor_of(request)), slug, environment.lower())
        assert pair.right is not None
        return self.shown(ReadinessOutput, readiness_of([pair.right.pk])[pair.right.pk])

    @extend_schema(operation_id="readiness_ask", request=None, responses={202: ReadinessOutput})
    def post(self, request: Request, slug: str, environment: str) -> Response:
        """Have it checked now; what the answer shows is the check before."""
        user = actor_of(request)
        row = ask_for_readiness(actor=user, space=find_space(user, slug, environment))
        return self.shown(ReadinessOutput, shown(row), 202)
