"""发布日历: a month as a grid or as a list, and the chosen day item by item."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from desk.calendar import KINDS, Wanted, answered, read_day, read_month
from desk.calendar.wanted import LIST, MONTH
from environments.access import Rights
from foundation.clock import db_now
from foundation.pages import query_of, read_view, wanted_part
from releases.presenters.freezes import DAYS
from releases.views.live_lists import topics_context
from releases.views.pages import page, rights_of


@read_view
def show(request: HttpRequest) -> HttpResponse:
    """The month, day and filters that the address names; today's where it names none."""
    rights = rights_of(request)
    wanted = Wanted.read(request.GET.dict(), timezone.localtime(db_now()).date())
    context = {"nav": "calendar", "wanted": wanted, "asks_by_the_clock": "clock" in request.GET} | _addresses(wanted)
    part = wanted_part(request)
    if part == "day":
        return page(request, "desk/_calendar_day.html", context | {"chosen": read_day(rights, wanted)})
    month = read_month(rights, wanted)
    context |= {"month": month, "weekdays": DAYS}
    if part:
        return page(request, "desk/_calendar_days.html", context)
    context |= {"zone": timezone.get_current_timezone_name(), **_choices(rights, wanted)}
    if wanted.view == MONTH:
        context["chosen"] = answered(rights, wanted, month.chosen)
    return page(request, "desk/calendar.html", context | topics_context(_project_ids(rights, wanted)))


def _project_ids(rights: Rights, wanted: Wanted) -> list[int]:
    found = {one.project_id: one.project.slug for one in rights.spaces}
    return [pk for pk, slug in found.items() if wanted.project in ("", slug)]


def _addresses(wanted: Wanted) -> dict[str, Any]:
    filters = {"project": wanted.project, "environment": wanted.environment}
    day = f"{wanted.day:%Y-%m-%d}"
    return {
        "before": wanted.query(month=f"{wanted.before:%Y-%m}", day=""),
        "following": wanted.query(month=f"{wanted.following:%Y-%m}", day=""),
        "here": wanted.query(),
        "as_month": wanted.query(view=""),
        "as_list": wanted.query(view=LIST),
        "is_list": wanted.view != MONTH,
        "same": wanted.query(month="", day=""),
        "of_a_day": wanted.query(month="", day="", view=""),
        "is_filtered": bool(wanted.project or wanted.environment or wanted.kind),
        "all_query": wanted.query(project="", environment="", kind=""),
        "deployments_query": query_of({**filters, "since": day, "until": day}),
        "orders_query": query_of({"project": wanted.project, "since": day, "until": day}),
    }  # fmt: skip


def _choices(rights: Rights, wanted: Wanted) -> dict[str, Any]:
    projects = {one.project.slug: one.project for one in rights.spaces}
    environments = {one.environment.slug: one.environment.label for one in rights.spaces}
    return {
        "projects": [(slug, f"{slug.upper()} {one}", slug == wanted.project) for slug, one in sorted(projects.items())],
        "environments": [(slug, label, slug == wanted.environment) for slug, label in environments.items()],
        "kinds": [(kind, word, kind == wanted.kind) for kind, word in KINDS.items()],
    }
