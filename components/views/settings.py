"""The Settings tab: shown to whoever sees the component, saved as next versions by who may."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actor import actor_of
from components import looks, selectors, services
from components.history import changes_of
from components.models import ComponentSettings
from components.targets import git_server_of
from components.views.head import head_of, made_from, open_component
from components.views.pages import is_partial, page, warn
from components.views.sheet import Sheet, check_sheet, copy_column, draw_sheet, grid_of, newest_numbers, put_wrong
from environments.access import Rights, require, who_may
from foundation.problems import Invalid, Refused, Stale
from foundation.sentences import listed

RECENT_CHANGES = 5


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """All settings and the grid in one form; a column may be copied onto another before anything is saved."""
    found, rights = open_component(request, project, slug)
    user = actor_of(request)
    if request.method != "POST":
        return _show(request, draw_sheet(found, user, rights, asked=request.GET), rights)
    sheet = draw_sheet(found, user, rights, given=request.POST)
    if "copy" in request.POST:
        copied = copy_column(sheet, request.POST.get("copy_from", ""), request.POST.get("copy_to", ""))
        return _show(request, copied, rights)
    if not (sheet.may_edit or sheet.may_allocate):
        require(user, "edit_component", project_id=found.project_id)
    forms = [sheet.form, *(column.form for column in sheet.columns)]
    if all([form.is_valid() for form in forms]):
        try:
            return _saved(request, sheet)
        except Invalid as error:
            put_wrong(sheet, error)
        except Stale as error:
            return _show_stale(request, sheet, error, rights)
    return _show(request, sheet, rights, status=400)


def _saved(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    values = dict(sheet.form.cleaned_data)
    seen_number, note = values.pop("seen_number"), values.pop("note")
    before = {column.environment: column.current for column in sheet.columns}
    saved = services.save_sheet(
        actor=actor_of(request),
        component=sheet.component,
        values=values if sheet.may_edit else None,
        seen_number=seen_number,
        grid=grid_of(sheet),
        seen={column.environment: column.form.cleaned_data["seen_number"] for column in sheet.columns},
        note=note,
    )
    changed = [
        place.label for place, row in saved.allocations.items() if row.allocation.pk != getattr(before[place], "pk", 0)
    ]
    if saved.is_new and saved.settings:
        messages.success(request, _("The settings are saved as version %(n)s.") % {"n": saved.settings.number})
    if changed:
        said = ngettext(
            "The allocation in %(places)s is saved.", "The allocations in %(places)s are saved.", len(changed)
        )
        messages.success(request, said % {"places": listed(changed)})
    if not saved.is_new and not changed:
        messages.info(request, _("Nothing was different: nothing was saved."))
    for place in saved.allocations.values():
        warn(request, place.warnings)
    return redirect("components:edit", sheet.component.project.slug, sheet.component.slug)


def _show_stale(request: HttpRequest, sheet: Sheet, error: Stale, rights: Rights) -> HttpResponse:
    """What was typed stays in the form, which is drawn from the newest versions now: saving again means it."""
    again = draw_sheet(sheet.component, actor_of(request), rights, given=newest_numbers(sheet, request.POST))
    again.form.is_valid()
    again.stale = str(error)
    return _show(request, again, rights, status=409)


def _show(request: HttpRequest, sheet: Sheet, rights: Rights, *, status: int = 200) -> HttpResponse:
    context = head_of(request, sheet.component, "settings", sheet.settings, rights)
    sources = {one.field: one for one in made_from(sheet.settings)}
    context |= {
        "image_fields": [(field, sources.get(field.name)) for field in sheet.form.image()],
        "sheet": check_sheet(sheet),
        "form": sheet.form,
        "columns": sheet.columns,
        "toolchain": selectors.toolchain_of(sheet.component.project),
        "look": _last_look(sheet.settings),
        "may_look": rights.can("list_branches", project_id=sheet.component.project_id),
        "history": changes_of(sheet.component, limit=RECENT_CHANGES),
        "next_number": (sheet.settings.number if sheet.settings else 0) + 1,
        "who_edits": "" if sheet.may_edit else who_may("edit_component", project_id=sheet.component.project_id),
        "who_allocates": ""
        if sheet.may_allocate
        else who_may("edit_allocation", project_id=sheet.component.project_id),
    }
    return page(request, "components/settings.html", context, status=status)


def _last_look(settings: ComponentSettings | None) -> selectors.LastLook | None:
    if settings is None or not settings.git_url:
        return None
    try:
        key = git_server_of(settings.git_url).remote_key
    except Refused:
        key = ""
    return selectors.last_look(settings.git_url, remote_key=key)


@login_required
@require_POST
def check(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """What the server says to the grid as it stands in the form now; nothing is saved."""
    found, rights = open_component(request, project, slug)
    sheet = check_sheet(draw_sheet(found, actor_of(request), rights, given=request.POST))
    context = {"sheet": sheet, "columns": sheet.columns, "is_part": True}
    return page(request, "components/_checks.html", context)


@login_required
@require_POST
def look(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Asks the Git remote now; at most five seconds, and the stored answer stays when it does not come."""
    found, rights = open_component(request, project, slug)
    require(actor_of(request), "list_branches", project_id=found.project_id)
    seen = looks.branches(found)
    if not is_partial(request):
        # What was typed so far stays in the form.
        sheet = copy_column(draw_sheet(found, actor_of(request), rights, given=request.POST), "", "")
        return _show(request, sheet, rights)
    settings = selectors.current_settings(found)
    context: dict[str, Any] = {
        "component": found,
        "look": _last_look(settings),
        "reason": seen.reason,
        "may_look": True,
    }
    return page(request, "components/_git_look.html", context)
