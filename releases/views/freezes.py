"""封网: freezes, a new one with what it stops, one with its end, and calendars."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.models import Project
from environments import freezes
from environments.access import Rights, visible_to
from environments.models import DayCalendar, Freeze, Space
from environments.selectors.people import find_project
from environments.selectors.places import find_space
from environments.services import freezes as services
from foundation import paging
from foundation.api.routes import Body, FormInput, api_route, without_field
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.pages import act_view, is_saved, put_errors, read_view, redirect_with, status_of, try_save
from foundation.problems import Invalid
from releases.freeze_forms import TRADING, CalendarForm, FreezeEndForm, FreezeForm
from releases.presenters.acts import Act, Refusal, refusal
from releases.presenters.freezes import SIGN, next_spans, shown, shown_all
from releases.views.pages import page, rights_of
from releases.when_gates import waiting_under

SITE = "site"


@read_view
def list_all(request: HttpRequest) -> HttpResponse:
    """Newest first: those of the site and of the projects that the person sees."""
    rights = rights_of(request)
    found = paging.asked_page(freezes.visible_freezes(rights.user, rights=rights), request.GET)
    places = _places(rights)
    no = Refusal() if places else Refusal(_("Project administrators and platform administrators make freezes."))
    context = {
        "page": found, "rows": shown_all(found.items), "query": "",
        "add": Act(_("New freeze"), reverse("releases:new-freeze"), no=no, sign=SIGN),
        "trading": Act(_("Trading hours"), f"{reverse('releases:new-freeze')}?preset=trading", no=no, sign="clock"),
    }  # fmt: skip
    return page(request, "releases/freezes.html", context, nav="environments")


def _places(rights: Rights) -> list[tuple[str, Any]]:
    """Of what this person may make one: ``site``, ``project``, ``project/environment``."""
    found: list[tuple[str, Any]] = [(SITE, _("the whole site"))] if rights.can("freeze_site") else []
    seen = Project.objects.filter(visible_to(rights.user, rights=rights, field="pk"), is_archived=False)
    for project in seen.order_by("slug"):
        if rights.can("freeze", project_id=project.pk):
            found.append((project.slug, project.slug.upper()))
            found += [
                (f"{project.slug}/{one.environment.slug}", str(one))
                for one in rights.spaces if one.project_id == project.pk
            ]  # fmt: skip
    return found


def _calendars(rights: Rights) -> list[DayCalendar]:
    seen = visible_to(rights.user, rights=rights)
    return list((DayCalendar.objects.filter(project=None) | DayCalendar.objects.filter(seen)).distinct())


def _place_of(request: HttpRequest, where: str) -> dict[str, Project | Space | None]:
    user = actor_of(request)
    project, environment = _slugs(where)
    if not project:
        return {"project": None, "space": None}
    if environment:
        return {"project": None, "space": find_space(user, project, environment)}
    return {"project": find_project(user, project), "space": None}


def _slugs(where: str) -> tuple[str, str]:
    """Of project and environment; both empty for the site, the second one for a whole project."""
    project, _slash, environment = ("" if where == SITE else where).partition("/")
    return project, environment


def _place_body(form: FormInput) -> Body:
    project, environment = _slugs(form.text("where"))
    return {"project": project, "environment": environment}


def _freeze_body(form: FormInput) -> Body:
    weekdays = [int(day) for day in form.data.getlist("weekdays") if day.isdecimal()]
    return _place_body(form) | {"only_production": bool(form.text("only_production")), "weekdays": weekdays}


@api_route("freezes_create", when=without_field("preview"), more=_freeze_body)
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Of what, when and why; POST looks at what it would stop, and a second one saves it."""
    user, rights = actor_of(request), rights_of(request)
    places, preset = _places(rights), request.GET.get("preset", "")
    initial = {"where": request.GET.get("space", "")} | (
        TRADING | {"name": str(_("Trading hours"))} if preset == "trading" else {}
    )
    form = FreezeForm(request.POST or None, where=places, calendars=_calendars(rights), initial=initial)
    drafted: Freeze | None = None
    if form.is_valid():
        values = form.values() | _place_of(request, form.cleaned_data["where"])
        if "preview" in request.POST:
            drafted = _drafted(form, values, request)
        else:
            row = try_save(form, lambda: services.make_freeze(actor=user, **values))
            if row is not None:
                return redirect_with(request, _("The freeze is saved."), "releases:freeze", row.pk)
    context = {
        "form": form, "drafted": shown(drafted, db_now()) if drafted else None, "spans": _spans(drafted),
        "stops": waiting_under(drafted) if drafted else [], "is_allowed": bool(places),
    }  # fmt: skip
    return page(request, "releases/new_freeze.html", context, nav="environments", status=status_of(form))


