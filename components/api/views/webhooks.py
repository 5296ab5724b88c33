"""The webhook of a Jenkins, Git or registry server: its address, its secret once, and how deliveries went."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components import selectors, services
from components.api.serializers import webhooks as shapes
from components.models import GitServer, ImageRegistry, JenkinsServer
from components.services.servers import Server
from foundation.api.views import ApiView
from foundation.problems import Missing


class _Webhook(ApiView):
    """``model`` is the kind of server."""

    scope = Scope.ADMIN
    honours_idempotency_key = False
    without_body = frozenset({"POST", "DELETE"})
    model: type[Any]

    def get(self, request: Request, key: str) -> Response:
        """What was accepted and refused, and why; 404 where there is none."""
        webhook = selectors.webhook_of(self._server(request, key))
        if webhook is None:
            raise Missing()
        return self.shown(shapes.WebhookOutput, webhook)

    def post(self, request: Request, key: str) -> Response:
        """A new secret in place of the old one; it is in this answer and nowhere else."""
        webhook, secret = services.make_webhook(actor=actor_of(request), server=self._server(request, key))
        webhook.refresh_from_db()
        return Response({**shapes.WebhookOutput(webhook).data, "secret": secret}, status=201)

    def delete(self, request: Request, key: str) -> Response:
        """From now on the address refuses everything."""
        services.end_webhook(actor=actor_of(request), server=self._server(request, key))
        return Response(status=204)

    def _server(self, request: Request, key: str) -> Server:
        server: Server = selectors.find_server(actor_of(request), self.model, key)
        return server


def _of(kind: str, model: type[Any]) -> type[_Webhook]:
    """The view of one kind; the operations begin with its name."""
    view = type(f"{model.__name__}Webhook", (_Webhook,), {"model": model, "__doc__": _Webhook.__doc__})
    return extend_schema_view(
        get=extend_schema(operation_id=f"{kind}_webhook_retrieve", responses=shapes.WebhookOutput),
        post=extend_schema(
            operation_id=f"{kind}_webhook_create", request=None, responses={201: shapes.NewWebhookOutput}
        ),
        delete=extend_schema(operation_id=f"{kind}_webhook_destroy", request=None, responses={204: None}),
    )(view)


JenkinsWebhook = _of("jenkins_server", JenkinsServer)
GitWebhook = _of("git_server", GitServer)
RegistryWebhook = _of("registry_server", ImageRegistry)
