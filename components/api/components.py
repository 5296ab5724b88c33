"""Components, their settings, allocations, configurations and branches over the API."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components import looks, selectors, services
from components.api import data
from components.api import serializers as shapes
from components.models import Component
from environments.access import require, visible_projects
from environments.models import Environment
from foundation.api import ApiView, list_response
from foundation.problems import Invalid, Missing

_SEARCH = OpenApiParameter("search", OpenApiTypes.STR, description="part of the code or of the Chinese name")
_PROJECT = OpenApiParameter("project", OpenApiTypes.STR, description="short name of a project")


def _find(request: Request, project: str, slug: str) -> Component:
    return selectors.find_component(actor_of(request), project, slug)


def _environment(slug: str) -> Environment:
    environment = Environment.objects.filter(slug=slug).first()
    if environment is None:
        raise Missing()
    return environment


class Components(ApiView):
    """All components that the caller sees."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="components_list",
        parameters=[_PROJECT, _SEARCH],
        responses=shapes.page_of("ComponentPage", shapes.ComponentOutput(many=True)),
    )
    def get(self, request: Request) -> Response:
        """Newest first, without archived ones."""
        user, slug = actor_of(request), request.query_params.get("project", "")
        project = visible_projects(user).filter(slug=slug).first() if slug else None
        if slug and project is None:
            raise Missing()
        rows = selectors.list_components(user, project=project, text=request.query_params.get("search", ""))
        return list_response(request, rows, data.component_data)  # type: ignore[arg-type]

    @extend_schema(
        operation_id="components_create", request=shapes.ComponentInput, responses={201: shapes.ComponentDetail}
    )
    def post(self, request: Request) -> Response:
        """A component, with its settings when they are given."""
        user, given = actor_of(request), shapes.read(shapes.ComponentInput, request)
        project = visible_projects(user).filter(slug=given["project"]).first()
        if project is None:
            raise Invalid({"project": [_("There is no such project.")]})
        component = services.create_component(
            actor=user, project=project, name=given["name"], values=given.get("settings")
        )
        return Response(data.component_detail(component), status=201)


class OneComponent(ApiView):
    """A component by project and slug."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="component_retrieve", responses=shapes.ComponentDetail)
    def get(self, request: Request, project: str, slug: str) -> Response:
        """Settings, allocations, configurations, and what is still missing."""
        return Response(data.component_detail(_find(request, project, slug)))


class ComponentArchive(ApiView):
    """Whether a component is in use."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="component_archive", request=shapes.ArchiveInput, responses=shapes.ComponentDetail)
    def put(self, request: Request, project: str, slug: str) -> Response:
        """Archives the component, or brings it back."""
        component = _find(request, project, slug)
        is_archived = shapes.read(shapes.ArchiveInput, request)["is_archived"]
        services.archive_component(actor=actor_of(request), component=component, is_archived=is_archived)
        return Response(data.component_detail(component))


class Settings(ApiView):
    """Versions of a component's settings."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_settings_list",
        responses=shapes.page_of("SettingsPage", shapes.SettingsOutput(many=True)),
    )
    def get(self, request: Request, project: str, slug: str) -> Response:
        """Newest first."""
        rows = _find(request, project, slug).settings.select_related("author")
        return list_response(request, rows, data.settings_data)  # type: ignore[arg-type]

    @extend_schema(
        operation_id="component_settings_save", request=shapes.SettingsInput, responses=shapes.SettingsOutput
    )
    def put(self, request: Request, project: str, slug: str) -> Response:
        """A new version; fields left out stay, nothing is saved when nothing changed."""
        given = shapes.read(shapes.SettingsInput, request)
        seen, note = given.pop("seen_number", None), given.pop("note")
        row = services.save_settings(
            actor=actor_of(request),
            component=_find(request, project, slug),
            values=given,
            seen_number=seen,
            note=note,
        )
        return Response(data.settings_data(row))


class Allocations(ApiView):
    """The allocation grid of a component."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_allocations_list",
        responses=shapes.page_of("AllocationPage", shapes.AllocationOutput(many=True)),
    )
    def get(self, request: Request, project: str, slug: str) -> Response:
        """The newest of each environment."""
        rows = selectors.current_allocations(_find(request, project, slug)).values()
        return Response(shapes.whole_list([data.allocation_data(row) for row in rows]))

    @extend_schema(
        operation_id="component_allocations_save",
        request=shapes.GridInput,
        responses=shapes.page_of("SavedAllocations", shapes.AllocationOutput(many=True)),
    )
    def put(self, request: Request, project: str, slug: str) -> Response:
        """Several environments at once, all or none."""
        given = shapes.read(shapes.GridInput, request)
        rows = {_environment(row.pop("environment")): row for row in given["allocations"]}
        seen = {place: row.pop("seen_number", None) for place, row in rows.items()}
        saved = services.save_allocation_grid(
            actor=actor_of(request),
            component=_find(request, project, slug),
            grid=rows,
            seen={place: number for place, number in seen.items() if number is not None},
            note=given["note"],
        )
        items = [data.allocation_data(row.allocation, row.warnings) for row in saved.values()]
        return Response(shapes.whole_list(items))


