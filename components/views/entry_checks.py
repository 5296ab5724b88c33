"""The form of an entry check: that of every environment, or of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components import selectors, services
from components.choices import EntryKind
from components.entry_words import summary_of
from components.forms import EntryCheckForm
from components.models import Component, EntryCheck
from components.services.entry_checks import FIELDS
from components.views.head import open_component
from components.views.pages import page
from environments.access import Rights, require
from environments.models import Environment, Space
from foundation.api.routes import api_route
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import put_errors, put_refusal, redirect_with, status_of
from foundation.problems import Invalid, Missing, Refused, Stale
from foundation.request_context import note_refusal


@dataclass(frozen=True)
class EntryPlace:
    """One line of the settings' card; ``environment`` None is every environment. ``word`` where nothing is asked."""

    environment: Environment | None
    summary: str
    word: MessageLike
    url: str
    may_edit: bool = False


def entry_places(component: Component, spaces: Sequence[Space], rights: Rights) -> list[EntryPlace]:
    """What counts everywhere, then what each environment has of its own: one query."""
    rows = selectors.current_entry_checks(component)
    names = [component.project.slug, component.slug]
    may = not component.is_archived and rights.can("edit_allocation", project_id=component.project_id)
    found = [_place(rows.get(None), None, reverse("components:entry-check", args=names), may)]
    for space in spaces:
        one = space.environment
        may = not component.is_archived and rights.can("edit_allocation", space=space)
        url = reverse("components:entry-check-in", args=[*names, one.slug])
        found.append(_place(rows.get(one.pk), one, url, may))
    return found


def _place(row: EntryCheck | None, environment: Environment | None, url: str, may_edit: bool = False) -> EntryPlace:
    kind = row.kind if row else EntryKind.NONE if environment is None else EntryKind.EVERYWHERE
    return EntryPlace(environment, summary_of(row), EntryKind(kind).label, url, may_edit)


@api_route("component_entry_check_save")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_general(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """What counts in every environment that has nothing of its own."""
    found, _rights = open_component(request, project, slug)
    require(actor_of(request), "edit_allocation", project_id=found.project_id)
    return _edit(request, found, None)


@api_route("component_entry_check_save_in")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """What counts in one environment."""
    found, _rights = open_component(request, project, slug)
    spaces = selectors.spaces_of(found)
    space = next((one for one in spaces if one.environment.slug == environment), None)
    if space is None:
        raise Missing()
    require(actor_of(request), "edit_allocation", space=space)
    return _edit(request, found, space.environment)


def _edit(request: HttpRequest, found: Component, place: Environment | None) -> HttpResponse:
    if request.method != "POST":
        return _show(request, found, place, _form(found, place))
    form, stale = _form(found, place, request.POST), ""
    if form.is_valid():
        try:
            return _saved(request, found, place, form)
        except Invalid as error:
            put_errors(form, error)
        except Stale as error:
            note_refusal(error)
            # What was typed stays, drawn from the newest version now: saving again means it.
            newest = selectors.own_entry_check(found, place)
            given = {**request.POST.dict(), "seen_number": newest.number if newest else 0}
            form, stale = _form(found, place, given), str(error)
        except Refused as error:
            put_refusal(form, error)
    return _show(request, found, place, form, stale=stale)


def _form(found: Component, place: Environment | None, given: Any = None) -> EntryCheckForm:
    """As it is saved, or as it was typed."""
    initial = _initial(selectors.own_entry_check(found, place), place)
    return EntryCheckForm(given, is_general=place is None, initial=initial)


def _saved(request: HttpRequest, found: Component, place: Environment | None, form: EntryCheckForm) -> HttpResponse:
    given = form.cleaned_data
    saved = services.save_entry_check(
        actor=actor_of(request),
        component=found,
        environment=place,
        values={name: given[name] for name in FIELDS},
        seen_number=given["seen_number"],
        note=given["note"],
    )
    message = _("The entry check is version %(n)s: it counts from the next review on.", n=saved.number)
    return redirect_with(request, message, "components:edit", found.project.slug, found.slug)


def _show(
    request: HttpRequest, found: Component, place: Environment | None, form: EntryCheckForm, *, stale: str = ""
) -> HttpResponse:
    context = {"form": form, "component": found, "environment": place, "stale": stale}
    if stale:
        context["theirs"] = _place(selectors.own_entry_check(found, place), place, "")
    return page(request, "components/entry_check.html", context, status=409 if stale else status_of(form))


def _initial(current: EntryCheck | None, place: Environment | None) -> dict[str, object]:
    if current is None:
        kind = EntryKind.NONE if place is None else EntryKind.EVERYWHERE
        return {"kind": kind, "path": "/", "patience_seconds": 60, "seen_number": 0}
    return {**{name: getattr(current, name) for name in FIELDS}, "seen_number": current.number}
