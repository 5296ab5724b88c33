"""Environments and spaces."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_POST

from accounts.actor import actor_of
from accounts.models import User
from environments import page_parts
from environments.access import Rights, require, who_may
from environments.ceilings import show_ceilings
from environments.forms import EnvironmentForm, GrantsForm, PolicyForm, SpaceForm
from environments.grants import GRANTS
from environments.models import Space
from environments.policy import PRODUCTION_MINIMUM
from environments.selectors import places as selectors
from environments.selectors.people import find_project
from environments.selectors.places import policy_lines
from environments.selectors.quota import quota_seen
from environments.selectors.rule_changes import changes_of_environments, earlier_on, waiting_on
from environments.selectors.shown import sync_shown
from environments.services import archive
from environments.services import grants as grant_services
from environments.services import places as place_services
from environments.services import spaces as services
from environments.services.spaces import sync_again, version_of
from environments.views.form_page import form_page, form_view
from foundation.api.routes import api_route, with_field, without_field
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import is_refused, is_saved, redirect_with, replace_values, status_of, try_save

OF_PROJECT = {"slug": "project"}
"""The API calls slug what is project in the addresses of spaces."""


@login_required
def list_environments(request: HttpRequest) -> HttpResponse:
    """The flow graph, and the spaces as project × environment with their policy and quota in short."""
    user, places = actor_of(request), selectors.list_environments()
    text, start = (request.GET.get(name, "").strip()[:120] for name in ("search", "start"))
    drawing = selectors.drawing_of(places)
    boxes = selectors.boxes_of(places, drawing)
    may_manage = Rights(user).can("manage_places")
    context = {
        "environments": places,
        "archived": selectors.list_environments(is_archived=True) if may_manage else [],
        "drawing": drawing,
        "boxes": boxes,
        "steps": selectors.steps_of(boxes),
        "table": selectors.space_table(user, places, text=text, start=start),
        "search": text,
        "may_manage": may_manage,
        "rule_changes": changes_of_environments(user),
        "sees_site": Rights(user).can("see_site"),
        "nav": "environments",
    }
    return render(request, "environments/list.html", context)


@api_route("environments_create")
@form_view("manage_places")
def new_environment(request: HttpRequest) -> HttpResponse:
    user = actor_of(request)
    form = EnvironmentForm(request.POST or None)
    if form.is_valid() and is_saved(form, lambda: place_services.create_environment(actor=user, **form.values())):
        return redirect("environments:list")
    return form_page(request, form, _("New environment"), back=resolve_url("environments:list"), nav="environments")


@api_route("environments_update")
@form_view("manage_places")
def edit_environment(request: HttpRequest, slug: str) -> HttpResponse:
    """Change an environment and its place in the flow."""
    user = actor_of(request)
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
    user = actor_of(request)
    row, rights = selectors.find_space(user, project, environment), Rights(user)
    context = _space_context(request, row) | {
        "ceilings": show_ceilings(row),
        "policy": policy_lines(row),
        "rule_change": waiting_on(user, row),
        "earlier": earlier_on(user, row),
        "grants": [(grant.label, row.grants.get(grant.name, [])) for grant in GRANTS],
        "may_edit_policy": rights.can("edit_policy", project_id=row.project_id),
        "who_edits_policy": who_may("edit_policy", project_id=row.project_id),
        "who_manages": who_may("manage_places"),
        "parts": page_parts.SPACE.of(row, rights),
        # What happens to orders is told to the project.
        "topic": f"space:{row.pk},project:{row.project_id}",
    }
    return render(request, "environments/space.html", context)


@api_route("spaces_sync", names=OF_PROJECT)
@login_required
def sync(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """The part of a space's page that says how far its namespace and quota are; POST applies them once more."""
    row = selectors.find_space(actor_of(request), project, environment)
    if request.method == "POST":
        sync_again(actor=actor_of(request), space=row)
        return redirect("environments:space", project, environment)
    return render(request, "environments/_sync.html", _space_context(request, row))


@api_route("environments_restore", when=with_field("restore"))
@api_route("environments_archive", when=without_field("restore"))
@login_required
@require_POST
def archive_environment(request: HttpRequest, slug: str) -> HttpResponse:
    """Into the archive, or (``restore`` posted) out of it."""
    act = archive.restore_environment if "restore" in request.POST else archive.archive_environment
    act(actor=actor_of(request), environment=selectors.find_environment(slug))
    return redirect("environments:list")


