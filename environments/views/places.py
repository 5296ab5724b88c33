"""Environments and spaces."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _

from accounts.actor import actor_of
from environments.access import Rights, require, who_may
from environments.ceilings import show_ceilings
from environments.forms.places import EnvironmentForm, PolicyForm, SpaceForm
from environments.models import Space
from environments.policy import PRODUCTION_MINIMUM
from environments.selectors import places as selectors
from environments.selectors.people import find_project
from environments.selectors.policies import policy_lines
from environments.selectors.quota import quota_seen
from environments.selectors.shown import sync_shown
from environments.services import places as place_services
from environments.services import spaces as services
from environments.services.spaces import version_of
from environments.services.syncs import sync_again
from environments.views.saving import draw_anew, form_page, is_refused, is_saved, status_of, try_save


@login_required
def list_environments(request: HttpRequest) -> HttpResponse:
    """The flow graph, and the spaces as project × environment with their policy and quota in short."""
    user, places = actor_of(request), selectors.list_environments()
    text, start = (request.GET.get(name, "").strip()[:120] for name in ("search", "start"))
    drawing = selectors.drawing_of(places)
    boxes = selectors.boxes_of(places, drawing)
    context = {
        "environments": places,
        "drawing": drawing,
        "boxes": boxes,
        "steps": selectors.steps_of(boxes),
        "table": selectors.space_table(user, places, text=text, start=start),
        "search": text,
        "may_manage": Rights(user).can("manage_places"),
        "sees_site": Rights(user).can("see_site"),
        "nav": "environments",
    }
    return render(request, "environments/list.html", context)


@login_required
def new_environment(request: HttpRequest) -> HttpResponse:
    """Make an environment."""
    user = actor_of(request)
    require(user, "manage_places")
    form = EnvironmentForm(request.POST or None)
    if form.is_valid() and is_saved(form, lambda: place_services.create_environment(actor=user, **form.values())):
        return redirect("environments:list")
    return form_page(request, form, _("New environment"), back=resolve_url("environments:list"), nav="environments")


@login_required
def edit_environment(request: HttpRequest, slug: str) -> HttpResponse:
    """Change an environment and its place in the flow."""
    user = actor_of(request)
    require(user, "manage_places")
    row = selectors.find_environment(slug)
    form = EnvironmentForm(request.POST or None, environment=row)
    if form.is_valid() and is_saved(
        form, lambda: place_services.edit_environment(actor=user, environment=row, **form.values())
    ):
        return redirect("environments:list")
    return form_page(request, form, row.label, back=resolve_url("environments:list"), nav="environments")


def _space_context(request: HttpRequest, row: Space) -> dict[str, object]:
    rights = Rights(actor_of(request))
    return {
        "space": row,
        "sync": sync_shown(row),
        "quota": quota_seen(row),
        "may_manage": rights.can("manage_places"),
        "nav": "environments",
    }


@login_required
def space(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """One space: place, ceilings, quota as last seen, policy."""
    row = selectors.find_space(actor_of(request), project, environment)
    rights = Rights(actor_of(request))
    context = _space_context(request, row) | {
        "ceilings": show_ceilings(row),
        "policy": policy_lines(row),
        "may_edit_policy": rights.can("edit_policy", project_id=row.project_id),
        "who_edits_policy": who_may("edit_policy", project_id=row.project_id),
        "who_manages": who_may("manage_places"),
        "topic": f"space:{row.pk}",
    }
    return render(request, "environments/space.html", context)


@login_required
def sync(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """The part of a space's page that says how far its namespace and quota are; POST applies them once more."""
    row = selectors.find_space(actor_of(request), project, environment)
    if request.method == "POST":
        sync_again(actor=actor_of(request), space=row)
        return redirect("environments:space", project, environment)
    return render(request, "environments/_sync.html", _space_context(request, row))


@login_required
def new_space(request: HttpRequest, project: str) -> HttpResponse:
    """Give a project a space."""
    user = actor_of(request)
    require(user, "manage_places")
    row, form = find_project(user, project), SpaceForm(request.POST or None)
    if form.is_valid():
        made = try_save(form, lambda: services.create_space(actor=user, project=row, **form.values()))
        if made:
            messages.success(request, _("Saved. A worker is creating the namespace and its quota."))
            return redirect("environments:space", project, made.environment.slug)
    title = _("New space of %(project)s") % {"project": row}
    return form_page(request, form, title, back=resolve_url("environments:project", project))


@login_required
def edit_space(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Change cluster, namespace and ceilings."""
    user = actor_of(request)
    require(user, "manage_places")
    row = selectors.find_space(user, project, environment)
    form = SpaceForm(request.POST or None, space=row)
    if form.is_valid() and is_saved(
        form,
        lambda: services.edit_space(actor=user, space=row, version=form.cleaned_data["version"], **form.values()),
    ):
        messages.success(request, _("Saved. A worker is updating the namespace and its quota."))
        return redirect("environments:space", project, environment)
    if is_refused(form):
        draw_anew(form, version=version_of(selectors.find_space(user, project, environment)))
    back = resolve_url("environments:space", project, environment)
    return form_page(request, form, str(row), back=back, nav="environments")


@login_required
def edit_policy(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Change the policy within the site's minimum."""
    user = actor_of(request)
    row = selectors.find_space(user, project, environment)
    require(user, "edit_policy", project_id=row.project_id)
    form = PolicyForm(request.POST or None, space=row)
    if form.is_valid() and is_saved(form, lambda: services.edit_policy(actor=user, space=row, **form.values())):
        messages.success(request, _("Saved. It applies from the next act on."))
        return redirect("environments:space", project, environment)
    if is_refused(form):
        draw_anew(form, version=version_of(selectors.find_space(user, project, environment)))
    context = {
        "form": form,
        "space": row,
        "minimum": PRODUCTION_MINIMUM if row.environment.is_production else (),
        "nav": "environments",
    }
    return render(request, "environments/policy.html", context, status=status_of(form))
