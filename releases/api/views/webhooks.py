"""Where servers push to. The secret of the server's webhook is the only credential."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from components.choices import ServerKind
from components.services.servers import Server
from components.services.webhooks import MOST_BYTES, accept_delivery, read_repositories
from deployer.hooks import Delivery
from releases.services.nudges import wake_builds_for, wake_builds_in

ACTS: dict[str, Callable[[Server, Delivery], Any]] = {
    ServerKind.JENKINS: wake_builds_in,
    ServerKind.GIT: read_repositories,
    ServerKind.REGISTRY: wake_builds_for,
}


@method_decorator(csrf_exempt, name="dispatch")
class Webhook(View):
    """The address of one server's webhook."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, kind: str, key: str) -> HttpResponse:
        """202: what it is about is looked at now. Refusals are problem documents."""
        body: bytes | None = request.read(MOST_BYTES + 1)
        if body is not None and len(body) > MOST_BYTES:
            body = None
        accept_delivery(kind=kind, key=key, headers=request.headers, body=body, act=ACTS.get(kind, _nothing))
        return JsonResponse({"accepted": True}, status=202)


def _nothing(server: Server, delivery: Delivery) -> None:
    """For kinds that have no webhook: their address accepts nothing."""
