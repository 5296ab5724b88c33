"""Components, their settings, allocations, configurations and branches."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components import live_reads, origins, selectors, services
from components.api.serializers import ArchiveInput
from components.api.serializers import components as shapes
from components.api.serializers.templates import PreviewInput, PreviewOutput
from components.completeness import missing_elements
from components.favourites import only_favourites, with_stars
from components.models import Component
from environments.access import require, visible_projects
from environments.models import Environment
from foundation.api.pagination import KEYSET, SEARCH, page_of
from foundation.api.views import ApiView
from foundation.messages import message as _
from foundation.problems import Invalid, Missing

_PROJECT = OpenApiParameter("project", OpenApiTypes.STR, description="short name of a project")
_FAVOURITES = OpenApiParameter("favourites", OpenApiTypes.BOOL, description="only yours")


def find(request: Request, project: str, slug: str) -> Component:
    """The component that an address names; raises Missing without access."""
    return selectors.find_component(actor_of(request), project, slug)


def find_environment(slug: str) -> Environment:
    """The environment of this short name; raises Missing."""
    environment = Environment.objects.filter(slug=slug).first()
    if environment is None:
        raise Missing()
    return environment


def component_detail(component: Component) -> dict[str, Any]:
    """The rows that :class:`ComponentDetail` shows."""
    settings = selectors.current_settings(component)
    missing = missing_elements(component, settings)
    return {
        "project": component.project,
        "name": component.name,
        "slug": component.slug,
        "name_zh": settings.name_zh if settings else "",
        "is_archived": component.is_archived,
        "is_favourite": getattr(component, "is_favourite", False),
        "created_at": component.created_at,
        "is_ready": not missing,
        "missing": missing,
        "settings": settings,
        "allocations": selectors.current_allocations(component).values(),
        "scaling_rules": selectors.current_rules(component).values(),
        "configurations": selectors.current_configs(component).values(),
        "entry_checks": selectors.current_entry_checks(component).values(),
    }


class Components(ApiView):
    """All components that the caller sees."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="components_list",
        parameters=[*KEYSET, _PROJECT, SEARCH, _FAVOURITES],
        responses=page_of("ComponentPage", shapes.ComponentOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first, without archived ones."""
        user, slug = actor_of(request), request.query_params.get("project", "")
        project = visible_projects(user).filter(slug=slug).first() if slug else None
        if slug and project is None:
            raise Missing()
        rows = selectors.list_components(user, project=project, text=request.query_params.get("search", ""))
        if self.flag("favourites"):
            rows = only_favourites(rows, user)
        return self.page(shapes.ComponentOutput, with_stars(rows, user))

    @extend_schema(
        operation_id="components_create", request=shapes.ComponentInput, responses={201: shapes.ComponentDetail}
    )
    def post(self, request: Request) -> Response:
        """A component, with its settings when they are given."""
        user, given = actor_of(request), self.given(shapes.ComponentInput)
        project = visible_projects(user).filter(slug=given["project"]).first()
        if project is None:
            raise Invalid({"project": [_("There is no such project.")]})
        component = services.create_component(
            actor=user, project=project, name=given["name"], values=given.get("settings")
        )
        return self.shown(shapes.ComponentDetail, component_detail(component), 201)


class OneComponent(ApiView):
    """A component by project and slug."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="component_retrieve", responses=shapes.ComponentDetail)
    def get(self, request: Request, project: str, slug: str) -> Response:
        """Settings, allocations, configurations, and what is still missing."""
        return self.shown(shapes.ComponentDetail, component_detail(find(request, project, slug)))


class ComponentFavourite(ApiView):
    """For the caller alone."""

    scope = Scope.ADMIN
    without_body = frozenset({"POST", "DELETE"})

    @extend_schema(operation_id="favourites_create", request=None, responses={204: None})
    def post(self, request: Request, project: str, slug: str) -> Response:
        """From now on it stands first in your lists."""
        services.add_favourite(actor=actor_of(request), component=find(request, project, slug))
        return Response(status=204)

    @extend_schema(operation_id="favourites_destroy", request=None, responses={204: None})
    def delete(self, request: Request, project: str, slug: str) -> Response:
        """It stands where it would."""
        services.remove_favourite(actor=actor_of(request), project=project, slug=slug)
        return Response(status=204)


class ComponentArchive(ApiView):
    """Whether a component is in use."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="component_archive", request=ArchiveInput, responses=shapes.ComponentDetail)
    def put(self, request: Request, project: str, slug: str) -> Response:
        """Archives the component, or brings it back."""
        component = find(request, project, slug)
        is_archived = self.given(ArchiveInput)["is_archived"]
        services.archive_component(actor=actor_of(request), component=component, is_archived=is_archived)
        return self.shown(shapes.ComponentDetail, component_detail(component))


class Settings(ApiView):
    """Versions of a component's settings."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_settings_list",
        parameters=KEYSET,
        responses=page_of("SettingsPage", shapes.SettingsOutput),
    )
    def get(self, request: Request, project: str, slug: str) -> Response:
        """Newest first."""
        return self.page(shapes.SettingsOutput, selectors.settings_of(find(request, project, slug)))

    @extend_schema(
        operation_id="component_settings_save", request=shapes.SettingsInput, responses=shapes.SettingsOutput
    )
    def put(self, request: Request, project: str, slug: str) -> Response:
        """A new version; fields left out stay, nothing is saved when nothing changed."""
        given = self.given(shapes.SettingsInput)
        seen, note = given.pop("seen_number", None), given.pop("note")
        row = services.save_settings(
            actor=actor_of(request),
            component=find(request, project, slug),
            values=given,
            seen_number=seen,
            note=note,
        )
        return self.shown(shapes.SettingsOutput, row)


