"""启动顺序: the wave of each component of a project."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components.services.start_order import MOST_WAVES, components_in_order, save_start_order
from environments.selectors.people import find_project
from foundation.api.pagination import page_of
from foundation.api.serializers import Input
from foundation.api.views import ApiView


class StartWaveInput(Input):
    component = serializers.CharField(max_length=63, help_text="its short name")
    wave = serializers.IntegerField(min_value=1, max_value=MOST_WAVES)


class StartOrderInput(Input):
    waves = StartWaveInput(many=True, help_text="those left out stay where they are")


class StartWaveOutput(serializers.Serializer[Any]):
    component = serializers.CharField(source="slug")
    wave = serializers.IntegerField(source="start_wave")


PAGE = page_of("StartOrderPage", StartWaveOutput)


class StartOrder(ApiView):
    """In which wave each component starts where the whole project is brought up at once."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="start_order_list", responses=PAGE)
    def get(self, request: Request, slug: str) -> Response:
        """The first wave first."""
        return self.whole(StartWaveOutput, components_in_order(find_project(actor_of(request), slug)))

    @extend_schema(
        operation_id="start_order_save",
        request=StartOrderInput,
        responses=PAGE,
    )
    def put(self, request: Request, slug: str) -> Response:
        """The waves of some components, or of all."""
        waves = {one["component"].lower(): one["wave"] for one in self.given(StartOrderInput)["waves"]}
        user = actor_of(request)
        rows = save_start_order(actor=user, project=find_project(user, slug), waves=waves)
        return self.whole(StartWaveOutput, rows)
