"""Reading what was sent and answering with shapes: the same for every address of this room."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

KEYSET = [OpenApiParameter(name, OpenApiTypes.STR) for name in ("before", "after", "size")]


def given(shape: type[serializers.BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """The checked body; raises DRF's ValidationError, which becomes a problem document."""
    reader = shape(data=request.data)
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data)


def shown(shape: type[serializers.BaseSerializer[Any]], row: Any) -> Any:
    """One row as the shape has it."""
    return shape(row).data


def page_of(name: str, shape: type[serializers.Serializer[Any]]) -> Any:
    """The shape of a keyset page."""
    cursor = serializers.IntegerField(allow_null=True)
    return inline_serializer(name, {"items": shape(many=True), "next": cursor, "previous": cursor})
