"""What the query of an address says, held against what the operation declares of it.

A page narrows nothing by a word that it does not know and shows what it did; who reads the answer of an API sees only
the rows, and takes the whole list for the part that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from foundation.days import read_day
from foundation.digits import parse_digits
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid

FLAGS = {"": False, "0": False, "false": False, "1": True, "true": True}


@cache
def declared(handler: Callable[..., Any]) -> tuple[OpenApiParameter, ...]:
    """The parameters that ``@extend_schema`` gave to the function of a verb."""
    schema = getattr(handler, "kwargs", {}).get("schema")
    if schema is None:
        return ()
    inspector = schema()
    inspector.method = handler.__name__.upper()
    inspector.view = SimpleNamespace(request=None, kwargs={}, determine_version=lambda *_args, **_kwargs: ("", None))
    found = inspector.get_override_parameters()
    return tuple(one for one in found if isinstance(one, OpenApiParameter) and one.location == OpenApiParameter.QUERY)


def ensure_readable(query: QueryDict, parameters: tuple[OpenApiParameter, ...]) -> None:
    """Raises Invalid by the name of each parameter whose value is none of what it takes; an empty one is not given."""
    wrong = {}
    for one in parameters:
        for text in query.getlist(one.name):
            if text.strip() and (why := _why_not(one, text.strip())):
                wrong[one.name] = [why]
    if wrong:
        raise Invalid(wrong)


def _why_not(parameter: OpenApiParameter, text: str) -> MessageLike:
    if parameter.enum:
        words = [str(word) for word in parameter.enum]
        return "" if text in words else _("Choose one of %(names)s.", names=words)
    kind = parameter.type
    if kind is OpenApiTypes.DATE:
        return "" if read_day(text) else _("Write a day such as 2026-11-30.")
    if kind is OpenApiTypes.DATETIME:
        return "" if _is_moment(text) else _("Write a time with its zone, such as 2026-11-20T10:00:00Z.")
    if kind is OpenApiTypes.BOOL:
        return "" if text.lower() in FLAGS else _("Write true or false.")
    if kind is OpenApiTypes.INT:
        return "" if parse_digits(text) is not None else _("Write a whole number from 0 on.")
    return ""


def _is_moment(text: str) -> bool:
    try:
        found = parse_datetime(text)
    except ValueError:
        return False
    return found is not None and is_aware(found)
