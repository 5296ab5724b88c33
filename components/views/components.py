"""The list of components, one component, and its settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actor import actor_of
from accounts.models import Project, User
from components import selectors, services
from components.completeness import missing_elements
from components.forms import NewComponentForm, SettingsForm, put_errors
from components.models import Allocation, Component, ComponentSettings, ConfigVersion
from components.services.allocations import show_amounts
from components.services.components import FIELDS, show_settings
from components.views.pages import done, page
from environments.access import Rights, require, visible_projects
from environments.models import Environment
from foundation import paging
from foundation.problems import Invalid

_URL_FIELDS = ("git_url",)
_CODE_FIELDS = ("build_command", "build_directory", "artifact_directory", "package_name")


@login_required
@require_safe
def list_components(request: HttpRequest) -> HttpResponse:
    """Components this person sees, by project and part of the name."""
    user = actor_of(request)
    projects = visible_projects(user).filter(is_archived=False)
    project = projects.filter(slug=request.GET.get("project", "")).first()
    rows = selectors.list_components(user, project=project, text=request.GET.get("search", ""))
    shown = paging.take_page(
        rows,
        before=paging.read_cursor(request.GET.get("before"), "before"),
        after=paging.read_cursor(request.GET.get("after"), "after"),
    )
    query = request.GET.copy()
    for cursor in ("before", "after"):
        query.pop(cursor, None)
    context = {
        "page": shown,
        "projects": projects,
        "project": project,
        "search": request.GET.get("search", ""),
        "query": query.urlencode(),
        "may_create": _creatable_projects(user).exists(),
    }
    return page(request, "components/list.html", context, part="components")


def _creatable_projects(user: User) -> Any:
    rights = Rights(user)
    projects = visible_projects(user).filter(is_archived=False)
    able = [project.pk for project in projects if rights.can("edit_component", project_id=project.pk)]
    return Project.objects.filter(pk__in=able)


@login_required
@require_http_methods(["GET", "POST"])
def new_component(request: HttpRequest) -> HttpResponse:
    """A name in a project; the settings come next."""
    user = actor_of(request)
    form = NewComponentForm(
        request.POST or None, projects=_creatable_projects(user), initial={"project": request.GET.get("project", "")}
    )
    if request.method == "POST" and form.is_valid():
        try:
            component = services.create_component(
                actor=user, project=form.cleaned_data["project"], name=form.cleaned_data["name"]
            )
        except Invalid as error:
            put_errors(form, error)
        else:
            place = (component.project.slug, component.slug)
            return done(request, _("The component is there: now its settings."), "components:edit", *place)
    status = 400 if form.is_bound else 200
    return page(request, "components/new.html", {"form": form}, part="components", status=status)


@dataclass(frozen=True)
class Column:
    """One environment of the grid: what is set there, and who may change its configuration."""

    environment: Environment
    allocation: Allocation | None
    amounts: dict[str, str]
    config: ConfigVersion | None
    may_configure: bool


@dataclass(frozen=True)
class Change:
    """One line of the history."""

    what: str
    row: ComponentSettings | Allocation | ConfigVersion


@login_required
@require_safe
def component(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Facts, what is missing, the grid, configuration and history of a component."""
    user = actor_of(request)
    found = selectors.find_component(user, project, slug)
    rights = Rights(user)
    settings = selectors.current_settings(found)
    context = {
        "component": found,
        "settings": settings,
        "groups": _shown_groups(settings) if settings else [],
        "missing": missing_elements(found, settings),
        "columns": read_columns(found, rights),
        "toolchain": selectors.toolchain_of(found.project),
        "history": [Change(_what(row), row) for row in selectors.history(found, limit=30)],
        "may_edit": rights.can("edit_component", project_id=found.project_id),
        "may_allocate": rights.can("edit_allocation", project_id=found.project_id),
        "may_archive": rights.can("archive_component", project_id=found.project_id),
    }
    return page(request, "components/detail.html", context, part="components")


def read_columns(found: Component, rights: Rights) -> list[Column]:
    """The grid's columns in the order of the flow."""
    allocations, configs = selectors.current_allocations(found), selectors.current_configs(found)
    columns = []
    for space in selectors.spaces_of(found):
        allocation = allocations.get(space.environment_id)
        verb = "edit_production_config" if space.environment.is_production else "edit_config"
        columns.append(
            Column(
                space.environment,
                allocation,
                show_amounts(allocation) if allocation else {},
                configs.get(space.environment_id),
                rights.can(verb, project_id=found.project_id),
            )
        )
    return columns


def _shown_groups(settings: ComponentSettings) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Heading and fields with their labels, as the page shows them."""
    texts = show_settings(settings)
    labels = {name: ComponentSettings._meta.get_field(name).verbose_name for name in FIELDS}  # type: ignore[union-attr]
    groups = []
    for heading, names in SettingsForm.GROUPS:
        fields = [
            {
                "label": capfirst(str(labels[name])),
                "text": texts[name],
                "template": getattr(settings, name) if name in TEMPLATE_FIELDS else None,
                "is_code": name in _CODE_FIELDS,
            }
            for name in names
        ]
        groups.append((heading, fields))
    return groups


TEMPLATE_FIELDS = ("dockerfile", "bootstart", "deployment_template", "service_template")


def _what(row: ComponentSettings | Allocation | ConfigVersion) -> str:
    if isinstance(row, ComponentSettings):
        return _("Settings, version %(number)s") % {"number": row.number}
    said = {"number": row.number, "environment": row.environment.label}
    if isinstance(row, Allocation):
        return _("Allocation in %(environment)s, version %(number)s") % said
    return _("Configuration in %(environment)s, version %(number)s") % said


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """The fields of the original screen."""
    user = actor_of(request)
    found = selectors.find_component(user, project, slug)
    require(user, "edit_component", project_id=found.project_id)
    current = selectors.current_settings(found)
    form = SettingsForm(request.POST or None, component=found, current=current, initial=_initial(found, current))
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        seen, note = values.pop("seen_number"), values.pop("note")
        try:
            services.save_settings(actor=user, component=found, values=values, seen_number=seen, note=note)
        except Invalid as error:
            put_errors(form, error)
        else:
            return done(request, _("The settings are saved."), "components:detail", project, slug)
    context = {"component": found, "form": form, "current": current}
    return page(request, "components/edit.html", context, part="components", status=400 if form.is_bound else 200)


def _initial(found: Component, current: ComponentSettings | None) -> dict[str, Any]:
    if current is None:
        return {**show_settings(ComponentSettings(component=found)), "seen_number": 0}
    return {**show_settings(current), "seen_number": current.number}


@login_required
@require_POST
def archive(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Archives the component, or brings it back."""
    user = actor_of(request)
    found = selectors.find_component(user, project, slug)
    is_archived = request.POST.get("is_archived") != "no"
    services.archive_component(actor=user, component=found, is_archived=is_archived)
    return done(request, ARCHIVED if is_archived else RESTORED, "components:detail", project, slug)


ARCHIVED = gettext_lazy("It is archived: lists and new orders leave it out.")
RESTORED = gettext_lazy("It is back.")
