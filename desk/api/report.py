"""The report of a project over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from desk.api.figures import SpreadOutput
from desk.audit_rows import act_of
from desk.report import Period, read_report
from environments.access import Rights
from environments.selectors.people import find_project
from foundation.api.views import ApiView

PARAMETERS = [
    OpenApiParameter("since", OpenApiTypes.DATE, description="first day; without both days the last whole month"),
    OpenApiParameter("until", OpenApiTypes.DATE, description="last day, which counts too; at most 400 days"),
]


class ReportTotalsOutput(serializers.Serializer[Any]):
    orders_created = serializers.IntegerField(source="created")
    orders_released = serializers.IntegerField(source="released", help_text="came to production for the first time")
    orders_closed = serializers.DictField(source="closed", child=serializers.IntegerField(), help_text="by reason")
    production_deployments = serializers.IntegerField(source="deployed", help_text="that succeeded")
    production_deployments_failed = serializers.IntegerField(source="failed")
    production_deployments_undone = serializers.IntegerField(source="undone", help_text="rolled back within 24 hours")
    production_roll_backs = serializers.IntegerField(source="rolled_back")
    production_roll_backs_automatic = serializers.IntegerField(source="automatic", help_text="of these")
    lead_time = SpreadOutput(source="lead", help_text="from an order's creation to its first success in production")


class ReportedDeploymentOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    component = serializers.CharField(source="order.component.slug")
    environment = serializers.CharField(source="space.environment.slug")
    kind = serializers.CharField()
    state = serializers.CharField()
    deployed_by = serializers.CharField(source="deployed_by.username")
    finished_at = serializers.DateTimeField()


class ReportedOrderOutput(serializers.Serializer[Any]):
    order = serializers.CharField(source="order.number")
    component = serializers.CharField(source="order.component.slug")
    author = serializers.CharField(source="order.author.username")
    created_at = serializers.DateTimeField(source="order.created_at")
    released_at = serializers.DateTimeField(source="deployment.finished_at")
    lead_time = serializers.IntegerField(source="seconds", help_text="seconds")
    environment = serializers.CharField(source="deployment.space.environment.slug")
    deployed_by = serializers.CharField(source="deployment.deployed_by.username")
    approvers = serializers.SerializerMethodField()

    def get_approvers(self, row: Any) -> list[str]:
        """Whose consent it had when it was deployed."""
        return [one.username for one in row.approvers]


class ReportedEventOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk", help_text="of the audit's event")
    at = serializers.DateTimeField()
    actor_name = serializers.CharField()
    verb = serializers.CharField()
    act = serializers.SerializerMethodField()
    object = serializers.CharField(source="object_name")
    environment = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(source="shown_reason", allow_blank=True)
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)

    def get_act(self, row: Any) -> str:
        """The verb in words."""
        return act_of(row.verb)


class ReportedBreakGlassOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    order = serializers.CharField(source="order.number")
    environment = serializers.CharField(source="space.environment.slug")
    opened_by = serializers.CharField(source="opened_by.username")
    opened_at = serializers.DateTimeField()
    reason = serializers.CharField()
    reviewed_by = serializers.CharField(source="reviewed_by.username", allow_null=True, default=None)
    reviewed_at = serializers.DateTimeField(allow_null=True, help_text="null: nobody has reviewed it yet")
    review_comment = serializers.CharField(allow_blank=True)


class ReportedPairOutput(serializers.Serializer[Any]):
    approver = serializers.CharField(source="approver.username")
    author = serializers.CharField(source="author.username", help_text="of the orders")
    given = serializers.IntegerField()
    rejected = serializers.IntegerField()


class ReportOutput(serializers.Serializer[Any]):
    """The newest 500 rows of each list."""

    project = serializers.CharField(source="project.slug")
    since = serializers.DateField(source="period.first")
    until = serializers.DateField(source="period.last")
    made_at = serializers.DateTimeField()
    totals = ReportTotalsOutput()
    released = ReportedOrderOutput(many=True, source="released.items")
    rules = ReportedEventOutput(many=True, source="rules.items", help_text="changes of policies, members and grants")
    break_glasses = ReportedBreakGlassOutput(many=True, source="break_glasses.items")
    taken_over = ReportedDeploymentOutput(many=True, source="taken_over.items")
    automatic = ReportedDeploymentOutput(many=True, source="automatic.items", help_text="automatic roll backs")
    forced = ReportedEventOutput(many=True, source="forced.items", help_text="places released by force")
    approvals = ReportedPairOutput(many=True, source="pairs")
    has_more = serializers.SerializerMethodField()

    def get_has_more(self, report: Any) -> list[str]:
        """The lists that are longer than what is shown."""
        names = ("released", "rules", "break_glasses", "taken_over", "automatic", "forced")
        return [name for name in names if getattr(report, name).has_more]


class ProjectReport(ApiView):
    """What a regulator asks of a project for a period."""

    @extend_schema(operation_id="project_report_retrieve", parameters=PARAMETERS, responses=ReportOutput)
    def get(self, request: Request, slug: str) -> Response:
        """Orders, lead times, changes of rules, exceptions, and who approved whose orders how often."""
        actor = actor_of(request)
        report = read_report(Rights(actor), find_project(actor, slug), Period.read(request.query_params))
        return Response(ReportOutput(report, context={"request": request}).data)
