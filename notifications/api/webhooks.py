"""Webhooks out of a project, their log, and sending once more."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from foundation.api.pagination import KEYSET, page_of
from foundation.api.serializers import Input, text
from foundation.api.views import ApiView
from foundation.runs.choices import RunState
from notifications.choices import BodyForm, NoticeKind
from notifications.models import Dispatch, OutgoingWebhook
from notifications.selectors.webhooks import dispatch_of, log_of, own_webhook, own_webhooks
from notifications.services import webhooks as services


class OutgoingWebhookOutput(serializers.ModelSerializer[OutgoingWebhook]):
    """Never its address or secret: ``host`` is all that is shown of the address."""

    form = serializers.ChoiceField(choices=BodyForm.choices)
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=NoticeKind.choices))
    language = serializers.ChoiceField(choices=settings.LANGUAGES)

    class Meta:
        model = OutgoingWebhook
        fields = ["id", "name", "form", "host", "kinds", "language", "is_on", "created_at"]


class NewOutgoingWebhookOutput(OutgoingWebhookOutput):
    secret = serializers.CharField(help_text="made now: what deliveries of the signed form are signed with; else empty")

    class Meta(OutgoingWebhookOutput.Meta):
        fields = [*OutgoingWebhookOutput.Meta.fields, "secret"]


class OutgoingWebhookChange(Input):
    name = serializers.CharField(max_length=80, required=False)
    form = serializers.ChoiceField(choices=BodyForm.choices, required=False)
    url = text(1000, write_only=True)
    secret = text(200, write_only=True, help_text="of DingTalk or Feishu, where signing is switched on there")
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=NoticeKind.choices), required=False, max_length=len(NoticeKind)
    )
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    is_on = serializers.BooleanField(required=False)


class OutgoingWebhookInput(OutgoingWebhookChange):
    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=1000, write_only=True)


class DispatchOutput(serializers.ModelSerializer[Dispatch]):
    delivery = serializers.UUIDField(source="number", help_text="the same each time that it is sent")
    kind = serializers.CharField()
    text = serializers.CharField()
    message = serializers.CharField(help_text="what the last attempt came to, where it did not succeed")
    state = serializers.ChoiceField(choices=RunState.choices)
    order = serializers.CharField(source="order_number")
    is_repeat = serializers.SerializerMethodField(help_text="somebody had it sent once more")

    class Meta:
        model = Dispatch
        fields = [
            "id", "delivery", "kind", "text", "order", "environment", "at", "state", "attempts", "status", "message",
            "is_repeat", "created_at", "finished_at",
        ]  # fmt: skip

    def get_is_repeat(self, row: Dispatch) -> bool:
        return row.repeat_of_id is not None


class SecretOutput(serializers.Serializer[Any]):
    secret = serializers.CharField()


class OutgoingWebhooks(ApiView):
    scope = Scope.ADMIN
    honours_idempotency_key = False

    @extend_schema(
        operation_id="outgoing_webhooks_list", responses=page_of("OutgoingWebhookPage", OutgoingWebhookOutput)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The project's webhooks, by name."""
        return self.whole(OutgoingWebhookOutput, own_webhooks(actor_of(request), slug)[1])

    @extend_schema(
        operation_id="outgoing_webhooks_create",
        request=OutgoingWebhookInput,
        responses={201: NewOutgoingWebhookOutput},
    )
    def post(self, request: Request, slug: str) -> Response:
        """One more; a secret of ours is in this answer and nowhere else."""
        project, _rows = own_webhooks(actor_of(request), slug)
        row, secret = services.make_webhook(
            actor=actor_of(request), project=project, **self.given(OutgoingWebhookInput)
        )
        row.refresh_from_db()
        return Response({**OutgoingWebhookOutput(row).data, "secret": secret}, status=201)


class OneOutgoingWebhook(ApiView):
    scope = Scope.ADMIN
    honours_idempotency_key = False

    @extend_schema(operation_id="outgoing_webhooks_retrieve", responses=OutgoingWebhookOutput)
    def get(self, request: Request, slug: str, pk: int) -> Response:
        """One of them."""
        return self.shown(OutgoingWebhookOutput, own_webhook(actor_of(request), slug, pk))

    @extend_schema(
        operation_id="outgoing_webhooks_update", request=OutgoingWebhookChange, responses=NewOutgoingWebhookOutput
    )
    def patch(self, request: Request, slug: str, pk: int) -> Response:
        """What is left out stays; another address or form has the old secret no more, and one of ours is made anew."""
        row = own_webhook(actor_of(request), slug, pk)
        changed, secret = services.edit_webhook(
            actor=actor_of(request), webhook=row, **self.given(OutgoingWebhookChange)
        )
        return Response({**OutgoingWebhookOutput(changed).data, "secret": secret})

    @extend_schema(operation_id="outgoing_webhooks_destroy", request=None, responses={204: None})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """It is told nothing more, and its log goes with it."""
        services.remove_webhook(actor=actor_of(request), webhook=own_webhook(actor_of(request), slug, pk))
        return Response(status=204)


class Secret(ApiView):
    scope = Scope.ADMIN
    honours_idempotency_key = False
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="outgoing_webhooks_secret", request=None, responses={201: SecretOutput})
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """A new secret of ours in place of the old one; it is in this answer and nowhere else."""
        row = own_webhook(actor_of(request), slug, pk)
        return Response({"secret": services.renew_secret(actor=actor_of(request), webhook=row)}, status=201)


class Test(ApiView):
    scope = Scope.ADMIN
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="outgoing_webhooks_test", request=None, responses={201: DispatchOutput})
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Sends something that is recognised as a test."""
        row = own_webhook(actor_of(request), slug, pk)
        made = services.try_webhook(actor=actor_of(request), webhook=row)
        return self.shown(DispatchOutput, dispatch_of(row, made.pk), 201)


class Dispatches(ApiView):
    @extend_schema(
        operation_id="outgoing_webhooks_deliveries",
        parameters=KEYSET,
        responses=page_of("DispatchPage", DispatchOutput),
    )
    def get(self, request: Request, slug: str, pk: int) -> Response:
        """Its deliveries, newest first, and what each came to."""
        return self.page(DispatchOutput, log_of(own_webhook(actor_of(request), slug, pk)))


class Redelivery(ApiView):
    scope = Scope.DEPLOY
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="outgoing_webhooks_redeliver", request=None, responses={201: DispatchOutput})
    def post(self, request: Request, slug: str, pk: int, number: int) -> Response:
        """The same once more under the same number, as a delivery of its own."""
        row = own_webhook(actor_of(request), slug, pk)
        made = services.redeliver(actor=actor_of(request), dispatch=dispatch_of(row, number))
        return self.shown(DispatchOutput, dispatch_of(row, made.pk), 201)