def _drafted(form: FreezeForm, values: dict[str, Any], request: HttpRequest) -> Freeze | None:
    """The row as it would be; None where it does not fit, which the form says."""
    row = services.draft(actor_of(request), **values)
    try:
        services.check_freeze(actor_of(request), row)
    except Invalid as error:
        put_errors(form, error)
        return None
    return row


def _spans(row: Freeze | None) -> list[Any]:
    return next_spans(row, db_now()) if row is not None and row.ended_at is None else []


@read_view
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """When it is next, whom it stops, and its end."""
    return _page_of(request, freezes.find_freeze(actor_of(request), pk), FreezeEndForm())


def _page_of(request: HttpRequest, row: Freeze, form: FreezeEndForm) -> HttpResponse:
    rights = rights_of(request)
    found, project_id = shown(row, db_now()), freezes.project_id_of(row)
    no = refusal(rights, freezes.verb_of(row), project_id=project_id)
    is_asked = freezes.is_asked_to_end(row)
    context = {
        "found": found, "row": row, "spans": _spans(row), "stops": waiting_under(row) if found.span else [],
        "form": form, "is_asked": is_asked, "may_confirm": is_asked and freezes.is_second(rights.user, row),
        "who_confirms": freezes.who_confirms(row) if is_asked else "",
        "needs_second": freezes.covers_production(row), "why": no.why, "who": no.who, "explain": no.explain,
    }  # fmt: skip
    return page(request, "releases/freeze.html", context, nav="environments", status=status_of(form))


@api_route("freezes_end")
@act_view
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Before its time; over production it waits for a second person then."""
    user = actor_of(request)
    row = freezes.find_freeze(user, pk)
    form = FreezeEndForm(request.POST)
    if form.is_valid() and is_saved(
        form, lambda: services.end_freeze(actor=user, row=row, reason=form.cleaned_data["reason"])
    ):
        return redirect_with(request, _("Noted."), "releases:freeze", pk)
    return _page_of(request, freezes.find_freeze(user, pk), form)


@api_route("freezes_confirm_end")
@act_view
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person's yes."""
    row = freezes.find_freeze(actor_of(request), pk)
    services.confirm_end(actor=actor_of(request), row=row)
    return redirect_with(request, _("The freeze is ended."), "releases:freeze", pk)


def _calendar_body(form: FormInput) -> Body:
    # The file is in the browser only.
    return {"project": _place_body(form)["project"], "text": "<content of the file>"}


@api_route("calendars_create", more=_calendar_body)
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def calendars(request: HttpRequest) -> HttpResponse:
    """Those that one may choose, and the form that uploads one."""
    user, rights = actor_of(request), rights_of(request)
    places = [(value, label) for value, label in _places(rights) if "/" not in value]
    form = CalendarForm(request.POST or None, request.FILES or None, where=places)
    if form.is_valid():
        given = form.cleaned_data
        project = None if given["where"] == SITE else find_project(user, given["where"])
        values = {"name": given["name"], "text": given["file"], "project": project}
        if is_saved(form, lambda: services.upload_calendar(actor=user, **values)):
            return redirect_with(request, _("The calendar is saved."), "releases:calendars")
    context = {"form": form, "found": _calendars(rights), "is_allowed": bool(places)}
    return page(request, "releases/calendars.html", context, nav="environments", status=status_of(form))
