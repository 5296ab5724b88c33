"""A build's log: text by offset or whole, lines by number, errors, search."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from foundation.api.views import ApiView
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.problems import Invalid, Missing
from releases import selectors
from releases.api.serializers import orders as shapes
from releases.live.watched import write_watched
from releases.logs import patterns, reading, searching
from releases.logs.reading import sections_of
from releases.models import Build

LINES_AT_ONCE = 200
GREATEST = 2**31 - 1

LINE = inline_serializer(
    "LogLine",
    {
        "line": serializers.IntegerField(),
        "text": serializers.CharField(),
        "length": serializers.IntegerField(),
        "level": serializers.ChoiceField(choices=["", *patterns.LEVELS]),
        "at": serializers.DateTimeField(allow_null=True),
    },
)
SUMMARY: dict[str, Any] = {
    "state": serializers.ChoiceField(choices=["receiving", "complete", "cut", "gone"]),
    "lines": serializers.IntegerField(),
    "size": serializers.IntegerField(),
    "bytes": serializers.IntegerField(),
    "errors": serializers.IntegerField(),
    "warnings": serializers.IntegerField(),
    "first_error": serializers.IntegerField(allow_null=True),
    "newest_at": serializers.DateTimeField(allow_null=True),
    "version": serializers.IntegerField(),
    "now": serializers.DateTimeField(),
    "sections": inline_serializer(
        "LogSection",
        {
            "name": serializers.CharField(),
            "first": serializers.IntegerField(),
            "last": serializers.IntegerField(allow_null=True),
            "errors": serializers.IntegerField(),
            "warnings": serializers.IntegerField(),
            "state": serializers.CharField(),
            "seconds": serializers.IntegerField(allow_null=True),
        },
        many=True,
    ),
}
RANGE = inline_serializer(
    "LogLines",
    {"lines": type(LINE)(many=True), "log": inline_serializer("LogSummary", SUMMARY)},
)


def shown_build(request: Request, number: str, attempt: int) -> Build:
    """The attempt of an order that this person sees; raises Missing, the same where it is hidden."""
    order = selectors.order_by_number(actor_of(request), number)
    build = Build.objects.filter(order=order, attempt=attempt).first()
    if build is None:
        raise Missing(_("This order has no such build."))
    build.order = order
    return build


def read_build(request: Request, number: str, attempt: int) -> Build:
    """As :func:`shown_build`; while it runs, who reads its log has it followed as closely as an open page does."""
    build = shown_build(request, number, attempt)
    if not build.is_terminal:
        write_watched([build.order_id])
    return build


def number_of(request: Request, name: str, default: int, *, most: int = GREATEST) -> int:
    """A number of the query; raises Invalid naming it."""
    given = request.query_params.get(name, "")
    if not given:
        return default
    number = parse_digits(given)
    if number is None:
        raise Invalid({name: [_("Give a number.")]})
    return min(number, most)


def summary_data(build: Build) -> dict[str, Any]:
    """The log's summary with its stages, as API and page give it."""
    return asdict(reading.summary_of(build)) | {"sections": [asdict(section) for section in sections_of(build)]}


