"""部署动态: the page of all deployments that somebody sees."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from environments.access import Rights
from foundation.pages import read_view, wanted_part
from releases import feed
from releases.presenters.feed import feed_days
from releases.presenters.states import RUN_WORDS
from releases.views.live_lists import list_context, news_context, take_rows, topics_context
from releases.views.pages import page, rights_of


@read_view
def show(request: HttpRequest) -> HttpResponse:
    """Newest first by id, 50 a page, without COUNT; new rows wait for a click."""
    rights, given = rights_of(request), feed.read_filters(request.GET.dict())
    rows = feed.feed(rights, given)
    if wanted_part(request) == "news":
        return page(request, "releases/_feed_news.html", news_context(request, rows, given))
    found = take_rows(request, feed.with_names(rows))
    context = list_context(request, found, given) | {"nav": "deployments", "days": feed_days(found.items)}
    if wanted_part(request):
        return page(request, "releases/_feed_rows.html", context)
    return page(request, "releases/feed.html", context | {"given": given} | _choices(rights, given))


def _choices(rights: Rights, given: dict[str, str]) -> dict[str, Any]:
    projects = {one.project_id: one.project for one in rights.spaces}
    environments = {one.environment_id: one.environment for one in rights.spaces}
    shown = sorted(projects.values(), key=lambda one: one.slug)
    ids = [one.pk for one in shown if given["project"] in ("", one.slug)]
    return {
        "projects": [(one.slug, f"{one.slug.upper()} {one}", one.slug == given["project"]) for one in shown],
        "environments": [(one.slug, one.label, one.slug == given["environment"]) for one in
                         sorted(environments.values(), key=lambda one: (one.position, one.slug))],
        "verdicts": [(key, RUN_WORDS[key], key == given["verdict"]) for key in feed.VERDICTS],
        **topics_context(ids),
    }  # fmt: skip
