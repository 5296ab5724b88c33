"""What the entry of a component must answer after a rollout."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components import selectors, services
from components.api.serializers import components as shapes
from components.api.views.components import find, find_environment
from components.models import Component
from environments.models import Environment
from foundation.api.pagination import page_of
from foundation.api.views import ApiView


class EntryChecks(ApiView):
    """The entry checks of a component."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_entry_checks_list", responses=page_of("EntryCheckPage", shapes.EntryCheckOutput)
    )
    def get(self, request: Request, project: str, slug: str) -> Response:
        """The newest of every environment, and of each that has its own."""
        rows = selectors.current_entry_checks(find(request, project, slug)).values()
        return self.whole(shapes.EntryCheckOutput, rows)

    @extend_schema(
        operation_id="component_entry_check_save", request=shapes.EntryCheckInput, responses=shapes.EntryCheckOutput
    )
    def put(self, request: Request, project: str, slug: str) -> Response:
        """A new version of what counts in every environment that has nothing of its own."""
        return _saved(self, request, find(request, project, slug), None)


class OneEntryCheck(ApiView):
    """The entry check of one environment."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="component_entry_check_save_in", request=shapes.EntryCheckInput, responses=shapes.EntryCheckOutput
    )
    def put(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """A new version of what counts in this environment."""
        return _saved(self, request, find(request, project, slug), find_environment(environment))


def _saved(view: ApiView, request: Request, component: Component, environment: Environment | None) -> Response:
    given = view.given(shapes.EntryCheckInput)
    row = services.save_entry_check(
        actor=actor_of(request),
        component=component,
        environment=environment,
        seen_number=given.pop("seen_number", None),
        note=given.pop("note"),
        values=given,
    )
    return view.shown(shapes.EntryCheckOutput, row)
