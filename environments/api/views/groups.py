"""Groups of people, who is in them and what they hold."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import serializers as shapes
from environments.api.viewsets import Administered
from environments.selectors import groups as selectors
from environments.selectors.people import find_site_role
from environments.services import groups as services
from environments.services import members
from foundation.api.pagination import KEYSET, SEARCH, page_of
from foundation.api.views import ApiView
from foundation.api.viewsets import Listed, Retrieved, documented


@documented(
    page="GroupPage",
    parameters=[SEARCH],
    list=("groups_list", "Groups that the caller may know, newest first."),
    create=("groups_create", "Make a group without people and roles."),
    retrieve=("groups_retrieve", "The group."),
    partial_update=("groups_update", "Change its names; the short name stays."),
)
class Groups(Listed, Administered, Retrieved):
    """A role that a group holds is held by each person in it."""

    shape = shapes.GroupOutput
    input_shape, change_shape = shapes.GroupInput, shapes.GroupChange
    noun = "group"
    finder = staticmethod(selectors.find_group)
    maker, changer = staticmethod(services.create_group), staticmethod(services.edit_group)

    def rows(self) -> Any:
        """All that the caller may know, or those whose names contain ``search``."""
        return selectors.list_groups(actor_of(self.request), query=self.request.query_params.get("search", "").strip())

    @extend_schema(operation_id="groups_remove", responses={204: None})
    def destroy(self, request: Request, slug: str) -> Response:
        """Take it away; refused while it holds a role."""
        user = actor_of(request)
        services.remove_group(actor=user, group=selectors.find_group(user, slug))
        return Response(status=204)


class GroupPeople(ApiView):
    """Who is in a group."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="group_people_list",
        parameters=KEYSET,
        responses=page_of("GroupPersonPage", shapes.GroupPersonOutput),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The people, newest first."""
        group = selectors.find_group(actor_of(request), slug)
        return self.page(shapes.GroupPersonOutput, selectors.people_of(group))

    @extend_schema(
        operation_id="group_people_create", request=shapes.GroupPersonInput, responses={201: shapes.GroupPersonOutput}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Put somebody else into it."""
        user = actor_of(request)
        group = selectors.find_group(user, slug)
        row = services.add_to_group(actor=user, group=group, **self.given(shapes.GroupPersonInput))
        return self.shown(shapes.GroupPersonOutput, row, 201)


class GroupPerson(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="group_people_remove", responses={204: None})
    def delete(self, request: Request, slug: str, username: str) -> Response:
        """Take them out now."""
        user = actor_of(request)
        services.take_from_group(actor=user, group=selectors.find_group(user, slug), username=username)
        return Response(status=204)


class GroupRoles(ApiView):
    """What a group holds."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="group_roles_list", parameters=KEYSET, responses=page_of("GroupRolePage", shapes.MemberOutput)
    )
    def get(self, request: Request, slug: str) -> Response:
        """Its roles in the site and in projects that the caller sees."""
        user = actor_of(request)
        return self.page(shapes.MemberOutput, selectors.roles_of_group(user, selectors.find_group(user, slug)))

    @extend_schema(
        operation_id="group_roles_create", request=shapes.SiteRoleInput, responses={201: shapes.MemberOutput}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make everybody in it platform administrator or auditor."""
        user = actor_of(request)
        group = selectors.find_group(user, slug)
        row = members.add_membership(actor=user, group=group.slug, **self.given(shapes.SiteRoleInput))
        return self.shown(shapes.MemberOutput, row, 201)


class GroupRole(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="group_roles_end", responses={204: None})
    def delete(self, request: Request, slug: str, number: int) -> Response:
        """End a site role of the group now."""
        user = actor_of(request)
        row = find_site_role(user, selectors.find_group(user, slug), number)
        members.end_membership(actor=user, membership=row)
        return Response(status=204)
