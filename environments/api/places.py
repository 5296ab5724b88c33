"""Environments, spaces and policies over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import shapes
from environments.api.answering import given, shown
from environments.ceilings import show_ceilings
from environments.models import Space as SpaceRow
from environments.selectors import places as selectors
from environments.selectors.people import find_project
from environments.selectors.quota import quota_seen
from environments.services import places as place_services
from environments.services import spaces as services
from environments.services.syncs import sync_again
from foundation.api import ApiView


def space_data(row: SpaceRow) -> Any:
    """A space with its ceilings, policy, sync and quota as last seen."""
    seen, sync = quota_seen(row), selectors.last_sync(row)
    return shown(
        shapes.SpaceOutput,
        {
            "project": row.project.slug,
            "environment": row.environment.slug,
            "cluster": row.cluster.slug,
            "namespace": row.namespace,
            "ceilings": show_ceilings(row),
            "policy": row,
            "version": services.version_of(row),
            "sync": sync,
            "quota": seen.bars if seen else [],
            "quota_seen_at": seen.at if seen else None,
        },
    )


class Environments(ApiView):
    """The list and the birth of environments."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="environments_list",
        responses=inline_serializer(
            "EnvironmentPage",
            {"items": shapes.EnvironmentOutput(many=True), "next": serializers.IntegerField(allow_null=True)},
        ),
    )
    def get(self, request: Request) -> Response:
        """All of them in flow order, in one page."""
        actor_of(request)
        items = [shown(shapes.EnvironmentOutput, row) for row in selectors.list_environments()]
        return Response({"items": items, "next": None})

    @extend_schema(
        operation_id="environments_create",
        request=shapes.EnvironmentInput,
        responses={201: shapes.EnvironmentOutput},
    )
    def post(self, request: Request) -> Response:
        """Make an environment."""
        row = place_services.create_environment(actor=actor_of(request), **given(shapes.EnvironmentInput, request))
        return Response(shown(shapes.EnvironmentOutput, row), status=201)


class Environment(ApiView):
    """One environment."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="environments_retrieve", responses=shapes.EnvironmentOutput)
    def get(self, request: Request, slug: str) -> Response:
        """The environment."""
        actor_of(request)
        return Response(shown(shapes.EnvironmentOutput, selectors.find_environment(slug)))

    @extend_schema(
        operation_id="environments_update", request=shapes.EnvironmentChange, responses=shapes.EnvironmentOutput
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change it and its place in the flow."""
        row = place_services.edit_environment(
            actor=actor_of(request),
            environment=selectors.find_environment(slug),
            **given(shapes.EnvironmentChange, request),
        )
        return Response(shown(shapes.EnvironmentOutput, row))


class Spaces(ApiView):
    """The spaces of a project."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="spaces_list",
        responses=inline_serializer(
            "SpacePage", {"items": shapes.SpaceOutput(many=True), "next": serializers.IntegerField(allow_null=True)}
        ),
    )
    def get(self, request: Request, slug: str) -> Response:
        """At most one for each environment, in flow order, in one page."""
        user = actor_of(request)
        rows = selectors.spaces_of(user, find_project(user, slug))
        return Response({"items": [space_data(row) for row in rows], "next": None})

    @extend_schema(operation_id="spaces_create", request=shapes.SpaceInput, responses={201: shapes.SpaceOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Make a space; a worker makes its namespace and quota."""
        user = actor_of(request)
        row = services.create_space(actor=user, project=find_project(user, slug), **given(shapes.SpaceInput, request))
        return Response(space_data(row), status=201)


class Space(ApiView):
    """One space."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="spaces_retrieve", responses=shapes.SpaceOutput)
    def get(self, request: Request, slug: str, environment: str) -> Response:
        """The space with its policy, its sync and its quota as last seen."""
        return Response(space_data(selectors.find_space(actor_of(request), slug, environment)))

    @extend_schema(operation_id="spaces_update", request=shapes.SpaceChange, responses=shapes.SpaceOutput)
    def patch(self, request: Request, slug: str, environment: str) -> Response:
        """Change cluster, namespace and ceilings; ceilings left out stay."""
        user = actor_of(request)
        row = services.edit_space(
            actor=user, space=selectors.find_space(user, slug, environment), **given(shapes.SpaceChange, request)
        )
        return Response(space_data(row))


class SpacePolicy(ApiView):
    """The policy of a space."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="spaces_update_policy", request=shapes.PolicyInput, responses=shapes.SpaceOutput)
    def patch(self, request: Request, slug: str, environment: str) -> Response:
        """Change it within the site's minimum; fields left out stay."""
        user = actor_of(request)
        row = services.edit_policy(
            actor=user, space=selectors.find_space(user, slug, environment), **given(shapes.PolicyInput, request)
        )
        return Response(space_data(row))


class SpaceSyncs(ApiView):
    """Bringing a space's namespace and quota in line."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="spaces_sync", request=None, responses={202: shapes.SpaceOutput})
    def post(self, request: Request, slug: str, environment: str) -> Response:
        """Apply them once more."""
        user = actor_of(request)
        row = selectors.find_space(user, slug, environment)
        sync_again(actor=user, space=row)
        return Response(space_data(row), status=202)
