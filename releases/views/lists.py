"""所有 K8S 发布单: the list with its filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict

from accounts.actor import actor_of
from foundation import paging
from foundation.pages import read_view, wanted_part
from releases import selectors
from releases.filtering import filter_orders, read_day
from releases.models import ReleaseOrder
from releases.presenters.acts import new_order_act
from releases.presenters.list import Choices, filter_choices, order_rows, with_names
from releases.views.pages import page, rights_of

DAYS = ("since", "until")
"""The first and the last day that an order was created on, in the viewer's zone; both count."""
FILTERS = ("project", "component", "state", "author", "text", *DAYS)
MOST_TOPICS = 60
"""One socket watches at most 64 (``releases.live.consumers``)."""


@read_view
def list_orders(request: HttpRequest) -> HttpResponse:
    """Newest first by id, 50 a page, in at most 12 queries and without COUNT, however many there are."""
    rights = rights_of(request)
    given = read_filters(request)
    seen = selectors.orders_visible_to(actor_of(request), rights=rights)
    rows = filter_orders(seen, **given)
    if wanted_part(request) == "news":
        return _news(request, rows, _query(given))
    found = paging.take_page(
        with_names(rows),
        before=paging.read_cursor(request.GET.get("before"), "before"),
        after=paging.read_cursor(request.GET.get("after"), "after"),
    )
    if request.GET.get("first"):
        found = replace(found, previous_cursor=None)
    context: dict[str, Any] = {
        "page": found,
        "rows": order_rows(found.items, rights),
        "query": _query(given),
        "newest": found.items[0].pk if found.items else 0,
        "refresh": _refresh_query(given, found),
        "is_filtered": any(given.values()),
        "asks_by_the_clock": "clock" in request.GET,
    }
    if wanted_part(request):
        return page(request, "releases/_rows.html", context)
    chosen = {name: given[name] for name in ("project", "component", "state", "author")}
    choices = filter_choices(rights, **chosen)
    context |= {"given": given, "choices": choices, **_topics(choices, given)}
    context["new_order"] = new_order_act(rights, [pk for pk, _slug in choices.project_ids])
    return page(request, "releases/list.html", context)


def read_filters(request: HttpRequest) -> dict[str, str]:
    """What the address says, by field; a day that is none counts as not given."""
    given = {name: request.GET.get(name, "").strip()[:200] for name in FILTERS}
    for name in DAYS:
        day = read_day(given[name])
        given[name] = day.isoformat() if day else ""
    return given


def _news(request: HttpRequest, rows: QuerySet[ReleaseOrder], query: str) -> HttpResponse:
    """How many orders came since: rows announce themselves and wait for a click."""
    newest = paging.read_cursor(request.GET.get("newest"), "newest") or 0
    count = len(rows.filter(pk__gt=newest).order_by().values_list("pk", flat=True)[:51])
    return page(
        request,
        "releases/_news.html",
        {"count": count, "newest": newest, "query": query, "asks_by_the_clock": "clock" in request.GET},
    )


def _query(given: Mapping[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in given.items() if value})
    return query.urlencode()


def _refresh_query(given: Mapping[str, str], found: paging.Page[ReleaseOrder]) -> str:
    """The same rows again: nothing new appears under the pointer."""
    query = QueryDict(_query(given), mutable=True)
    query["part"] = "rows"
    if found.items:
        query["before"] = str(found.items[0].pk + 1)
    if found.previous_cursor is None:
        # The first page stays the first: where nothing newer was, no button says so.
        query["first"] = "1"
    return query.urlencode()


def _topics(choices: Choices, given: Mapping[str, str]) -> dict[str, Any]:
    ids = [pk for pk, slug in choices.project_ids if not given["project"] or slug == given["project"]]
    if len(ids) > MOST_TOPICS:
        # More than one socket may watch: the page asks for news by the clock instead of hearing of some projects only.
        return {"topic": "", "asks_by_the_clock": True}
    return {"topic": ",".join(f"project:{pk}" for pk in ids)}
