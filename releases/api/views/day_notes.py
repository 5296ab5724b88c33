"""交班记录: the notes of a project's days."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.selectors.people import find_project
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from releases.api.serializers.written import WrittenInput, WrittenOutput
from releases.day_notes import given_day, notes_of
from releases.services.day_notes import write_note

DAY = OpenApiParameter("day", OpenApiTypes.DATE, description="notes of this day alone, such as 2026-11-20")


class DayNoteInput(WrittenInput):
    day = serializers.DateField()


class DayNoteOutput(WrittenOutput):
    project = serializers.CharField(source="project.slug")
    day = serializers.DateField()


class DayNotes(ApiView):
    """Of one project."""

    scope = Scope.BUILD

    @extend_schema(
        operation_id="day_notes_list", parameters=[*KEYSET, DAY], responses=page_of("DayNotePage", DayNoteOutput)
    )
    def get(self, request: Request, slug: str) -> Response:
        """Newest first."""
        project, text = find_project(actor_of(request), slug), request.query_params.get("day", "")
        return self.page(DayNoteOutput, notes_of([project.pk], given_day(text) if text else None))

    @extend_schema(operation_id="day_notes_create", request=DayNoteInput, responses={201: DayNoteOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Write down what the next shift has to know; `@name` tells a person."""
        project = find_project(actor_of(request), slug)
        row = write_note(actor=actor_of(request), project=project, **self.given(DayNoteInput))
        return self.shown(DayNoteOutput, row, 201)