@api_route("spaces_restore", names=OF_PROJECT, when=with_field("restore"))
@api_route("spaces_archive", names=OF_PROJECT, when=without_field("restore"))
@login_required
@require_POST
def archive_space(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Into the archive, or (``restore`` posted) out of it."""
    user = actor_of(request)
    row = selectors.find_space(user, project, environment)
    if "restore" in request.POST:
        archive.restore_space(actor=user, space=row)
    else:
        archive.archive_space(actor=user, space=row, reason=request.POST.get("reason", ""))
    return redirect("environments:space", project, environment)


@api_route("spaces_create", names=OF_PROJECT)
@form_view("manage_places")
def new_space(request: HttpRequest, project: str) -> HttpResponse:
    user = actor_of(request)
    row, form = find_project(user, project), SpaceForm(request.POST or None)
    if form.is_valid():
        made = try_save(form, lambda: services.create_space(actor=user, project=row, **form.values()))
        if made:
            message = _("Saved. A worker is creating the namespace and its quota.")
            return redirect_with(request, message, "environments:space", project, made.environment.slug)
    title = _("New space of %(project)s", project=row)
    return form_page(request, form, title, back=resolve_url("environments:project", project))


@api_route("spaces_update", names=OF_PROJECT)
@form_view("manage_places")
def edit_space(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Change cluster, namespace and ceilings."""
    user = actor_of(request)
    row = selectors.find_space(user, project, environment)
    form = SpaceForm(request.POST or None, space=row)
    if form.is_valid() and is_saved(
        form,
        lambda: services.edit_space(actor=user, space=row, version=form.cleaned_data["version"], **form.values()),
    ):
        message = _("Saved. A worker is updating the namespace and its quota.")
        if waiting_on(user, row):
            message = _("What is stricter holds; what is looser waits for a second person.")
        return redirect_with(request, message, "environments:space", project, environment)
    if is_refused(form):
        replace_values(form, version=version_of(selectors.find_space(user, project, environment)))
    back = resolve_url("environments:space", project, environment)
    return form_page(request, form, str(row), back=back, nav="environments")


@api_route("spaces_update_policy", names=OF_PROJECT)
@login_required
def edit_policy(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Change the policy within the site's minimum."""
    user = actor_of(request)
    row = selectors.find_space(user, project, environment)
    require(user, "edit_policy", project_id=row.project_id)
    form = PolicyForm(request.POST or None, space=row)
    if form.is_valid() and is_saved(form, lambda: services.edit_policy(actor=user, space=row, **form.values())):
        return redirect_with(request, _said(user, row), "environments:space", project, environment)
    if is_refused(form):
        replace_values(form, version=version_of(selectors.find_space(user, project, environment)))
    context = {
        "form": form,
        "space": row,
        "minimum": PRODUCTION_MINIMUM if row.environment.is_production else (),
        "rule_change": waiting_on(user, row),
        "nobody_could_deploy": "despite_warnings" in form.errors,
        "nav": "environments",
    }
    return render(request, "environments/policy.html", context, status=status_of(form))


def _said(user: User, row: Space) -> MessageLike:
    if waiting_on(user, row):
        return _("What is stricter holds; what is looser waits for a second person.")
    return _("Saved. It applies from the next act on.")


@api_route("spaces_update_grants", names=OF_PROJECT)
@login_required
def edit_grants(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Grant ways out of the space."""
    user = actor_of(request)
    require(user, "edit_grants")
    row = selectors.find_space(user, project, environment)
    form = GrantsForm(request.POST or None, space=row)
    if form.is_valid() and is_saved(form, lambda: grant_services.edit_grants(actor=user, space=row, **form.values())):
        message = _("Saved. The next review asks the new grants.")
        return redirect_with(request, message, "environments:space", project, environment)
    if is_refused(form):
        replace_values(form, version=version_of(selectors.find_space(user, project, environment)))
    title = _("Ways out of %(space)s", space=row)
    back = resolve_url("environments:space", project, environment)
    return form_page(request, form, title, back=back, nav="environments")
