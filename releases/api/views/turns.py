"""Deployments that wait their turn, and places that are released by force."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.views import ApiView
from releases import selectors
from releases.api.serializers import orders as shapes
from releases.api.serializers.turns import TurnOutput
from releases.api.views.deployments import fresh
from releases.services import turns
from releases.services.release import release_place


class DeploymentRelease(ApiView):
    """Force-release."""

    scope = Scope.DEPLOY

    @extend_schema(operation_id="deployments_release", request=shapes.ReasonInput, responses=shapes.DeploymentOutput)
    def post(self, request: Request, pk: int) -> Response:
        """End it without its step and free its place; what runs there is read before anything else is deployed."""
        given = self.given(shapes.ReasonInput)
        deployment = selectors.deployment_by_id(actor_of(request), pk)
        release_place(actor=actor_of(request), deployment=deployment, reason=given["reason"])
        return self.shown(shapes.DeploymentOutput, fresh(deployment))


class OneTurn(ApiView):
    """排队: a deployment that waits for the one before it."""

    @extend_schema(operation_id="turns_retrieve", responses=TurnOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Its place in line, and once its turn came, what it became."""
        return self.shown(TurnOutput, selectors.turn_by_id(actor_of(request), pk))


class TurnCancellation(ApiView):
    scope = Scope.DEPLOY

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="turns_cancel", request=None, responses=TurnOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Wait no longer; nothing of it was applied."""
        turn = selectors.turn_by_id(actor_of(request), pk)
        turns.cancel_turn(actor=actor_of(request), turn=turn)
        return self.shown(TurnOutput, selectors.turn_by_id(actor_of(request), pk))
