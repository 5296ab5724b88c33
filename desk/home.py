"""Home: what waits for me, what runs where, is it well? And the comparison that a cell leads to."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.actor import actor_of
from accounts.models import User
from components import looks
from components.naming import short_code
from desk import selectors
from desk.selectors.matrix import STATES, Filters
from environments.access import Rights
from foundation.problems import Missing
from releases.models import Placement
from releases.selectors import placement_by_names
from releases.views.pages import is_partial, page, rights_of
from releases.views.shown.acts import new_order_act

MOST_TOPICS = 40
LONGEST = 130
PARTS = {"work": "desk/_work_band.html", "chunk": "desk/_matrix_chunk.html", "rows": "desk/_matrix_rows.html"}
"""``work`` and ``chunk`` are fetched anew; ``rows`` are the next lines, with where to go on."""


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The whole page, or with ``part=`` a piece of it."""
    user = actor_of(request)
    rights = rights_of(request)
    filters = read_filters(request)
    projects = selectors.chosen_projects(rights)
    topics = [f"project:{pk}" for pk, slug, _name in projects if filters.project in ("", slug)]
    context: dict[str, Any] = {
        "nav": "home",
        "filters": filters,
        "query": query_of(filters),
        "topic": ",".join(topics[:MOST_TOPICS]),
    }
    part = request.GET.get("part", "") if is_partial(request) else ""
    if part != "work":
        context["matrix"] = selectors.matrix(user, rights, filters)
    if part not in ("chunk", "rows"):
        context["work"] = selectors.my_work(user, rights, project=filters.project)
    if part in PARTS:
        return page(request, PARTS[part], context)
    return page(request, "desk/home.html", context | _whole(user, rights, filters, projects))


def read_filters(request: HttpRequest) -> Filters:
    """What the address says; a state that does not exist narrows nothing."""
    given = {name: request.GET.get(name, "").strip()[:LONGEST] for name in ("project", "text", "state", "start")}
    if given["state"] not in STATES:
        given["state"] = ""
    return Filters(mine="1" if request.GET.get("mine") else "", **given)


def query_of(filters: Filters) -> str:
    """The filters without the place in the list, ready for an address."""
    query = QueryDict(mutable=True)
    given = {name: getattr(filters, name) for name in ("project", "text", "state", "mine")}
    query.update({name: value for name, value in given.items() if value})
    return query.urlencode()


def _whole(user: User, rights: Rights, filters: Filters, projects: list[tuple[int, str, str]]) -> dict[str, Any]:
    return {
        "projects": [(slug, f"{slug.upper()} {name}", slug == filters.project) for _pk, slug, name in projects],
        "states": [(state, word, state == filters.state) for state, word in STATES.items()],
        "count": selectors.filtered_components(user, rights, filters).count(),
        "new_order": new_order_act(rights, [pk for pk, _slug, _name in projects]),
        "first_run": selectors.first_run(rights),
    }


# ---------------------------------------------------------------- compare
@login_required
@require_safe
def compare(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """The orders that lie between an environment and the one that it follows, and their commits."""
    place = placement_by_names(actor_of(request), project, slug, environment)
    found = selectors.between(place)
    if found is None or place.good is None:
        raise Missing(_("Nothing lies between: this environment is not behind the one that it follows."))
    if is_partial(request) and request.GET["part"] == "commits":
        return page(request, "desk/_compare_commits.html", _commits(place, found.ahead.order.commit))
    component = place.component
    context = {
        "nav": "home",
        "place": place,
        "found": found,
        "component": component,
        "code": short_code(component.name, component.project.slug),
        "environment": place.space.environment,
        "topic": f"space:{place.space_id}",
    }
    if request.GET.get("commits"):
        context |= _commits(place, found.ahead.order.commit)
    return page(request, "desk/compare.html", context)


def _commits(place: Placement, ahead: str) -> dict[str, Any]:
    """A read of Git that never fails the page."""
    assert place.good is not None
    here = place.good.order.commit
    if not here or here == ahead:
        return {"are_same": True}
    return {"commits": looks.commits_between(place.component, here, ahead)}
