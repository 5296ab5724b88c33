"""Where the caller is named."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.access import Rights
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from releases import selectors
from releases.mentions import own_mentions
from releases.models import Mention
from releases.services import mentions


class MentionOutput(serializers.ModelSerializer[Mention]):
    order = serializers.CharField(source="order.number")
    project = serializers.CharField(source="order.project.slug")
    author = serializers.CharField(source="comment.author.username")
    text = serializers.CharField(source="comment.text")

    class Meta:
        model = Mention
        fields = ["id", "order", "project", "author", "text", "at", "read_at"]


class Mentions(ApiView):
    @extend_schema(
        operation_id="mentions_list",
        parameters=[*KEYSET, OpenApiParameter("unread", OpenApiTypes.BOOL)],
        responses=page_of("MentionPage", MentionOutput),
    )
    def get(self, request: Request) -> Response:
        """Comments that name you, newest first; ``unread=true`` leaves those that your inbox holds."""
        rights = Rights(actor_of(request))
        return self.page(MentionOutput, own_mentions(rights, only_unread=self.flag("unread")))


class OrderMentionsRead(ApiView):
    """Of one order, for the caller alone."""

    scope = Scope.ADMIN
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="mentions_read", request=None, responses={204: None})
    def post(self, request: Request, number: str) -> Response:
        """You have read where you are named in it; a second time changes nothing."""
        mentions.mark_read(actor=actor_of(request), order=selectors.order_by_number(actor_of(request), number))
        return Response(status=204)
