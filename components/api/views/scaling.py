"""Scaling rules of a component."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components import selectors, services
from components.api.serializers import components as shapes
from components.api.views.components import find, find_environment
from components.services.scaling_rules import NUMBERS
from foundation.api.pagination import page_of
from foundation.api.views import ApiView


class ScalingRules(ApiView):
    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_scaling_rules_list", responses=page_of("ScalingRulePage", shapes.ScalingRuleOutput)
    )
    def get(self, request: Request, project: str, slug: str) -> Response:
        """The newest of each environment, also where it was taken away."""
        return self.whole(shapes.ScalingRuleOutput, selectors.current_rules(find(request, project, slug)).values())


class OneScalingRule(ApiView):
    """Between how many replicas an autoscaler moves in an environment, and by what."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_scaling_rule_save", request=shapes.ScalingRuleInput, responses=shapes.ScalingRuleOutput
    )
    def put(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """A new version, or none where nothing changed; it counts from the next review on."""
        given = self.given(shapes.ScalingRuleInput)
        saved = services.save_scaling_rule(
            actor=actor_of(request),
            component=find(request, project, slug),
            environment=find_environment(environment),
            is_on=given["is_on"],
            numbers={name: str(given[name]) for name in NUMBERS if name in given},
            seen_number=given.get("seen_number"),
            note=given["note"],
        )
        return self.shown(shapes.SavedRuleOutput, saved)
