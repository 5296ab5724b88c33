"""The audit over the API: events, exports, the check."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from audit.choices import Outcome
from audit.exports import FORMATS
from desk import audit_files
from desk.api import serializers as shapes
from desk.selectors.audit import AuditFilters, filter_events, last_check, readable_events, with_links
from desk.services import ask_for_check, export_audit
from environments.access import Rights, require
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from foundation.problems import Missing

_MEANINGS = {
    "actor": "user name, or the name as it was recorded",
    "verb": "whole, such as order.created, or its beginning, such as order",
    "project": "short name",
    "environment": "short name",
    "subject": "order number, name of the object, or request number",
}
PARAMETERS = [
    OpenApiParameter("since", OpenApiTypes.DATE, description="the first day, such as 2026-11-20"),
    OpenApiParameter("until", OpenApiTypes.DATE, description="the last day; counts too"),
    *(OpenApiParameter(name, OpenApiTypes.STR, description=text) for name, text in _MEANINGS.items()),
    OpenApiParameter("outcome", OpenApiTypes.STR, enum=Outcome.values),
]
KIND = OpenApiParameter("kind", OpenApiTypes.STR, enum=list(FORMATS), description="csv, or jsonl: JSON lines")


class Events(ApiView):
    """What was decided, changed or refused."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="audit_events_list",
        parameters=[*PARAMETERS, *KEYSET],
        responses=page_of("AuditEventPage", shapes.AuditEventOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first: all for auditors and platform administrators, else those of the projects one administers."""
        user = actor_of(request)
        rows = filter_events(readable_events(user, Rights(user)), AuditFilters.read(request.query_params))
        return self.page(shapes.AuditEventOutput, with_links(rows))


class Exports(ApiView):
    """The same as a signed file."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="audit_exports_retrieve",
        parameters=[*PARAMETERS, KIND],
        responses={(200, "text/csv"): OpenApiTypes.STR, (200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> object:
        """Oldest first, all that fit; the last line is signed. That it was taken is in the audit."""
        user = actor_of(request)
        kind = request.query_params.get("kind", "jsonl")
        pieces = export_audit(
            actor=user, rights=Rights(user), filters=AuditFilters.read(request.query_params), kind=kind
        )
        return audit_files.response(request._request, pieces, kind)


class Check(ApiView):
    """What the last verification found."""

    scope = Scope.ADMIN
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="audit_check_retrieve", responses=shapes.AuditCheckOutput)
    def get(self, request: Request) -> Response:
        """The log is verified each hour."""
        require(actor_of(request), "read_audit")
        check = last_check()
        if check is None:
            raise Missing
        return self.shown(shapes.AuditCheckOutput, check)

    @extend_schema(operation_id="audit_check_create", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Verifies it now; the answer stands here within seconds, or minutes for a million events."""
        ask_for_check(actor=actor_of(request))
        return Response(status=204)
