"""People and site roles over the API."""

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
from environments.services import members
from environments.services import people as services
from foundation.api import ApiView, list_response


class People(ApiView):
    """The list and the birth of people."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="people_list",
        parameters=[*KEYSET, OpenApiParameter("q", OpenApiTypes.STR, description="part of a name")],
        responses=page_of("PersonPage", shapes.PersonOutput),
    )
    def get(self, request: Request) -> Response:
        """Everybody, newest first; for platform administrators and auditors."""
        rows = selectors.list_people(actor_of(request), query=request.query_params.get("q", "").strip())
        return list_response(request, rows, lambda row: shown(shapes.PersonOutput, row))

    @extend_schema(operation_id="people_create", request=shapes.PersonInput, responses={201: shapes.PersonOutput})
    def post(self, request: Request) -> Response:
        """Make a person without any role."""
        row = services.create_person(actor=actor_of(request), **given(shapes.PersonInput, request))
        return Response(shown(shapes.PersonOutput, row), status=201)


class Person(ApiView):
    """One person."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="people_retrieve", responses=shapes.PersonOutput)
    def get(self, request: Request, username: str) -> Response:
        """The person."""
        return Response(shown(shapes.PersonOutput, selectors.find_person(actor_of(request), username)))

    @extend_schema(operation_id="people_update", request=shapes.PersonChange, responses=shapes.PersonOutput)
    def patch(self, request: Request, username: str) -> Response:
        """Change names, e-mail and note."""
        user = actor_of(request)
        row = services.edit_person(
            actor=user, person=selectors.find_person(user, username), **given(shapes.PersonChange, request)
        )
        return Response(shown(shapes.PersonOutput, row))


class PersonPassword(ApiView):
    """A person's password, to be written only."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="people_set_password", request=shapes.PasswordInput, responses={204: None})
    def put(self, request: Request, username: str) -> Response:
        """Set a new one; their sessions end."""
        user = actor_of(request)
        person = selectors.find_person(user, username)
        services.set_password(actor=user, person=person, **given(shapes.PasswordInput, request))
        return Response(status=204)


class PersonActive(ApiView):
    """Whether a person may sign in."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="people_activate", request=shapes.PlaceReason, responses=shapes.PersonOutput)
    def put(self, request: Request, username: str) -> Response:
        """Let them in again."""
        user = actor_of(request)
        person = selectors.find_person(user, username)
        row = services.activate_person(actor=user, person=person, **given(shapes.PlaceReason, request))
        return Response(shown(shapes.PersonOutput, row))

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
        rows = selectors.memberships_of(selectors.find_person(actor_of(request), username))
        return list_response(request, rows, lambda row: shown(shapes.MemberOutput, row))

    @extend_schema(operation_id="roles_create", request=shapes.SiteRoleInput, responses={201: shapes.MemberOutput})
    def post(self, request: Request, username: str) -> Response:
        """Make them platform administrator or auditor."""
        user = actor_of(request)
        person = selectors.find_person(user, username)
        row = members.add_membership(actor=user, username=person.username, **given(shapes.SiteRoleInput, request))
        return Response(shown(shapes.MemberOutput, row), status=201)


class SiteRole(ApiView):
    """One site role."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="roles_end", responses={204: None})
    def delete(self, request: Request, username: str, number: int) -> Response:
        """End it now."""
        user = actor_of(request)
        row = selectors.find_site_role(user, selectors.find_person(user, username), number)
        members.end_membership(actor=user, membership=row)
        return Response(status=204)
