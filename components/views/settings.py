"""The Settings tab: shown to all who see the component, saved as next versions by those who may."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components import live_reads, selectors, services
from components.api_bodies import grid, saves
from components.history import changes_of
from components.models import ComponentSettings
from components.targets import NOT_GIVEN, git_server_of
from components.views.entry_checks import entry_places
from components.views.head import head_of, made_from, open_component
from components.views.pages import page
from components.views.settings_page import (
    SettingsPage,
    check_settings_page,
    copy_column,
    draw_settings_page,
    grid_of,
    newest_numbers,
    put_wrong,
)
from environments.access import Rights, require, who_may
from foundation.api.routes import api_route, no_api_route
from foundation.messages import localized_list
from foundation.messages import message as _
from foundation.pages import act_view, is_htmx, warn
from foundation.problems import Invalid, Refused, Stale
from foundation.request_context import note_refusal

RECENT_CHANGES = 5


@api_route("component_settings_save", when=saves("name_zh"))
@api_route("component_allocations_save", when=saves("-replicas"), more=grid)
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """All settings and the grid in one form; a column may be copied onto another before anything is saved."""
    found, rights = open_component(request, project, slug)
    user = actor_of(request)
    if request.method != "POST":
        return _show(request, draw_settings_page(found, user, rights, asked=request.GET), rights)
    settings_page = draw_settings_page(found, user, rights, given=request.POST)
    if "copy" in request.POST:
        copied = copy_column(settings_page, request.POST.get("copy_from", ""), request.POST.get("copy_to", ""))
        return _show(request, copied, rights)
    if not (settings_page.may_edit or settings_page.may_allocate):
        require(user, "edit_component", project_id=found.project_id)
    forms = [settings_page.form, *(column.form for column in settings_page.columns)]
    if all([form.is_valid() for form in forms]):
        try:
            return _saved(request, settings_page)
        except Invalid as error:
            put_wrong(settings_page, error)
        except Stale as error:
            note_refusal(error)
            return _show_stale(request, settings_page, error, rights)
    return _show(request, settings_page, rights, status=400)


def _saved(request: HttpRequest, settings_page: SettingsPage) -> HttpResponse:
    values = dict(settings_page.form.cleaned_data)
    seen_number, note = values.pop("seen_number"), values.pop("note")
    before = {column.environment: column.current for column in settings_page.columns}
    saved = services.save_settings_page(
        actor=actor_of(request),
        component=settings_page.component,
        values=values if settings_page.may_edit else None,
        seen_number=seen_number,
        grid=grid_of(settings_page),
        seen={column.environment: column.form.cleaned_data["seen_number"] for column in settings_page.columns},
        note=note,
    )
    changed = [
        place.label for place, row in saved.allocations.items() if row.allocation.pk != getattr(before[place], "pk", 0)
    ]
    if saved.is_new and saved.settings:
        messages.success(request, str(_("The settings are saved as version %(n)s.", n=saved.settings.number)))
    if changed:
        said = ngettext(
            "The allocation in %(places)s is saved.", "The allocations in %(places)s are saved.", len(changed)
        )
        messages.success(request, said % {"places": localized_list(changed)})
    if not saved.is_new and not changed:
        messages.info(request, str(_("Nothing was different: nothing was saved.")))
    for place in saved.allocations.values():
        warn(request, place.warnings)
    return redirect("components:edit", settings_page.component.project.slug, settings_page.component.slug)


def _show_stale(request: HttpRequest, settings_page: SettingsPage, error: Stale, rights: Rights) -> HttpResponse:
    """What was typed stays in the form, which is drawn from the newest versions now: saving again means it."""
    again = draw_settings_page(
        settings_page.component, actor_of(request), rights, given=newest_numbers(settings_page, request.POST)
    )
    again.form.is_valid()
    again.stale = str(error)
    return _show(request, again, rights, status=409)


def _show(request: HttpRequest, settings_page: SettingsPage, rights: Rights, *, status: int = 200) -> HttpResponse:
    context = head_of(request, settings_page.component, "settings", settings_page.settings, rights)
    sources = {one.field: one for one in made_from(settings_page.settings)}
    context |= {
        "image_fields": [(field, sources.get(field.name)) for field in settings_page.form.image()],
        "settings_page": check_settings_page(settings_page),
        "form": settings_page.form,
        "columns": settings_page.columns,
        "entry_checks": entry_places(
            settings_page.component, [column.space for column in settings_page.columns], rights
        ),
        "toolchain": selectors.toolchain_of(settings_page.component.project),
        "last_read": _last_read(settings_page.settings),
        "may_read": rights.can("list_branches", project_id=settings_page.component.project_id),
        "history": changes_of(settings_page.component, limit=RECENT_CHANGES),
        "who_edits": ""
        if settings_page.may_edit
        else who_may("edit_component", project_id=settings_page.component.project_id),
        "who_allocates": ""
        if settings_page.may_allocate
        else who_may("edit_allocation", project_id=settings_page.component.project_id),
    }
    return page(request, "components/settings.html", context, status=status)


def _last_read(settings: ComponentSettings | None) -> selectors.LastRead | None:
    if settings is None or not settings.git_url:
        return None
    try:
        key = git_server_of(settings.git_url, settings.component.project).remote_key
    except Refused as refusal:
        if refusal.code == NOT_GIVEN:
            return None
        key = ""
    return selectors.last_read(settings.git_url, remote_key=key)


@no_api_route("saves nothing: what a save would say to the grid, while it is typed")
@act_view
def check(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """What the server says to the grid as it stands in the form now; nothing is saved."""
    found, rights = open_component(request, project, slug)
    settings_page = check_settings_page(draw_settings_page(found, actor_of(request), rights, given=request.POST))
    context = {"settings_page": settings_page, "columns": settings_page.columns, "is_part": True}
    return page(request, "components/_checks.html", context)


@no_api_route("reads: GET /api/v1/components/{project}/{slug}/branches/")
@act_view
def read_git(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Asks the Git remote now; at most five seconds, and the stored answer stays when it does not come."""
    found, rights = open_component(request, project, slug)
    require(actor_of(request), "list_branches", project_id=found.project_id)
    seen = live_reads.branches(found)
    if not is_htmx(request):
        # What was typed so far stays in the form.
        settings_page = copy_column(draw_settings_page(found, actor_of(request), rights, given=request.POST), "", "")
        return _show(request, settings_page, rights)
    settings = selectors.current_settings(found)
    context: dict[str, Any] = {
        "component": found,
        "last_read": _last_read(settings),
        "reason": seen.reason,
        "may_read": True,
    }
    return page(request, "components/_git_read.html", context)
