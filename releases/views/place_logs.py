"""The log of all pods of a place on one page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from accounts.actor import actor_of
from foundation.pages import read_view
from foundation.problems import Missing, Refused
from releases import selectors
from releases.logs import pods
from releases.models import Placement
from releases.presenters.build import TAIL_LINES, Log
from releases.presenters.place_log import (
    MOST_LINES,
    PlaceLog,
    PlaceLogAsked,
    missing_words,
    plain_text,
    read_place_log,
)
from releases.views.pages import page


@read_view
def place_log(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """The last lines of all pods, asked for now; ``?previous=1`` of the containers before, ``?pod=`` of some only."""
    place = selectors.placement_by_names(actor_of(request), project, slug, environment)
    containers = pods.containers_of(place)
    container = request.GET.get("container", "")
    if container not in containers:
        container = containers[0] if containers else ""
    asked = PlaceLogAsked(
        container=container,
        previous=request.GET.get("previous") == "1",
        names=tuple(request.GET.getlist("pod")[: pods.MOST_NAMES]),
    )
    context: dict[str, Any] = {
        "place": place, "component": place.component, "environment": place.space.environment, "space": place.space,
        "asked": asked, "containers": containers, "most_lines": MOST_LINES,
        "current_query": _query(asked, previous=False), "previous_query": _query(asked, previous=True),
        "nav": "home", "topic": f"space:{place.space_id}",
    }  # fmt: skip
    try:
        found = read_place_log(place, asked)
    except (Missing, Refused) as refusal:
        # Shown in the page: one click further is the log that there is.
        return page(request, "releases/place_log.html", {**context, "trouble": refusal.message}, status=refusal.status)
    context |= {"pods": found.pods, "missing": missing_words(found), "log": _log_of(place, asked, found)}
    return page(request, "releases/place_log.html", context)


def _query(asked: PlaceLogAsked, *, previous: bool | None = None) -> str:
    is_previous = asked.previous if previous is None else previous
    values = [("container", asked.container), *(("pod", name) for name in asked.names)]
    return urlencode([*values, *([("previous", "1")] if is_previous else [])])


def _log_of(place: Placement, asked: PlaceLogAsked, found: PlaceLog) -> Log:
    names = f"{place.space.project.slug}/{place.component.slug}/environments/{place.space.environment.slug}"
    query = _query(asked)
    url = f"/api/v1/components/{names}/log/?{query}"
    lines = plain_text(found).split("\n")
    return Log(
        url=url,
        link=f"?{query}",
        raw_url=f"{url}&raw=1",
        data={**found.data(), "is_followed": not asked.previous, "opens_at": "end"},
        text="\n".join(lines[-TAIL_LINES:]),
        first=max(1, len(lines) - TAIL_LINES + 1),
        around="",
        around_line=0,
        is_short=False,
    )
