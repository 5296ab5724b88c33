"""部署动态: the page of all deployments that somebody sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict

from environments.access import Rights
from foundation import paging
from foundation.pages import read_view, wanted_part
from releases import feed
from releases.models import Deployment
from releases.presenters.states import RUN_WORDS
from releases.views.lists import MOST_TOPICS
from releases.views.pages import page, rights_of

MOST_NEWS = 50


@read_view
def show(request: HttpRequest) -> HttpResponse:
    """Newest first by id, 50 a page, without COUNT; new rows wait for a click."""
    rights, given = rights_of(request), feed.read_filters(request.GET.dict())
    rows = feed.feed(rights, given)
    if wanted_part(request) == "news":
        return page(request, "releases/_feed_news.html", _news(request, rows, given))
    found = paging.take_page(
        feed.with_names(rows),
        before=paging.read_cursor(request.GET.get("before"), "before"),
        after=paging.read_cursor(request.GET.get("after"), "after"),
    )
    if request.GET.get("first"):
        found = replace(found, previous_cursor=None)
    context = {
        "nav": "deployments",
        "page": found,
        "query": _query(given),
        "newest": found.items[0].pk if found.items else 0,
        "refresh": _same_rows(given, found),
        "is_filtered": any(given.values()),
        "asks_by_the_clock": "clock" in request.GET,
    }
    if wanted_part(request):
        return page(request, "releases/_feed_rows.html", context)
    return page(request, "releases/feed.html", context | {"given": given} | _choices(rights, given))


def _news(request: HttpRequest, rows: QuerySet[Deployment], given: dict[str, str]) -> dict[str, Any]:
    newest = paging.read_cursor(request.GET.get("newest"), "newest") or 0
    count = len(rows.filter(pk__gt=newest).order_by().values_list("pk", flat=True)[: MOST_NEWS + 1])
    return {"count": count, "newest": newest, "query": _query(given), "asks_by_the_clock": "clock" in request.GET}


def _query(given: dict[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in given.items() if value})
    return query.urlencode()


def _same_rows(given: dict[str, str], found: paging.Page[Deployment]) -> str:
    """The rows that are shown: nothing new appears under the pointer."""
    query = QueryDict(_query(given), mutable=True)
    query["part"] = "rows"
    if found.items:
        query["before"] = str(found.items[0].pk + 1)
    if found.previous_cursor is None:
        query["first"] = "1"
    return query.urlencode()


def _choices(rights: Rights, given: dict[str, str]) -> dict[str, Any]:
    projects = {one.project_id: one.project for one in rights.spaces}
    environments = {one.environment_id: one.environment for one in rights.spaces}
    shown = sorted(projects.values(), key=lambda one: one.slug)
    ids = [one.pk for one in shown if given["project"] in ("", one.slug)]
    by_the_clock = len(ids) > MOST_TOPICS
    return {
        "projects": [(one.slug, f"{one.slug.upper()} {one}", one.slug == given["project"]) for one in shown],
        "environments": [(one.slug, one.label, one.slug == given["environment"]) for one in
                         sorted(environments.values(), key=lambda one: (one.position, one.slug))],
        "verdicts": [(key, RUN_WORDS[key], key == given["verdict"]) for key in feed.VERDICTS],
        "topic": "" if by_the_clock else ",".join(f"project:{pk}" for pk in ids),
        "asks_by_the_clock": by_the_clock,
    }  # fmt: skip
