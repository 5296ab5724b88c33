"""占用: list, hold, look, lift."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components.models import Component
from environments.models import Space
from environments.selectors.places import find_space
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from foundation.messages import message as _
from foundation.problems import Invalid
from releases import holds
from releases.api.serializers import holds as shapes
from releases.api.views.of_space import OF_SPACE, in_space
from releases.services import holds as services

PARAMETERS = [
    OpenApiParameter("in_force", OpenApiTypes.BOOL, description="only those that are in force"),
    *OF_SPACE,
]


class Holds(ApiView):
    @extend_schema(
        operation_id="holds_list", parameters=[*KEYSET, *PARAMETERS], responses=page_of("HoldPage", shapes.HoldOutput)
    )
    def get(self, request: Request) -> Response:
        """Newest first; ``in_force=true`` leaves those that are in force."""
        rows = holds.visible_holds(actor_of(request), only_standing=self.flag("in_force"))
        return self.page(shapes.HoldOutput, in_space(rows, request))


class SpaceHolds(ApiView):
    """Of one space."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="holds_create", request=shapes.HoldInput, responses={201: shapes.HoldOutput})
    def post(self, request: Request, slug: str, environment: str) -> Response:
        """Hold the space, or one component in it, with a reason and an end, a week away at most."""
        given = self.given(shapes.HoldInput)
        space = find_space(actor_of(request), slug, environment)
        component = _component(space, given.pop("component"))
        row = services.hold(actor=actor_of(request), space=space, component=component, **given)
        return self.shown(shapes.HoldOutput, row, 201)


def _component(space: Space, slug: str) -> Component | None:
    if not slug:
        return None
    found = Component.objects.filter(project=space.project_id, slug=slug.lower()).first()
    if found is None:
        raise Invalid({"component": [_("This project has no such component.")]})
    return found


class OneHold(ApiView):
    @extend_schema(operation_id="holds_retrieve", responses=shapes.HoldOutput)
    def get(self, request: Request, pk: int) -> Response:
        """What is held, by whom, until when, and how it ended."""
        return self.shown(shapes.HoldOutput, holds.find_hold(actor_of(request), pk))


class HoldLift(ApiView):
    scope = Scope.DEPLOY

    @extend_schema(operation_id="holds_lift", request=shapes.HoldLiftInput, responses=shapes.HoldOutput)
    def post(self, request: Request, pk: int) -> Response:
        """End it now; somebody else's with a reason."""
        actor = actor_of(request)
        row = services.lift_hold(actor=actor, row=holds.find_hold(actor, pk), **self.given(shapes.HoldLiftInput))
        return self.shown(shapes.HoldOutput, row)
