"""Why somebody may or may not do something, over the API."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from desk.api import serializers as shapes
from desk.selectors.explanation import Question, explain
from environments.access import Rights
from environments.verbs import VERBS
from foundation.api.views import ApiView
from releases.presenters.explained import KINDS

PARAMETERS = [
    OpenApiParameter("verb", OpenApiTypes.STR, required=True, enum=list(VERBS), description="the act"),
    OpenApiParameter("space", OpenApiTypes.STR, description="project/environment, such as sis-omm/uat"),
    OpenApiParameter("project", OpenApiTypes.STR, description="short name, instead of a space: in the whole project"),
    OpenApiParameter("person", OpenApiTypes.STR, description="user name; without it you"),
    OpenApiParameter("order", OpenApiTypes.STR, description="order number: its gates are asked too"),
    OpenApiParameter(
        "kind", OpenApiTypes.STR, enum=list(KINDS), description="with verb deploy: the gates of this act instead"
    ),
]


class Explanations(ApiView):
    """The permission explainer."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="explanations_retrieve", parameters=PARAMETERS, responses=shapes.ExplanationOutput
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """May this person do this act here: why or why not, by which membership, until when, and who can help.

        Verbs of the site take no place. Other people may be asked for by who looks after the members there.
        """
        user = actor_of(request)
        return self.shown(
            shapes.ExplanationOutput, explain(user, Rights(user), Question.read(request.query_params.dict()))
        )