class OneAllocation(ApiView):
    """What a component may use in an environment."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_allocation_save", request=shapes.AllocationInput, responses=shapes.AllocationOutput
    )
    def put(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """A new version, with warnings where the space's ceilings would be passed."""
        given = shapes.read(shapes.AllocationInput, request)
        saved = services.save_allocation(
            actor=actor_of(request),
            component=_find(request, project, slug),
            environment=_environment(environment),
            seen_number=given.pop("seen_number", None),
            note=given.pop("note"),
            amounts=given,
        )
        return Response(data.allocation_data(saved.allocation, saved.warnings))


class Configurations(ApiView):
    """Configuration of a component."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_configurations_list",
        responses=shapes.page_of("ConfigurationPage", shapes.ConfigOutput(many=True)),
    )
    def get(self, request: Request, project: str, slug: str) -> Response:
        """The newest of each environment."""
        rows = selectors.current_configs(_find(request, project, slug)).values()
        return Response(shapes.whole_list([data.config_data(row) for row in rows]))


class OneConfiguration(ApiView):
    """Configuration in an environment."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_configuration_save", request=shapes.ConfigInput, responses=shapes.ConfigOutput
    )
    def put(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """A new version of variables and files."""
        given = shapes.read(shapes.ConfigInput, request)
        row = services.save_config(
            actor=actor_of(request),
            component=_find(request, project, slug),
            environment=_environment(environment),
            env=given["env"],
            files=given["files"],
            seen_number=given.get("seen_number"),
            note=given["note"],
        )
        return Response(data.config_data(row))


class Branches(ApiView):
    """Branches of a component's repository."""

    @extend_schema(operation_id="component_branches_list", parameters=[_SEARCH], responses=shapes.BranchesOutput)
    def get(self, request: Request, project: str, slug: str) -> Response:
        """Asked now, within five seconds; the last answer with its age when the remote is away."""
        component = _find(request, project, slug)
        require(actor_of(request), "list_branches", project_id=component.project_id)
        look = looks.branches(component)
        text = request.query_params.get("search", "").lower()
        items = [{"name": tip.name, "commit": tip.commit} for tip in look.tips if text in tip.name.lower()]
        return Response(
            {"items": items, "seen_at": look.seen_at, "is_stale": look.is_stale, "reason": str(look.reason)}
        )


class Previews(ApiView):
    """Renderings of a text that is not published yet."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="previews_create", request=shapes.PreviewInput, responses={201: shapes.PreviewOutput})
    def post(self, request: Request, project: str, slug: str) -> Response:
        """Starts a rendering for every environment of the component; look at it until its state is final."""
        given = shapes.read(shapes.PreviewInput, request)
        preview = services.start_preview(
            actor=actor_of(request), component=_find(request, project, slug), kind=given["kind"], body=given["body"]
        )
        return Response(data.preview_data(preview), status=201)


class OnePreview(ApiView):
    """A rendering."""

    @extend_schema(operation_id="preview_retrieve", responses=shapes.PreviewOutput)
    def get(self, request: Request, pk: int) -> Response:
        """State and, once it is final, the text and problems of each environment."""
        return Response(data.preview_data(selectors.find_preview(actor_of(request), pk)))
