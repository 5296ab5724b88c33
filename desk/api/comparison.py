"""Two environments of a project side by side, and promoting what lies behind, over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from desk.comparison import KINDS, Wanted, chosen_pair, compare, compare_one
from desk.comparison.differing import SAME
from environments.access import Rights
from environments.selectors.places import find_space
from foundation.api.serializers import Input, text
from foundation.api.views import ApiView
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.choices import TestVerdict
from releases.services.promote_many import MOST, Outcome, promote_many

PARAMETERS = [
    OpenApiParameter("left", OpenApiTypes.STR, description="short name of an environment; else the one before `right`"),
    OpenApiParameter("right", OpenApiTypes.STR, description="short name of an environment; else production"),
    OpenApiParameter("differs", OpenApiTypes.STR, enum=[*KINDS, SAME], description="only these; `none`: what is alike"),
    OpenApiParameter("component", OpenApiTypes.STR, description="short name: this one alone, with what differs in it"),
    OpenApiParameter("start", OpenApiTypes.STR, description="the `next` of the page before"),
]


class ComparedPlaceOutput(serializers.Serializer[Any]):
    """What serves in one of the two; nulls where nothing does."""

    order = serializers.CharField(source="serves.order.number", allow_null=True, default=None)
    image_digest = serializers.CharField(source="serves.order.image_digest", allow_null=True, default=None)
    commit = serializers.CharField(source="serves.order.commit", allow_null=True, default=None)
    deployed_at = serializers.DateTimeField(source="serves.finished_at", allow_null=True, default=None)
    ready = serializers.IntegerField(source="place.ready", allow_null=True, default=None)
    wanted = serializers.IntegerField(source="place.wanted", allow_null=True, default=None)
    unknown_since = serializers.DateTimeField(allow_null=True, help_text="since when nobody knows what runs there")


class ComparedValueOutput(serializers.Serializer[Any]):
    """One value that differs; a secret is only named."""

    name = serializers.CharField()
    left = serializers.CharField(allow_blank=True)
    right = serializers.CharField(allow_blank=True)
    is_hidden = serializers.BooleanField()


class ComparedTemplateOutput(serializers.Serializer[Any]):
    left = serializers.CharField(source="left.template.name")
    left_version = serializers.IntegerField(source="left.number")
    right = serializers.CharField(source="right.template.name")
    right_version = serializers.IntegerField(source="right.number")


class ComparedDetailsOutput(serializers.Serializer[Any]):
    configuration = ComparedValueOutput(many=True)
    allocation = ComparedValueOutput(many=True, source="amounts")
    templates = ComparedTemplateOutput(many=True)


class OnwardOutput(serializers.Serializer[Any]):
    """May what serves on the left go to the right?"""

    state = serializers.ChoiceField(choices=["ready", "promoted", "blocked", "ask", "none"])
    state_word = serializers.CharField(source="word")
    reason = serializers.CharField(source="why", allow_blank=True)
    order = serializers.CharField(source="order.number", allow_null=True, default=None)


class ComparedOutput(serializers.Serializer[Any]):
    """One component."""

    component = serializers.CharField(source="component.slug")
    differs = serializers.ListField(child=serializers.CharField(), source="kinds")
    left = ComparedPlaceOutput()
    right = ComparedPlaceOutput()
    orders_between = serializers.IntegerField(source="distance", help_text="that one has served since the other's")
    is_behind = serializers.BooleanField(help_text="the right-hand place lacks the left one's order")
    promotion = OnwardOutput(source="onward")
    details = ComparedDetailsOutput(allow_null=True, help_text="where one component was asked for")


class ComparisonOutput(serializers.Serializer[Any]):
    left = serializers.CharField(source="pair.left.environment.slug")
    right = serializers.CharField(source="pair.right.environment.slug")
    total = serializers.IntegerField(help_text="components of the project; 1 for a single one")
    differ = serializers.IntegerField(help_text="how many differ; null for a single one", allow_null=True)
    components = ComparedOutput(many=True)
    next_start = serializers.CharField(allow_null=True, help_text="the `start` of what follows; null at the end")


class Comparison(ApiView):
    """Any two environments of a project."""

    @extend_schema(operation_id="project_comparison", parameters=PARAMETERS, responses=ComparisonOutput)
    def get(self, request: Request, slug: str) -> Response:
        """What serves in both, component by component: what lies behind first, then what else differs."""
        given = request.query_params
        found = {"project": slug, "from": given.get("left", ""), "to": given.get("right", ""),
                 "differs": given.get("differs", ""), "start": given.get("start", "")}  # fmt: skip
        wanted = Wanted.read({**found, "open": given.get("component", "")})
        rights = Rights(actor_of(request))
        pair = chosen_pair(rights, wanted)
        if not pair.is_whole:
            raise Invalid({"right": [_("Choose two different environments of the project.")]})
        if wanted.opened:
            line = compare_one(rights, pair, wanted, wanted.opened)
            answer = {"pair": pair, "total": 1, "differ": None, "components": [line], "next_start": None}
        else:
            page = compare(rights, pair, wanted)
            answer = {"pair": pair, "total": page.counts.total, "differ": page.counts.differ,
                      "components": page.lines, "next_start": page.more or None}  # fmt: skip
        return self.shown(ComparisonOutput, answer)


class SpacePromotionsInput(Input):
    """Orders of one project, each of another component."""

    orders = serializers.ListField(child=serializers.CharField(max_length=20), max_length=MOST, help_text="numbers")
    test_verdict = serializers.ChoiceField(choices=TestVerdict.choices, required=False, allow_blank=True, default="")
    note = text(2000, default="")


class PromotedOutput(serializers.Serializer[Any]):
    """What came of one order."""

    order = serializers.CharField(source="number")
    is_promoted = serializers.BooleanField()
    promotion = serializers.IntegerField(source="promotion.pk", allow_null=True, default=None)
    code = serializers.CharField(source="error.code", allow_null=True, default=None)
    reason = serializers.CharField(source="error.message", allow_null=True, default=None)
    who_can_help = serializers.CharField(source="error.who_can_help", allow_null=True, default=None)


class SpacePromotionsOutput(serializers.Serializer[Any]):
    items = PromotedOutput(many=True)


class SpacePromotions(ApiView):
    """环境流转 of several orders at once."""

    scope = Scope.PROMOTE

    @extend_schema(
        operation_id="space_promotions_create", request=SpacePromotionsInput, responses=SpacePromotionsOutput
    )
    def post(self, request: Request, slug: str, environment: str) -> Response:
        """Promote each of the orders through its own gates; the answer says for each what came of it."""
        given = self.given(SpacePromotionsInput)
        user = actor_of(request)
        space = find_space(user, slug, environment)
        found: list[Outcome] = promote_many(actor=user, space=space, numbers=given.pop("orders"), **given)
        return self.shown(SpacePromotionsOutput, {"items": found})
