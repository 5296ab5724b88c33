"""The list of components, one component, and its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.models import Project, User
from components import selectors, services
from components.completeness import missing_of_many
from components.favourites import favourites_first, only_favourites, with_stars
from components.forms import NewComponentForm
from components.history import changes_of
from components.models import Component
from components.panels import tell, tell_of_many
from components.views.head import head_of, made_from, open_component
from components.views.pages import page
from environments.access import Rights, visible_projects
from foundation import paging
from foundation.api.routes import api_route, with_field, without_field
from foundation.messages import message as _
from foundation.pages import act_view, is_htmx, read_view, redirect_with, status_of, try_save

MOST_CHANGES = 100


@read_view
def list_components(request: HttpRequest) -> HttpResponse:
    """Components this person sees, by project and part of the name; their favourites stand first."""
    user, given = actor_of(request), request.GET
    projects = visible_projects(user).filter(is_archived=False)
    project = projects.filter(slug=given.get("project", "")).first()
    is_on = {name: name in given for name in ("archived", "favourites")}
    rows = selectors.list_components(
        user, project=project, text=given.get("search", ""), with_archived=is_on["archived"]
    )
    shown, found = _first_and_others(request, with_stars(rows, user), only_first=is_on["favourites"])
    query = given.copy()
    for cursor in ("before", "after"):
        query.pop(cursor, None)
    context = {
        "page": shown,
        "rows": _rows(found),
        "topic": ",".join(f"project:{pk}" for pk in sorted({row.project_id for row in found})),
        "projects": projects,
        "project": project,
        "search": given.get("search", ""),
        "query": query.urlencode(),
        "is_on": is_on,
        "may_create": _creatable_projects(user).exists(),
    }
    return page(request, "components/list.html", context)


def _first_and_others(
    request: HttpRequest, rows: QuerySet[Component], *, only_first: bool
) -> tuple[paging.Page[Component], list[Component]]:
    """The page that the address asks for, and its rows: the first one begins with the person's favourites."""
    user = actor_of(request)
    if only_first:
        shown = paging.asked_page(only_favourites(rows, user), request.GET)
        return shown, list(shown.items)
    first, others = favourites_first(rows, user)
    shown = paging.asked_page(others, request.GET)
    return shown, [*(first if shown.previous_cursor is None else ()), *shown.items]


def _rows(components: Sequence[Component]) -> list[dict[str, Any]]:
    """Each with where it runs, as the releases app tells, and what is not set of it."""
    chips, missing = tell_of_many("chips", components), missing_of_many(components)
    return [{"component": row, "chips": chips.get(row.pk, []), "missing": missing[row.pk]} for row in components]


def _creatable_projects(user: User) -> Any:
    rights = Rights(user)
    projects = visible_projects(user).filter(is_archived=False)
    able = [project.pk for project in projects if rights.can("edit_component", project_id=project.pk)]
    return Project.objects.filter(pk__in=able)


@api_route("components_create", only=("project", "name"))
@login_required
@require_http_methods(["GET", "POST"])
def new_component(request: HttpRequest) -> HttpResponse:
    """A name in a project; the settings come next."""
    user = actor_of(request)
    form = NewComponentForm(
        request.POST or None, projects=_creatable_projects(user), initial={"project": request.GET.get("project", "")}
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        component = try_save(
            form, lambda: services.create_component(actor=user, project=given["project"], name=given["name"])
        )
        if component:
            place = (component.project.slug, component.slug)
            message = _("The component is created: fill in its settings.")
            return redirect_with(request, message, "components:edit", *place)
    return page(request, "components/new.html", {"form": form}, status=status_of(form))


@read_view
def component(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Opens on where it runs and its last orders, as the releases app tells."""
    return _told(request, project, slug, "running")


@read_view
def orders(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """The component's newest orders, as the releases app tells."""
    return _told(request, project, slug, "orders")


def _told(request: HttpRequest, project: str, slug: str, tab: str) -> HttpResponse:
    found, rights = open_component(request, project, slug)
    told = tell(tab, found, actor_of(request))
    if is_htmx(request):
        return page(request, f"components/_{tab}.html", {"component": found, **told})
    context = head_of(request, found, tab, selectors.current_settings(found), rights)
    if tab == "running":
        context |= {"toolchain": selectors.toolchain_of(found.project), "made_from": made_from(context["settings"])}
    return page(request, f"components/{tab}.html", {**context, **told})


@read_view
def history(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Who changed which value, when and why: settings, allocations and configurations together."""
    found, rights = open_component(request, project, slug)
    context = head_of(request, found, "settings", selectors.current_settings(found), rights)
    context["history"] = changes_of(found, limit=MOST_CHANGES)
    return page(request, "components/history.html", context)


@api_route("component_archive")
@act_view
def archive(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Archives the component, or brings it back."""
    user = actor_of(request)
    found = selectors.find_component(user, project, slug)
    is_archived = request.POST.get("is_archived") != "no"
    services.archive_component(actor=user, component=found, is_archived=is_archived)
    return redirect_with(request, ARCHIVED if is_archived else RESTORED, "components:detail", project, slug)


@api_route("favourites_create", when=with_field("favourite"))
@api_route("favourites_destroy", when=without_field("favourite"))
@act_view
def favourite(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """With ``favourite`` the component stands first in the person's lists; without, no longer.

    ``list``: the filters of the list that it was asked on, to come back to.
    """
    user = actor_of(request)
    if "favourite" in request.POST:
        services.add_favourite(actor=user, component=selectors.find_component(user, project, slug))
        message = _("It is one of your favourites: it stands first in your lists.")
    else:
        services.remove_favourite(actor=user, project=project, slug=slug)
        message = _("It is none of your favourites any more.")
    if "list" in request.POST:
        messages.success(request, str(message))
        return redirect(f"{reverse('components:list')}?{request.POST['list']}")
    return redirect_with(request, message, "components:detail", project, slug)


ARCHIVED = _("It is archived: lists and new orders leave it out.")
RESTORED = _("It is out of the archive.")
