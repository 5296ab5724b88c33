"""People and their site roles."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import serializers as shapes
from environments.api.viewsets import Administered
from environments.selectors import people as selectors
from environments.services import members
from environments.services import people as services
from foundation.api.pagination import KEYSET, SEARCH, page_of
from foundation.api.views import ApiView
from foundation.api.viewsets import Listed, Retrieved, documented


@documented(
    page="PersonPage",
    parameters=[SEARCH],
    list=("people_list", "Everybody, newest first; for platform administrators and auditors."),
    create=("people_create", "Make a person without any role."),
    retrieve=("people_retrieve", "The person."),
    partial_update=("people_update", "Change names, e-mail and note."),
)
class People(Listed, Administered, Retrieved):
    """People who may sign in."""

    lookup_field = "username"
    lookup_value_converter = "str"
    shape = shapes.PersonOutput
    input_shape, change_shape = shapes.PersonInput, shapes.PersonChange
    noun = "person"
    finder = staticmethod(selectors.find_person)
    maker, changer = staticmethod(services.create_person), staticmethod(services.edit_person)

    def rows(self) -> Any:
        """All people, or those whose names contain ``search``."""
        return selectors.list_people(actor_of(self.request), query=self.request.query_params.get("search", "").strip())


class PersonPassword(ApiView):
    """A person's password, to be written only."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="people_set_password", request=shapes.PasswordInput, responses={204: None})
    def put(self, request: Request, username: str) -> Response:
        """Set a new one; their sessions end."""
        user = actor_of(request)
        person = selectors.find_person(user, username)
        services.set_password(actor=user, person=person, **self.given(shapes.PasswordInput))
        return Response(status=204)


class PersonActive(ApiView):
    """Whether a person may sign in."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="people_activate", request=shapes.PlaceReason, responses=shapes.PersonOutput)
    def put(self, request: Request, username: str) -> Response:
        """Let them in again."""
        user = actor_of(request)
        person = selectors.find_person(user, username)
        row = services.activate_person(actor=user, person=person, **self.given(shapes.PlaceReason))
        return self.shown(shapes.PersonOutput, row)

    @extend_schema(operation_id="people_deactivate", responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Switch them off at once; their tokens are revoked."""
        user = actor_of(request)
        services.deactivate_person(actor=user, person=selectors.find_person(user, username))
        return Response(status=204)


class SiteRoles(ApiView):
    """What a person holds."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="roles_list", parameters=KEYSET, responses=page_of("RolePage", shapes.MemberOutput))
    def get(self, request: Request, username: str) -> Response:
        """All roles of the person, in projects and in the site."""
        person = selectors.find_person(actor_of(request), username)
        return self.page(shapes.MemberOutput, selectors.memberships_of(person))

    @extend_schema(operation_id="roles_create", request=shapes.SiteRoleInput, responses={201: shapes.MemberOutput})
    def post(self, request: Request, username: str) -> Response:
        """Make them platform administrator or auditor."""
        user = actor_of(request)
        person = selectors.find_person(user, username)
        row = members.add_membership(actor=user, username=person.username, **self.given(shapes.SiteRoleInput))
        return self.shown(shapes.MemberOutput, row, 201)


class SiteRole(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="roles_end", responses={204: None})
    def delete(self, request: Request, username: str, number: int) -> Response:
        """End it now."""
        user = actor_of(request)
        row = selectors.find_site_role(user, selectors.find_person(user, username), number)
        members.end_membership(actor=user, membership=row)
        return Response(status=204)
