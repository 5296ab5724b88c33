"""What the caller was told, over the API."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.access import Rights
from foundation.api.pagination import KEYSET, page_of
from foundation.api.serializers import Input
from foundation.api.views import ApiView
from notifications.choices import NoticeKind
from notifications.models import Notice
from notifications.selectors.notices import own_notices
from notifications.services import notices as services


class NoticeOutput(serializers.ModelSerializer[Notice]):
    """In the caller's language; ``url`` is the page where it is to be seen."""

    kind = serializers.ChoiceField(choices=NoticeKind.choices)
    message = serializers.CharField()
    detail = serializers.CharField(help_text="why, in the words of who did it or of the platform; may be empty")
    project = serializers.CharField(source="project.slug", allow_null=True, default=None)
    order = serializers.CharField(source="order.number", allow_null=True, default=None)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Notice
        fields = ["id", "kind", "message", "detail", "project", "order", "url", "at", "read_at"]

    def get_url(self, notice: Notice) -> str:
        return f"{settings.PLATFORM_URL}{notice.path}"


class AllReadInput(Input):
    up_to = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="the id of the newest that was seen")


class AllReadOutput(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="how many were unread")


class Notices(ApiView):
    @extend_schema(
        operation_id="notifications_list",
        parameters=[*KEYSET, OpenApiParameter("unread", OpenApiTypes.BOOL)],
        responses=page_of("NoticePage", NoticeOutput),
    )
    def get(self, request: Request) -> Response:
        """What you were told, newest first; ``unread=true`` leaves what you have not read."""
        user = actor_of(request)
        rows = own_notices(user, Rights(user), only_unread=self.flag("unread")).select_related("project", "order")
        return self.page(NoticeOutput, rows)


class Read(ApiView):
    scope = Scope.ADMIN
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="notifications_read", request=None, responses=NoticeOutput)
    def post(self, request: Request, pk: int) -> Response:
        """It is read; a second time changes nothing."""
        user = actor_of(request)
        return self.shown(NoticeOutput, services.mark_read(actor=user, rights=Rights(user), pk=pk))


class AllRead(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="notifications_read_all", request=AllReadInput, responses=AllReadOutput)
    def post(self, request: Request) -> Response:
        """Everything up to one of them is read; what came since is not."""
        user = actor_of(request)
        count = services.mark_all_read(actor=user, rights=Rights(user), up_to=self.given(AllReadInput)["up_to"])
        return Response({"count": count})
