"""One shape for all lists of the API: ``{"items": […], "next": …, "previous": …}``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from foundation import paging
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.problems import Invalid

KEYSET = [
    OpenApiParameter("before", OpenApiTypes.STR, description="older ones: the ``next`` of the page before"),
    OpenApiParameter("after", OpenApiTypes.STR, description="newer ones: the ``previous`` of the page before"),
    OpenApiParameter("size", {"type": "integer", "minimum": 1}, description="how many, 50 by default, 200 at most"),
]

SEARCH = OpenApiParameter("search", OpenApiTypes.STR, description="part of a name")
"""In every list of things with names."""

Shape = type[serializers.BaseSerializer[Any]]


def page_response(request: Request, rows: QuerySet[Any], shape: Shape) -> Response:
    """A keyset page: ``?before=`` (older), ``?after=`` (newer), ``?size=``. Raises Invalid for what is none."""
    page = paging.asked_page(rows, request.query_params, size=_size(request.query_params.get("size", "")))
    # One serializer for the whole page: making one costs more than writing a row with it.
    items = shape(page.items, many=True).data
    return Response({"items": items, "next": page.next_cursor, "previous": page.previous_cursor})


def _size(given: str) -> int:
    if not given:
        return paging.DEFAULT_SIZE
    size = parse_digits(given)
    if not size:
        raise Invalid({"size": [_("Write a whole number from 1 on.")]})
    return size


def whole_response(rows: Iterable[Any], shape: Shape) -> Response:
    """A list that is never long, in the form of the long ones."""
    return Response({"items": shape(list(rows), many=True).data, "next": None, "previous": None})


def page_of(name: str, shape: Shape) -> Any:
    """The schema of a page of such items."""
    fields = {
        "items": shape(many=True),
        "next": serializers.IntegerField(allow_null=True, help_text="the ``before`` of older ones; null at the end"),
        "previous": serializers.IntegerField(allow_null=True, help_text="the ``after`` of newer ones"),
    }
    # Without the override a viewset's list would be described as a list of pages.
    page = extend_schema_serializer(many=False)(type(name, (serializers.Serializer,), fields))
    return page()
