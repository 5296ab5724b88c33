"""Environments, spaces and policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.api import serializers as shapes
from environments.api.viewsets import Administered
from environments.ceilings import show_ceilings
from environments.models import RuleChange
from environments.models import Space as SpaceRow
from environments.selectors import places as selectors
from environments.selectors.people import find_project
from environments.selectors.quota import QuotaSeen, quota_seen, quotas_seen
from environments.selectors.rule_changes import waiting_by_space
from environments.services import archive
from environments.services import places as place_services
from environments.services import spaces as services
from environments.services.grants import edit_grants
from environments.services.spaces import sync_again
from foundation.api.pagination import page_of
from foundation.api.views import ApiView, Shape
from foundation.api.viewsets import Retrieved, documented


@documented(
    page="EnvironmentPage",
    list=("environments_list", "All of them in flow order, in one page."),
    create=("environments_create", "Make an environment."),
    retrieve=("environments_retrieve", "The environment."),
    partial_update=("environments_update", "Change it and its place in the flow."),
)
class Environments(Administered, Retrieved):
    shape = shapes.EnvironmentOutput
    input_shape, change_shape = shapes.EnvironmentInput, shapes.EnvironmentChange
    noun = "environment"
    maker, changer = staticmethod(place_services.create_environment), staticmethod(place_services.edit_environment)

    def list(self, request: Request, **names: Any) -> Response:
        """All of them: there are never many, and the flow's order is not that of ids."""
        return self.whole(self.shape, selectors.list_environments())

    def find(self, slug: str) -> Any:
        """By its short name: everybody who is signed in may know it."""
        return selectors.find_environment(slug)


def space_data(row: SpaceRow, seen: QuotaSeen | None, waiting: RuleChange | None) -> dict[str, Any]:
    """A space with its ceilings, policy, sync and quota as last seen."""
    return {
        "project": row.project.slug,
        "environment": row.environment.slug,
        "cluster": row.cluster.slug,
        "namespace": row.namespace,
        "ceilings": show_ceilings(row),
        "policy": row,
        "rule_change": waiting,
        "grants": row.grants,
        "version": services.version_of(row),
        "sync": selectors.last_sync(row),
        "quota": seen.bars if seen else [],
        "quota_seen_at": seen.at if seen else None,
        "is_archived": row.is_archived,
    }


class SpaceView(ApiView):
    """A view that answers with one space."""

    scope = Scope.ADMIN

    def shown_space(self, row: SpaceRow, status: int = 200) -> Response:
        return self.shown(
            shapes.SpaceOutput, space_data(row, quota_seen(row), waiting_by_space([row]).get(row.pk)), status
        )

    def changed(self, act: Callable[..., SpaceRow], shape: Shape, slug: str, environment: str) -> Response:
        """The space after a service changed it by the values of the body."""
        user = actor_of(self.request)
        space = selectors.find_space(user, slug, environment)
        return self.shown_space(act(actor=user, space=space, **self.given(shape)))


class Spaces(SpaceView):
    @extend_schema(operation_id="spaces_list", responses=page_of("SpacePage", shapes.SpaceOutput))
    def get(self, request: Request, slug: str) -> Response:
        """At most one for each environment, in flow order, in one page."""
        user = actor_of(request)
        rows = list(selectors.spaces_of(user, find_project(user, slug)))
        quotas, waiting = quotas_seen(rows), waiting_by_space(rows)
        found = [space_data(row, quotas[row.pk], waiting.get(row.pk)) for row in rows]
        return self.whole(shapes.SpaceOutput, found)

    @extend_schema(operation_id="spaces_create", request=shapes.SpaceInput, responses={201: shapes.SpaceOutput})
    def post(self, request: Request, slug: str) -> Response:
        """Make a space; a worker makes its namespace and quota."""
        user = actor_of(request)
        row = services.create_space(actor=user, project=find_project(user, slug), **self.given(shapes.SpaceInput))
        return self.shown_space(row, 201)


class Space(SpaceView):
    @extend_schema(operation_id="spaces_retrieve", responses=shapes.SpaceOutput)
    def get(self, request: Request, slug: str, environment: str) -> Response:
        """The space with its policy, its sync and its quota as last seen."""
        return self.shown_space(selectors.find_space(actor_of(request), slug, environment))

    @extend_schema(operation_id="spaces_update", request=shapes.SpaceChange, responses=shapes.SpaceOutput)
    def patch(self, request: Request, slug: str, environment: str) -> Response:
        """Change cluster, namespace and ceilings; ceilings left out stay."""
        return self.changed(services.edit_space, shapes.SpaceChange, slug, environment)


class EnvironmentArchive(ApiView):
    """The archive, as far as one environment is concerned."""

    without_body = frozenset({"DELETE", "PUT"})

    scope = Scope.ADMIN

    @extend_schema(operation_id="environments_archive", request=None, responses=shapes.EnvironmentOutput)
    def put(self, request: Request, slug: str) -> Response:
        """Into the archive: no project gets a space there."""
        row = selectors.find_environment(slug)
        archive.archive_environment(actor=actor_of(request), environment=row)
        return self.shown(shapes.EnvironmentOutput, selectors.find_environment(slug))

    @extend_schema(operation_id="environments_restore", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Out of the archive."""
        archive.restore_environment(actor=actor_of(request), environment=selectors.find_environment(slug))
        return Response(status=204)


class SpaceArchive(SpaceView):
    """The archive, as far as one space is concerned."""

    without_body = frozenset({"DELETE"})

    @extend_schema(operation_id="spaces_archive", request=shapes.PlaceReason, responses=shapes.SpaceOutput)
    def put(self, request: Request, slug: str, environment: str) -> Response:
        """Into the archive: nothing goes there any more. In production it waits as a rule change with the reason."""
        user = actor_of(request)
        space = selectors.find_space(user, slug, environment)
        return self.shown_space(archive.archive_space(actor=user, space=space, **self.given(shapes.PlaceReason)))

    @extend_schema(operation_id="spaces_restore", responses={204: None})
    def delete(self, request: Request, slug: str, environment: str) -> Response:
        """Out of the archive."""
        user = actor_of(request)
        archive.restore_space(actor=user, space=selectors.find_space(user, slug, environment))
        return Response(status=204)


class SpacePolicy(SpaceView):
    @extend_schema(operation_id="spaces_update_policy", request=shapes.PolicyInput, responses=shapes.SpaceOutput)
    def patch(self, request: Request, slug: str, environment: str) -> Response:
        """Change it within the site's minimum; fields left out stay, what loosens production waits as a rule change."""
        return self.changed(services.edit_policy, shapes.PolicyInput, slug, environment)


class SpaceGrants(SpaceView):
    """The ways out of a space."""

    @extend_schema(operation_id="spaces_update_grants", request=shapes.GrantsInput, responses=shapes.SpaceOutput)
    def patch(self, request: Request, slug: str, environment: str) -> Response:
        """Grant hosts, node ports, load balancers, claims, service accounts and pull secrets; kinds left out stay."""
        user = actor_of(request)
        space = selectors.find_space(user, slug, environment)
        return self.shown_space(edit_grants(actor=user, space=space, **self.given(shapes.GrantsInput)))


class SpaceSyncs(SpaceView):
    """Bringing a space's namespace and quota in line."""

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="spaces_sync", request=None, responses={202: shapes.SpaceOutput})
    def post(self, request: Request, slug: str, environment: str) -> Response:
        """Apply them once more."""
        user = actor_of(request)
        row = selectors.find_space(user, slug, environment)
        sync_again(actor=user, space=row)
        return self.shown_space(row, 202)