class BuildLog(ApiView):
    """The log, by offset or whole."""

    @extend_schema(
        operation_id="builds_log",
        parameters=[OpenApiParameter("offset", OpenApiTypes.INT), OpenApiParameter("raw", OpenApiTypes.BOOL)],
        responses={(200, "application/json"): shapes.LogOutput, (200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, number: str, attempt: int) -> Any:
        """Text from a character offset (at most 64 chunks), or with ``?raw=1`` everything as text/plain."""
        build = read_build(request, number, attempt)
        if self.flag("raw"):
            return raw_response(request, build)
        offset = parse_digits(request.query_params.get("offset", "0"))
        if offset is None:
            raise Invalid({"offset": [_("Give the offset that the last answer named.")]})
        text = reading.log_from(build, offset)
        next_offset = offset + len(text)
        is_complete = build.is_terminal and next_offset >= build.log_size
        return Response({"offset": offset, "next_offset": next_offset, "text": text, "is_complete": is_complete})


def raw_response(request: Request, build: Build) -> StreamingHttpResponse:
    """Everything, a few chunks at a time. ASGI and WSGI each want their own kind of iterator."""
    is_async = isinstance(request._request, ASGIRequest)
    chunks = reading.raw_chunks_async(build) if is_async else reading.raw_chunks(build)
    response = StreamingHttpResponse(chunks, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'inline; filename="{build.order.number}-{build.attempt}.log"'
    response["Cache-Control"] = "no-store"
    return response


class LogLines(ApiView):
    @extend_schema(
        operation_id="builds_log_lines",
        parameters=[OpenApiParameter("first", OpenApiTypes.INT), OpenApiParameter("count", OpenApiTypes.INT)],
        responses=RANGE,
    )
    def get(self, request: Request, number: str, attempt: int) -> Response:
        """``count`` lines (200, at most 1,000) from ``first`` on, the first 2,000 characters of each, and the summary.

        Fewer lines than asked for come at the end, or when lines are very long: ask again behind the last one.
        """
        build = read_build(request, number, attempt)
        first, count = number_of(request, "first", 1), number_of(request, "count", LINES_AT_ONCE)
        lines = reading.read_lines(build, first, count) if count else []
        return Response({"lines": [asdict(line) for line in lines], "log": summary_data(build)})


class LogLine(ApiView):
    @extend_schema(operation_id="builds_log_line", responses=LINE)
    def get(self, request: Request, number: str, attempt: int, line: int) -> Response:
        """Up to 2,000,000 characters."""
        build = shown_build(request, number, attempt)
        return Response(asdict(reading.whole_line(build, min(line, GREATEST))))


class LogMarks(ApiView):
    """Errors and warnings."""

    @extend_schema(
        operation_id="builds_log_marks",
        parameters=[
            OpenApiParameter("level", OpenApiTypes.STR, enum=list(patterns.LEVELS)),
            OpenApiParameter("after", OpenApiTypes.INT),
            OpenApiParameter("before", OpenApiTypes.INT),
        ],
        responses=inline_serializer(
            "LogMark",
            {
                "line": serializers.IntegerField(allow_null=True),
                "position": serializers.IntegerField(),
                "total": serializers.IntegerField(),
            },
        ),
    )
    def get(self, request: Request, number: str, attempt: int) -> Response:
        """The next error (or warning) after a line, or the last one before it; the first without either."""
        build = shown_build(request, number, attempt)
        level = request.query_params.get("level", patterns.ERROR)
        if level not in patterns.LEVELS:
            raise Invalid({"level": [_("The levels are error and warning.")]})
        if request.query_params.get("before"):
            return Response(asdict(reading.mark_before(build, level, number_of(request, "before", 0))))
        return Response(asdict(reading.mark_after(build, level, number_of(request, "after", 0))))


class LogSearch(ApiView):
    @extend_schema(
        operation_id="builds_log_search",
        parameters=[
            OpenApiParameter("text", OpenApiTypes.STR, required=True),
            OpenApiParameter("first", OpenApiTypes.INT),
        ],
        responses=inline_serializer(
            "LogHits",
            {
                "lines": serializers.ListField(child=serializers.IntegerField()),
                "next": serializers.IntegerField(allow_null=True),
            },
        ),
    )
    def get(self, request: Request, number: str, attempt: int) -> Response:
        """Numbers of the lines that contain ``text``, blind to case: at most 5,000, searched for at most two seconds.

        ``next`` is the line to go on from, null when the log was read to its end.
        """
        build = shown_build(request, number, attempt)
        text = request.query_params.get("text", "")
        if not text or len(text) > searching.LONGEST_QUERY or "\n" in text:
            raise Invalid({"text": [_("Give 1 to 200 characters of one line.")]})
        return Response(asdict(searching.search(build, text, max(1, number_of(request, "first", 1)))))