class Allocations(ApiView):
    """The allocation grid of a component."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_allocations_list",
        responses=page_of("AllocationPage", shapes.AllocationOutput),
    )
    def get(self, request: Request, project: str, slug: str) -> Response:
        """The newest of each environment."""
        rows = selectors.current_allocations(find(request, project, slug)).values()
        return self.whole(shapes.AllocationOutput, rows)

    @extend_schema(
        operation_id="component_allocations_save",
        request=shapes.GridInput,
        responses=page_of("SavedAllocations", shapes.AllocationOutput),
    )
    def put(self, request: Request, project: str, slug: str) -> Response:
        """Several environments at once, all or none."""
        given = self.given(shapes.GridInput)
        rows = {find_environment(row.pop("environment")): row for row in given["allocations"]}
        seen = {place: row.pop("seen_number", None) for place, row in rows.items()}
        saved = services.save_allocation_grid(
            actor=actor_of(request),
            component=find(request, project, slug),
            grid=rows,
            seen={place: number for place, number in seen.items() if number is not None},
            note=given["note"],
        )
        return self.whole(shapes.SavedAllocationOutput, saved.values())


class OneAllocation(ApiView):
    """What a component may use in an environment."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_allocation_save",
        request=shapes.AllocationInput,
        responses=shapes.AllocationOutput,
        extensions={"x-no-page": "the component's form saves all environments at once"},
    )
    def put(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """A new version, with warnings where the space's ceilings would be passed."""
        given = self.given(shapes.AllocationInput)
        saved = services.save_allocation(
            actor=actor_of(request),
            component=find(request, project, slug),
            environment=find_environment(environment),
            seen_number=given.pop("seen_number", None),
            note=given.pop("note"),
            amounts=given,
        )
        return self.shown(shapes.SavedAllocationOutput, saved)


class Configurations(ApiView):
    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_configurations_list",
        responses=page_of("ConfigurationPage", shapes.ConfigOutput),
    )
    def get(self, request: Request, project: str, slug: str) -> Response:
        """The newest of each environment."""
        rows = selectors.current_configs(find(request, project, slug)).values()
        return self.whole(shapes.ConfigOutput, rows)


