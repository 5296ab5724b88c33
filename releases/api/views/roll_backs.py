"""Asking for approval of a roll back to something older than the last success, and asking for it no more."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from releases import selectors
from releases.api.serializers import orders as shapes
from releases.api.views.deployments import PlaceView, earlier_there, place_of
from releases.roll_back_asks import find_ask
from releases.services.roll_back_reviews import ask_roll_back, withdraw_roll_back


class RollBackReviews(PlaceView):
    """回滚核对."""

    @extend_schema(
        operation_id="roll_back_reviews_create",
        request=shapes.RollBackReviewInput,
        responses={202: shapes.ReviewOutput},
    )
    def post(self, request: Request, project: str, slug: str, environment: str) -> Response:
        """Have the snapshot of an earlier success reviewed and its approval asked for; then roll back to it."""
        given = self.given(shapes.RollBackReviewInput)
        component, space, _place = place_of(actor_of(request), project, slug, environment)
        to = earlier_there(component, space, given["deployment"])
        review = ask_roll_back(actor=actor_of(request), space=space, to=to, reason=given["reason"])
        review.refresh_from_db(from_queryset=selectors.reviews())
        return self.shown(shapes.ReviewOutput, review, 202)


class RollBackReviewWithdrawal(PlaceView):
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="roll_back_reviews_withdraw", request=None, responses=shapes.ReviewOutput)
    def post(self, request: Request, project: str, slug: str, environment: str, pk: int) -> Response:
        """Ask for the approval no more, by who asked or by operations there; what was approved since then is void."""
        component, space, _place = place_of(actor_of(request), project, slug, environment)
        review = find_ask(component, space, pk)
        return self.shown(shapes.ReviewOutput, withdraw_roll_back(actor=actor_of(request), review=review))
