"""The order sheet as data."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from desk.order_sheet import make_sheet
from desk.selectors.order_sheet import read_sheet
from foundation.api.views import ApiView
from releases.selectors import order_by_number


class SheetRowOutput(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="the same in every language")
    label = serializers.CharField()  # type: ignore[assignment]  # shadows the serializer's own
    lines = serializers.ListField(child=serializers.CharField(), help_text="in the language of the request")


class SheetClauseOutput(serializers.Serializer[Any]):
    number = serializers.CharField(help_text="of the clause, such as 4.02")
    title = serializers.CharField()
    facts = SheetRowOutput(many=True, source="rows")


class SheetAuditOutput(serializers.Serializer[Any]):
    sequence = serializers.IntegerField(allow_null=True, help_text="of its link in the chain; null for a second or so")
    at = serializers.DateTimeField()
    actor_name = serializers.CharField(source="who")
    verb = serializers.CharField(source="act", help_text="in words")
    environment = serializers.CharField()
    is_refused = serializers.BooleanField()
    mac = serializers.CharField(allow_null=True)


class OrderSheetOutput(serializers.Serializer[Any]):
    order = serializers.CharField(source="rows.order.number")
    project = serializers.CharField(source="rows.order.project.slug")
    component = serializers.CharField(source="rows.order.component.slug")
    state = serializers.CharField(source="rows.order.state")
    clauses = SheetClauseOutput(many=True)
    audit = SheetAuditOutput(many=True)
    has_more = serializers.BooleanField(source="rows.has_more", help_text="the audit has earlier acts of the order")
    verified_at = serializers.DateTimeField(source="rows.check.verified_at", allow_null=True, default=None)
    verified = serializers.IntegerField(source="rows.check.verified", default=0)
    problem = serializers.CharField(source="rows.check.problem", default="", help_text="empty: the audit log is whole")
    hash = serializers.CharField(help_text="over what the sheet proves")


class OrderSheet(ApiView):
    """What an auditor asks of one order."""

    @extend_schema(operation_id="order_sheet_retrieve", responses=OrderSheetOutput)
    def get(self, request: Request, number: str) -> Response:
        """Who asked, built, tested, approved and deployed it, by which rules, with what result, and the proof."""
        order = order_by_number(actor_of(request), number)
        return self.shown(OrderSheetOutput, make_sheet(read_sheet(order)))