class OneConfiguration(ApiView):
    """Configuration in an environment."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_configuration_save", request=shapes.ConfigInput, responses=shapes.ConfigOutput
    )
    def put(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """A new version of variables and files."""
        given = self.given(shapes.ConfigInput)
        row = services.save_config(
            actor=actor_of(request),
            component=find(request, project, slug),
            environment=find_environment(environment),
            env=given["env"],
            files=given["files"],
            seen_number=given.get("seen_number"),
            note=given["note"],
        )
        return self.shown(shapes.ConfigOutput, row)


class Branches(ApiView):
    """Branches of a component's repository."""

    @extend_schema(operation_id="component_branches_list", parameters=[SEARCH], responses=shapes.BranchesOutput)
    def get(self, request: Request, project: str, slug: str) -> Response:
        """Asked now, within five seconds; the last answer with its age when the remote is away."""
        component = find(request, project, slug)
        require(actor_of(request), "list_branches", project_id=component.project_id)
        branches = live_reads.branches(component)
        text = request.query_params.get("search", "").lower()
        return self.shown(
            shapes.BranchesOutput,
            {
                "items": [tip for tip in branches.tips if text in tip.name.lower()],
                "unfit": branches.unfit_like(text),
                "next": None,
                "previous": None,
                "seen_at": branches.seen_at,
                "is_stale": branches.is_stale,
                "reason": branches.reason,
            },
        )


class GitTags(ApiView):
    """Git tags of a component's repository."""

    @extend_schema(operation_id="component_git_tags_list", parameters=[SEARCH], responses=shapes.GitTagsOutput)
    def get(self, request: Request, project: str, slug: str) -> Response:
        """Asked now, within five seconds; none, with the reason, when the remote is away. Highest numbers first."""
        component = find(request, project, slug)
        require(actor_of(request), "list_branches", project_id=component.project_id)
        tags = origins.git_tags(component, is_fresh=True)
        text = request.query_params.get("search", "")
        found = {"items": tags.like(text), "unfit": tags.unfit_like(text)}
        return self.shown(shapes.GitTagsOutput, {**found, "next": None, "previous": None, "reason": str(tags.reason)})


_ORIGIN = [OpenApiParameter(name, OpenApiTypes.STR) for name in ("branch", "git_tag", "commit")]


class Checkout(ApiView):
    """What a build of an order would check out."""

    @extend_schema(operation_id="component_checkout_retrieve", parameters=_ORIGIN, responses=shapes.CheckoutOutput)
    def get(self, request: Request, project: str, slug: str) -> Response:
        """Asked now, within five seconds a question: the commit of a branch's tip, of a Git tag or of its first digits.

        With the branch that an order would name, all that the commit lies on, and what its checkout leaves out.
        """
        component = find(request, project, slug)
        require(actor_of(request), "list_branches", project_id=component.project_id)
        named = {name: request.query_params.get(name, "") for name in ("branch", "git_tag", "commit")}
        origin = origins.find_origin(component, **named)
        notes = [str(note) for note in live_reads.checkout_notes(component, origin.commit)]
        return self.shown(
            shapes.CheckoutOutput,
            {
                "branch": origin.branch,
                "git_tag": origin.git_tag,
                "commit": origin.commit,
                "branches": list(origin.branches),
                "notes": notes,
            },
        )


class Previews(ApiView):
    """Renderings of a text that is not published yet."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="previews_create", request=PreviewInput, responses={201: PreviewOutput})
    def post(self, request: Request, project: str, slug: str) -> Response:
        """Starts a rendering for every environment of the component; read it until its state is final."""
        given = self.given(PreviewInput)
        preview = services.start_preview(
            actor=actor_of(request), component=find(request, project, slug), kind=given["kind"], body=given["body"]
        )
        return self.shown(PreviewOutput, preview, 201)


class OnePreview(ApiView):
    @extend_schema(operation_id="preview_retrieve", responses=PreviewOutput)
    def get(self, request: Request, pk: int) -> Response:
        """State and, once it is final, the text and problems of each environment."""
        return self.shown(PreviewOutput, selectors.find_preview(actor_of(request), pk))
