"""部署动态 over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from environments.access import Rights
from foundation.api.pagination import KEYSET, page_of, page_response
from foundation.api.views import ApiView
from foundation.durations import took
from releases import feed
from releases.api.serializers.orders import RunOutput
from releases.choices import DeploymentKind
from releases.presenters.states import attempt_state

PARAMETERS = [
    OpenApiParameter("project", OpenApiTypes.STR, description="short name"),
    OpenApiParameter("environment", OpenApiTypes.STR, description="short name"),
    OpenApiParameter("person", OpenApiTypes.STR, description="user name of who deployed"),
    OpenApiParameter("verdict", OpenApiTypes.STR, enum=list(feed.VERDICTS)),
    OpenApiParameter("since", OpenApiTypes.DATE),
    OpenApiParameter("until", OpenApiTypes.DATE),
]


class FeedOutput(RunOutput):
    """One deployment, roll back, restart, scaling or removal; what it applied is at its own address."""

    order = serializers.CharField(source="order.number")
    project = serializers.CharField(source="component.project.slug")
    component = serializers.CharField(source="component.slug")
    environment = serializers.CharField(source="space.environment.slug")
    kind = serializers.ChoiceField(choices=DeploymentKind.choices)
    state_word = serializers.SerializerMethodField()
    seconds = serializers.SerializerMethodField(help_text="how long it took; null while it goes on")
    deployed_by = serializers.CharField(source="deployed_by.username")
    is_automatic = serializers.BooleanField()

    def get_state_word(self, deployment: Any) -> str:
        return str(attempt_state(deployment).word)

    def get_seconds(self, deployment: Any) -> int | None:
        return took(deployment)


class Feed(ApiView):
    """Deployments of all projects."""

    @extend_schema(
        operation_id="deployments_feed", parameters=[*PARAMETERS, *KEYSET], responses=page_of("FeedPage", FeedOutput)
    )
    def get(self, request: Request) -> Response:
        """Deployments that you may see, newest first."""
        rows = feed.feed(Rights(actor_of(request)), feed.read_filters(request.query_params.dict()))
        return page_response(request, feed.with_names(rows), FeedOutput)
