"""Webhooks of servers: their secrets, and what is accepted from them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

import audit
from accounts.models import User
from components.choices import ServerKind
from components.models import GitServer, RepositoryRead, Webhook, WebhookDelivery
from components.selectors import webhook_at, webhook_of
from components.services.servers import Server
from components.targets import git_urls_named
from deployer.errors import DeployerError
from deployer.hooks import Delivery, NotAuthentic, read_build_nudge, read_git_push, read_image_push
from deployer.hooks.delivery import Headers
from environments.access import require
from foundation.clock import db_now, now_minus
from foundation.messages import MessageLike, as_message
from foundation.messages import message as _
from foundation.problems import Refused
from foundation.runs.wake import wake

MOST_BYTES = 1024 * 1024
MOST_A_MINUTE = 120
"""From one server, for each web process."""
WINDOW_SECONDS = 300
"""So far may a delivery's time lie from ours."""
KEPT_DAYS = 3
Read = Callable[[str, Headers, bytes], Delivery]
READERS: dict[str, Read] = {
    ServerKind.JENKINS: read_build_nudge,
    ServerKind.GIT: read_git_push,
    ServerKind.REGISTRY: read_image_push,
}
_TOO_LARGE = _("It has more than 1 MB.")


# ---------------------------------------------------------------- the secret
def make_webhook(*, actor: User, server: Server) -> tuple[Webhook, str]:
    """A new secret in place of the old one, and its text, which is never shown again. Raises Refused."""
    require(actor, "manage_servers")
    if server.is_archived:
        raise Refused(_("It is archived: take it out of the archive first."))
    secret = secrets.token_hex(32)
    with transaction.atomic():
        # The server's row is the lock: two at once would both make the first.
        type(server)._default_manager.select_for_update().get(pk=server.pk)
        webhook = webhook_of(server)
        verb = "renew_webhook" if webhook else "make_webhook"
        webhook = webhook or Webhook(**{server.kind: server})
        webhook.secret, webhook.made_at = secret, db_now()
        webhook.save()
        audit.record_act(actor, verb, server)
    return webhook, secret


@transaction.atomic
def end_webhook(*, actor: User, server: Server) -> None:
    """From now on its address refuses everything; without one nothing changes."""
    require(actor, "manage_servers")
    # Locked before its deliveries are looked up: one that is accepted meanwhile would be left behind.
    webhook = Webhook.objects.select_for_update().filter(**{server.kind: server}).first()
    if webhook is not None:
        webhook.delete()
        audit.record_act(actor, "end_webhook", server)


# ---------------------------------------------------------------- what comes
def accept_delivery(
    *, kind: str, key: str, headers: Headers, body: bytes | None, act: Callable[[Server, Delivery], Any]
) -> None:
    """Looks at one delivery, and does ``act`` in the transaction that notes it.

    ``body`` None: there was more than MOST_BYTES of it. Raises Refused: 401 alike for an address that is none and for
    a wrong signature, 409 for what came before or too late, 413, 429, 400 for another form.
    """
    webhook = webhook_at(kind, key)
    # Also at an address that is none: nobody learns from the limit which ones there are.
    if not _limits.take(address := f"{kind}/{key}"):
        if webhook is not None and _limits.is_first_over(address):
            _note(webhook, _("More than 120 came within a minute."))
        raise Refused(_("More than 120 came within a minute."), "too-many-deliveries", status=429)
    try:
        delivery = _read(webhook, kind, headers, body)
        with transaction.atomic():
            act(_remember(webhook, delivery), delivery)
    except Refused as refusal:
        if webhook is not None:
            _note(webhook, refusal.message)
        raise _shown(refusal) from None


def read_repositories(server: Server, delivery: Delivery) -> None:
    """Has a worker read the branches of what was pushed to, as far as components are built from it."""
    assert isinstance(server, GitServer)
    for url in git_urls_named(server, delivery.names):
        row, _is_new = RepositoryRead.objects.get_or_create(git_url=url)
        wake(RepositoryRead, row.pk)


def _shown(refusal: Refused) -> Refused:
    """What the sender is told: nobody learns whether the address or the signature is wrong."""
    if refusal.code != "not-authentic":
        return refusal
    return Refused(_("Address and signature do not belong together."), "not-authentic", status=401)


def _read(webhook: Webhook | None, kind: str, headers: Headers, body: bytes | None) -> Delivery:
    if body is None:
        raise Refused(_TOO_LARGE, "too-large", status=413)
    # An address that is none takes as long as a wrong signature.
    secret = webhook.secret if webhook is not None else secrets.token_hex(32)
    try:
        delivery = READERS.get(kind, read_build_nudge)(secret, headers, body)
    except NotAuthentic as error:
        raise Refused(as_message(error), "not-authentic", status=401) from error
    except DeployerError as error:
        raise Refused(as_message(error), "unreadable", status=400) from error
    if delivery.sent_at and abs(db_now() - delivery.sent_at) > timedelta(seconds=WINDOW_SECONDS):
        raise _old(delivery, _("It was sent more than 5 minutes ago, or its clock is wrong: compare both clocks."))
    return delivery


def _remember(webhook: Webhook | None, delivery: Delivery) -> Server:
    """Whose it is. Raises Refused for one that was accepted before."""
    assert webhook is not None, "nobody signs for an address that is none"
    # The row is the lock: an end of the webhook waits for this, or this finds none.
    noted = Webhook.objects.filter(pk=webhook.pk).update(accepted=F("accepted") + 1, accepted_at=Now())
    if not noted:
        raise Refused(_("Address and signature do not belong together."), "not-authentic", status=401)
    deliveries = WebhookDelivery.objects.filter(webhook=webhook)
    deliveries.filter(received_at__lt=now_minus(KEPT_DAYS * 86_400)).delete()
    _row, is_new = deliveries.get_or_create(mark=delivery.mark, defaults={"webhook": webhook})
    if not is_new:
        raise _old(delivery, _("It came before: each delivery counts once."))
    return webhook.server


def _old(delivery: Delivery, message: MessageLike) -> Refused:
    # A sender that repeats it until it succeeds would hold back all that follows.
    return Refused(message, "not-now", status=200 if delivery.is_repeated else 409)


def _note(webhook: Webhook, why: MessageLike) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(refused=F("refused") + 1, refused_at=Now(), refusal=as_message(why))


class _Limits:
    """How many deliveries came to each address since a minute began. Of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = 0.0
        self._counts: dict[str, int] = {}

    def take(self, address: str) -> bool:
        """Counts one; False when it is one too many."""
        with self._lock:
            if time.monotonic() - self._since >= 60:
                self._since, self._counts = time.monotonic(), {}
            self._counts[address] = self._counts.get(address, 0) + 1
            return self._counts[address] <= MOST_A_MINUTE

    def is_first_over(self, address: str) -> bool:
        """One row is written of those that are too many: a flood costs no more than that."""
        return self._counts.get(address, 0) == MOST_A_MINUTE + 1


_limits = _Limits()
