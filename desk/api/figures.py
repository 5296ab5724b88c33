"""The figures over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from desk.figures import PERIODS, Wanted, figures
from environments.access import Rights
from foundation.api.views import ApiView

PARAMETERS = [
    OpenApiParameter("period", OpenApiTypes.STR, enum=list(PERIODS), description="whole weeks up to today; else 12w"),
    OpenApiParameter("project", OpenApiTypes.STR, description="short name; without it, all that you see"),
    OpenApiParameter("environment", OpenApiTypes.STR, description="short name, of deployments"),
    OpenApiParameter("component", OpenApiTypes.STR, description="such as sis-omm/sis-omm-proxy-gw"),
]


class SpreadOutput(serializers.Serializer[Any]):
    """Seconds."""

    median = serializers.IntegerField(allow_null=True)
    nine_of_ten = serializers.IntegerField(source="ninth", allow_null=True, help_text="nine of ten take no longer")


class PeriodFiguresOutput(serializers.Serializer[Any]):
    """One whole period."""

    images_published = serializers.IntegerField(source="images", help_text="builds that ended with a digest")
    deployments = serializers.IntegerField(help_text="deployments and roll backs that reached a verdict")
    production_changes = serializers.IntegerField(source="changes", help_text="deployments to production of these")
    production_changes_failed = serializers.IntegerField(source="failed", help_text="failed, or undone within 24 hours")
    change_failure_rate = serializers.FloatField(source="failure_rate", allow_null=True, help_text="per cent")
    lead_time = SpreadOutput(
        source="lead", help_text="from the creation of the order to its first success in production"
    )
    build_time = SpreadOutput(source="builds", help_text="of builds that ended with a digest")


class WeekFiguresOutput(serializers.Serializer[Any]):
    """One week."""

    start = serializers.DateTimeField()
    images_published = serializers.IntegerField(source="images")
    deployments = serializers.SerializerMethodField()
    production_changes = serializers.IntegerField(source="changes")
    production_changes_failed = serializers.IntegerField(source="failed")
    lead_time = SpreadOutput(source="lead")

    def get_deployments(self, row: Any) -> dict[str, int]:
        """By the environment's short name."""
        return {one.slug: row.deployments.get(one.pk, 0) for one in self.context["environments"]}


class ProjectFiguresOutput(serializers.Serializer[Any]):
    """What one project published in this period."""

    project = serializers.CharField()
    images_published = serializers.IntegerField(source="images")


class ComponentFiguresOutput(serializers.Serializer[Any]):
    """Builds of one component that ended by themselves."""

    project = serializers.CharField()
    component = serializers.CharField()
    builds = serializers.IntegerField(source="ended")
    images_published = serializers.IntegerField(source="images")
    success = serializers.IntegerField(help_text="per cent that ended with a digest")
    build_time = SpreadOutput(source="spread")


class FiguresOutput(serializers.Serializer[Any]):
    """What the page of figures draws."""

    period = serializers.ChoiceField(choices=list(PERIODS), source="wanted.period")
    now = PeriodFiguresOutput()
    before = PeriodFiguresOutput(help_text="the same of the period before")
    weeks = WeekFiguresOutput(many=True, source="by_week")
    projects = ProjectFiguresOutput(many=True)
    components = ComponentFiguresOutput(many=True, source="builds")


class ShownFigures(ApiView):
    """How it goes over weeks."""

    @extend_schema(operation_id="figures_retrieve", parameters=PARAMETERS, responses=FiguresOutput)
    def get(self, request: Request) -> Response:
        """Images published, deployments, lead time, failed changes and builds, of a project or of all that one sees."""
        found = figures(Rights(actor_of(request)), Wanted.read(request.query_params))
        shown = FiguresOutput(found, context={"environments": found.environments, "request": request})
        return Response(shown.data)
