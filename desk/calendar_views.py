"""发布日历: a month as a grid or as a list, and the chosen day item by item."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts.actor import actor_of
from desk.calendar import KINDS, Wanted, answered, read_day, read_month
from desk.calendar.wanted import LIST, MONTH
from environments.access import Rights
from environments.selectors.people import find_project
from foundation.api.routes import api_route
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.pages import act_view, query_of, read_view, redirect_with, wanted_part
from releases.day_notes import given_day, shown_notes
from releases.presenters.freezes import DAYS
from releases.services.day_notes import write_note
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
    if part == "notes":
        return page(request, "desk/_calendar_notes.html", context | _notes(rights, wanted))
    month = read_month(rights, wanted)
    context |= {"month": month, "weekdays": DAYS}
    if part:
        return page(request, "desk/_calendar_days.html", context)
    context |= {"zone": timezone.get_current_timezone_name(), **_choices(rights, wanted)}
    if wanted.view == MONTH:
        context |= {"chosen": answered(rights, wanted, month.chosen), **_notes(rights, wanted)}
    return page(request, "desk/calendar.html", context | topics_context(_project_ids(rights, wanted)))


@api_route("day_notes_create", from_form={"slug": lambda form: form.text("project")})
@act_view
def write(request: HttpRequest) -> HttpResponse:
    """A note on a day; leads back to that day, with the filters of the address."""
    given, actor = request.POST, actor_of(request)
    day = given_day(given.get("day", ""))
    write_note(actor=actor, project=find_project(actor, given.get("project", "")), day=day, text=given.get("text", ""))
    shown = Wanted.read(request.GET.dict() | {"month": "", "day": day.isoformat()}, day)
    return redirect_with(request, _("Your note is on the day."), f"{reverse('desk:calendar')}?{shown.query()}")


def _notes(rights: Rights, wanted: Wanted) -> dict[str, Any]:
    """The day's notes, and the projects that the person may write one for."""
    shown = {one.project_id: one.project for one in rights.spaces if wanted.project in ("", one.project.slug)}
    notes, is_cut = shown_notes(list(shown), wanted.day)
    may = [project for pk, project in shown.items() if rights.can("comment", project_id=pk)]
    return {"notes": notes, "notes_are_cut": is_cut, "note_projects": sorted(may, key=lambda one: one.slug)}


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
