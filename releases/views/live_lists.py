"""What lists have in common whose rows are refreshed where they stand, while new ones wait for a click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from foundation import paging
from foundation.pages import query_of

MOST_TOPICS = 60
"""One socket watches at most 64 (``releases.live.consumers``)."""
MOST_NEWS = 50

M = TypeVar("M", bound=Model)


def take_rows(request: HttpRequest, rows: QuerySet[M]) -> paging.Page[M]:
    """The page that the address asks for: 50 by id, newest first."""
    found = paging.asked_page(rows, request.GET)
    return replace(found, previous_cursor=None) if request.GET.get("first") else found


def list_context(request: HttpRequest, found: paging.Page[Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What its templates ask of the page and of the filters that were given."""
    return {
        "page": found,
        "query": query_of(given),
        "newest": found.items[0].pk if found.items else 0,
        "refresh": _same_rows(found, given),
        "is_filtered": any(given.values()),
        "asks_by_the_clock": "clock" in request.GET,
    }


def news_context(request: HttpRequest, rows: QuerySet[Any], given: Mapping[str, str]) -> dict[str, Any]:
    """How many rows came since: they announce themselves and wait for a click; one more than are counted."""
    newest = paging.read_cursor(request.GET.get("newest"), "newest") or 0
    count = len(rows.filter(pk__gt=newest).order_by().values_list("pk", flat=True)[: MOST_NEWS + 1])
    return {"count": count, "newest": newest, "query": query_of(given), "asks_by_the_clock": "clock" in request.GET}


def topics_context(project_ids: Sequence[int]) -> dict[str, Any]:
    """What the page listens to. More than one socket may watch: then it asks for news by the clock, instead of hearing
    of some projects only."""
    if len(project_ids) > MOST_TOPICS:
        return {"topic": "", "asks_by_the_clock": True}
    return {"topic": ",".join(f"project:{pk}" for pk in project_ids)}


def _same_rows(found: paging.Page[Any], given: Mapping[str, str]) -> str:
    """The same rows again: nothing new appears under the pointer."""
    again = {**given, "part": "rows"}
    if found.items:
        again["before"] = str(found.items[0].pk + 1)
    if found.previous_cursor is None:
        # The first page stays the first: where nothing newer was, no button says so.
        again["first"] = "1"
    return query_of(again)
