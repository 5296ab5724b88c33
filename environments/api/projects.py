"""Organisations, projects and members over the API."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import shapes
from environments.api.answering import KEYSET, given, page_of, shown
from environments.selectors import people as selectors
from environments.services import members, organisations
from environments.services import projects as services
from foundation.api import ApiView, list_response


class Organisations(ApiView):
    """The list and the birth of organisations."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="organisations_list",
        parameters=KEYSET,
        responses=page_of("OrganisationPage", shapes.OrganisationOutput),
    )
    def get(self, request: Request) -> Response:
        """Those above projects that the caller sees."""
        rows = selectors.list_organisations(actor_of(request))
        return list_response(request, rows, lambda row: shown(shapes.OrganisationOutput, row))

    @extend_schema(
        operation_id="organisations_create",
        request=shapes.OrganisationInput,
        responses={201: shapes.OrganisationOutput},
    )
    def post(self, request: Request) -> Response:
        """Make an organisation."""
        row = organisations.create_organisation(actor=actor_of(request), **given(shapes.OrganisationInput, request))
        return Response(shown(shapes.OrganisationOutput, row), status=201)


class Organisation(ApiView):
    """One organisation."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="organisations_update", request=shapes.OrganisationChange, responses=shapes.OrganisationOutput
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change its names."""
        row = organisations.edit_organisation(
            actor=actor_of(request),
            organisation=selectors.find_organisation(slug),
            **given(shapes.OrganisationChange, request),
        )
        return Response(shown(shapes.OrganisationOutput, row))


class Projects(ApiView):
    """The list and the birth of projects."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="projects_list",
        parameters=[*KEYSET, OpenApiParameter("archived", OpenApiTypes.BOOL)],
        responses=page_of("ProjectPage", shapes.ProjectOutput),
    )
    def get(self, request: Request) -> Response:
        """Projects that the caller sees; ``archived=true`` adds those in the archive."""
        with_archived = request.query_params.get("archived", "").lower() in ("true", "1")
        rows = selectors.list_projects(actor_of(request), with_archived=with_archived)
        return list_response(request, rows, lambda row: shown(shapes.ProjectOutput, row))

    @extend_schema(operation_id="projects_create", request=shapes.ProjectInput, responses={201: shapes.ProjectOutput})
    def post(self, request: Request) -> Response:
        """Make a project, with its first administrators."""
        row = services.create_project(actor=actor_of(request), **given(shapes.ProjectInput, request))
        return Response(shown(shapes.ProjectOutput, row), status=201)


class Project(ApiView):
    """One project."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="projects_retrieve", responses=shapes.ProjectOutput)
    def get(self, request: Request, slug: str) -> Response:
        """The project."""
        return Response(shown(shapes.ProjectOutput, selectors.find_project(actor_of(request), slug)))

    @extend_schema(operation_id="projects_update", request=shapes.ProjectChange, responses=shapes.ProjectOutput)
    def patch(self, request: Request, slug: str) -> Response:
        """Change it; the short name stays."""
        row = services.edit_project(
            actor=actor_of(request),
            project=selectors.find_project(actor_of(request), slug),
            **given(shapes.ProjectChange, request),
        )
        return Response(shown(shapes.ProjectOutput, row))


class ProjectArchive(ApiView):
    """The archive, as far as one project is concerned."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="projects_archive", request=shapes.PlaceReason, responses=shapes.ProjectOutput)
    def put(self, request: Request, slug: str) -> Response:
        """Into the archive: nothing in it changes from then on."""
        project = selectors.find_project(actor_of(request), slug)
        row = services.archive_project(actor=actor_of(request), project=project, **given(shapes.PlaceReason, request))
        return Response(shown(shapes.ProjectOutput, row))

    @extend_schema(operation_id="projects_restore", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Out of the archive."""
        services.restore_project(actor=actor_of(request), project=selectors.find_project(actor_of(request), slug))
        return Response(status=204)


class Members(ApiView):
    """Members and grants of a project."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="members_list", parameters=KEYSET, responses=page_of("MemberPage", shapes.MemberOutput))
    def get(self, request: Request, slug: str) -> Response:
        """Roles held now or later, newest first."""
        user = actor_of(request)
        rows = selectors.list_members(user, selectors.find_project(user, slug))
        return list_response(request, rows, lambda row: shown(shapes.MemberOutput, row))

    @extend_schema(operation_id="members_create", request=shapes.MemberInput, responses={201: shapes.MemberOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Give a role or a grant."""
        user = actor_of(request)
        project = selectors.find_project(user, slug)
        row = members.add_membership(actor=user, project=project, **given(shapes.MemberInput, request))
        return Response(shown(shapes.MemberOutput, row), status=201)


class Member(ApiView):
    """One role or grant."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="members_end", responses={204: None})
    def delete(self, request: Request, slug: str, number: int) -> Response:
        """End it now."""
        user = actor_of(request)
        row = selectors.find_member(user, selectors.find_project(user, slug), number)
        members.end_membership(actor=user, membership=row)
        return Response(status=204)
