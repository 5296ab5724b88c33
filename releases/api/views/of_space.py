"""Lists of what stands in a space, narrowed by the short names of its project and environment."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

Row = TypeVar("Row", bound=Model)
OF_SPACE = [
    OpenApiParameter("project", OpenApiTypes.STR, description="short name"),
    OpenApiParameter("environment", OpenApiTypes.STR, description="short name"),
]


def in_space(rows: QuerySet[Row], request: Request) -> QuerySet[Row]:
    """Those of the project and of the environment that the query names, either of them left out or not."""
    for name in ("project", "environment"):
        if given := request.query_params.get(name, ""):
            rows = rows.filter(**{f"space__{name}__slug": given.lower()})
    return rows
