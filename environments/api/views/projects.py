"""Organisations, projects and members."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import serializers as shapes
from environments.api.viewsets import Administered
from environments.selectors import people as selectors
from environments.services import members
from environments.services import projects as services
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from foundation.api.viewsets import Listed, Retrieved, documented


@documented(
    page="OrganisationPage",
    list=("organisations_list", "Those above projects that the caller sees."),
    create=("organisations_create", "Make an organisation."),
    partial_update=("organisations_update", "Change its names."),
)
class Organisations(Listed, Administered):
    """What projects belong to."""

    shape = shapes.OrganisationOutput
    input_shape, change_shape = shapes.OrganisationInput, shapes.OrganisationChange
    noun = "organisation"
    maker, changer = staticmethod(services.create_organisation), staticmethod(services.edit_organisation)

    def rows(self) -> Any:
        """Organisations of the caller's projects."""
        return selectors.list_organisations(actor_of(self.request))

    def find(self, slug: str) -> Any:
        """By its short name: everybody who is signed in may know it."""
        return selectors.find_organisation(slug)


@documented(
    page="ProjectPage",
    parameters=[OpenApiParameter("archived", OpenApiTypes.BOOL)],
    list=("projects_list", "Projects that the caller sees; ``archived=true`` adds those in the archive."),
    create=("projects_create", "Make a project, with its first administrators."),
    retrieve=("projects_retrieve", "The project."),
    partial_update=("projects_update", "Change it; the short name stays."),
)
class Projects(Listed, Administered, Retrieved):
    shape = shapes.ProjectOutput
    input_shape, change_shape = shapes.ProjectInput, shapes.ProjectChange
    noun = "project"
    finder = staticmethod(selectors.find_project)
    maker, changer = staticmethod(services.create_project), staticmethod(services.edit_project)

    def rows(self) -> Any:
        """The caller's projects."""
        return selectors.list_projects(actor_of(self.request), with_archived=self.flag("archived"))


class ProjectArchive(ApiView):
    """The archive, as far as one project is concerned."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="projects_archive", request=shapes.PlaceReason, responses=shapes.ProjectOutput)
    def put(self, request: Request, slug: str) -> Response:
        """Into the archive: nothing in it changes from then on."""
        project = selectors.find_project(actor_of(request), slug)
        row = services.archive_project(actor=actor_of(request), project=project, **self.given(shapes.PlaceReason))
        return self.shown(shapes.ProjectOutput, row)

    @extend_schema(operation_id="projects_restore", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Out of the archive."""
        services.restore_project(actor=actor_of(request), project=selectors.find_project(actor_of(request), slug))
        return Response(status=204)


class Members(ApiView):
    """Members and grants of a project."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="members_list", parameters=KEYSET, responses=page_of("MemberPage", shapes.WarnedMemberOutput)
    )
    def get(self, request: Request, slug: str) -> Response:
        """Roles held now or later, newest first."""
        user = actor_of(request)
        return self.page(shapes.WarnedMemberOutput, selectors.list_members(user, selectors.find_project(user, slug)))

    @extend_schema(operation_id="members_create", request=shapes.MemberInput, responses={201: shapes.MemberOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Give a role or a grant."""
        user = actor_of(request)
        project = selectors.find_project(user, slug)
        row = members.add_membership(actor=user, project=project, **self.given(shapes.MemberInput))
        return self.shown(shapes.MemberOutput, row, 201)


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
