"""Webhooks out of a project: made, changed, removed, tried and sent again; each with its audit row."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

import audit
from accounts.models import Project, User
from environments.access import require
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.outbound import HostUnknown, check_url
from foundation.problems import Invalid, Missing, Refused
from foundation.runs.wake import hinted_at, launch_hint
from notifications.choices import BodyForm, NoticeKind
from notifications.models import Dispatch, OutgoingWebhook

TEST = "test"
"""The kind of a delivery that only tries the address."""
SCHEMES = ("https", "http")
MOST = 20
"""In one project."""
DEFAULTS: dict[str, Any] = {"name": "", "form": BodyForm.SIGNED, "kinds": [], "language": "zh-hans", "is_on": True}


def make_webhook(
    *, actor: User, project: Project, url: str, secret: str = "", **values: Any
) -> tuple[OutgoingWebhook, str]:
    """A new webhook, and the secret that it signs with where that is ours, which is never shown again.

    ``values``: ``name form kinds language is_on``. Reads DNS: call it outside of a transaction. Raises Denied, Invalid,
    and Refused for one too many.
    """
    require(actor, "manage_webhooks", project_id=project.pk)
    values = DEFAULTS | {name: value for name, value in values.items() if value is not None}
    _raise(_problems(values) | _problem_of_url(url))
    form = values["form"]
    made = secrets.token_hex(32) if form == BodyForm.SIGNED else ""
    row = OutgoingWebhook(project=project, url=url, host=_host(url), secret=made or secret, created_by=actor, **values)
    try:
        with transaction.atomic():
            # The project's row is the lock of how many it has.
            Project.objects.select_for_update(no_key=True).get(pk=project.pk)
            if OutgoingWebhook.objects.filter(project=project).count() >= MOST:
                raise Refused(_("The project has %(count)s webhooks: remove one first.", count=MOST), "too-many")
            row.save()
            audit.record_act(actor, "outgoing_webhook.created", row, after={**values, "host": row.host})
    except IntegrityError:
        raise Invalid({"name": [_("Another webhook of the project has this name.")]}) from None
    return row, made


def edit_webhook(*, actor: User, webhook: OutgoingWebhook, **values: Any) -> tuple[OutgoingWebhook, str]:
    """Changes what is given: ``name form kinds language is_on``, and ``url`` and ``secret`` where they are not empty.

    Another address or form has the old secret no more: it could be anybody's. Where deliveries are signed then, the
    new secret comes with the row, and is never shown again. Raises Denied, Invalid, Missing.
    """
    require(actor, "manage_webhooks", project_id=webhook.project_id)
    url, secret = values.pop("url", ""), values.pop("secret", "")
    given = {name: value for name, value in values.items() if value is not None}
    _raise(_problems(given) | (_problem_of_url(url) if url else {}))
    try:
        with transaction.atomic():
            row = _locked(webhook)
            before, after = _set_values(row, given, url)
            made = _set_secret(row, secret, is_another=bool(after.keys() & {"form", "address"}), after=after)
            if after:
                row.save()
                audit.record_act(actor, "outgoing_webhook.changed", row, before=before or None, after=after)
    except IntegrityError:
        raise Invalid({"name": [_("Another webhook of the project has this name.")]}) from None
    return row, made


def _set_values(row: OutgoingWebhook, given: dict[str, Any], url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Before and after of what is another now, as the audit may show it: an address is not."""
    after: dict[str, Any] = {name: value for name, value in given.items() if getattr(row, name) != value}
    if url and _host(url) != row.host:
        after["host"] = _host(url)
    before = {name: getattr(row, name) for name in after}
    for name, value in after.items():
        setattr(row, name, value)
    if url and url != row.url:
        row.url, after["address"] = url, "changed"
    return before, after


def _set_secret(row: OutgoingWebhook, secret: str, *, is_another: bool, after: dict[str, Any]) -> str:
    """One of ours that was made, or nothing; ``after`` says of the old one what no mask of the audit hides."""
    old, is_ours = row.secret, row.form == BodyForm.SIGNED
    made = secrets.token_hex(32) if is_another and is_ours else ""
    row.secret = made or (secret if not is_ours else "") or ("" if is_another else old)
    if row.secret != old:
        after["credentials"] = "changed" if row.secret else "removed"
    return made


def renew_secret(*, actor: User, webhook: OutgoingWebhook) -> str:
    """A new secret of ours in place of the old one; it is in this answer and nowhere else. Raises Denied, Refused,
    Missing."""
    require(actor, "manage_webhooks", project_id=webhook.project_id)
    made = secrets.token_hex(32)
    with transaction.atomic():
        row = _locked(webhook)
        if row.form != BodyForm.SIGNED:
            raise Refused(_("This form is signed with the secret of the chat, or not at all."), "not-ours")
        row.secret = made
        row.save(update_fields=["secret"])
        audit.record_act(actor, "outgoing_webhook.secret_renewed", row)
    return made


def remove_webhook(*, actor: User, webhook: OutgoingWebhook) -> None:
    """It is told nothing more, and its log goes with it. Raises Denied, Missing."""
    require(actor, "manage_webhooks", project_id=webhook.project_id)
    with transaction.atomic():
        row = _locked(webhook)
        audit.record_act(actor, "outgoing_webhook.removed", row, before={"name": row.name, "host": row.host})
        row.delete()


def try_webhook(*, actor: User, webhook: OutgoingWebhook) -> Dispatch:
    """Sends something that is recognised as a test; its delivery is in the log. Raises Denied, Missing."""
    require(actor, "manage_webhooks", project_id=webhook.project_id)
    with transaction.atomic():
        _locked(webhook)
        row = Dispatch.objects.create(
            webhook=webhook, number=uuid4(), key=f"{TEST}:{uuid4().hex}", kind=TEST, at=db_now(), next_at=hinted_at(),
            remote=webhook.key, repeated_by=actor,
            text=_("A test of the webhook %(name)s", name=webhook.name),  # type: ignore[misc]  # a message column
            path=reverse("environments:project", args=[webhook.project.slug]),
        )  # fmt: skip
        audit.record_act(actor, "outgoing_webhook.tried", webhook)
        launch_hint("dispatch", row.pk)
    return row


def redeliver(*, actor: User, dispatch: Dispatch) -> Dispatch:
    """The same once more under the same number, as a delivery of its own in the log. Raises Denied, Missing,
    and Refused while it is under way."""
    webhook = dispatch.webhook
    require(actor, "redeliver", project_id=webhook.project_id)
    if dispatch.is_active:
        raise Refused(_("It is still under way: wait for its end."), "under-way")
    same = ("number", "key", "kind", "text", "detail", "path", "order_number", "component", "environment", "at")
    with transaction.atomic():
        _locked(webhook)
        row = Dispatch.objects.create(
            webhook=webhook, repeat_of=dispatch, repeated_by=actor, next_at=hinted_at(), remote=webhook.key,
            **{name: getattr(dispatch, name) for name in same},
        )  # fmt: skip
        audit.record_act(actor, "outgoing_webhook.redelivered", webhook, after={"delivery": str(row.number)})
        launch_hint("dispatch", row.pk)
    return row


def _locked(webhook: OutgoingWebhook) -> OutgoingWebhook:
    """As it is now, until the transaction ends; raises Missing for one that somebody removed meanwhile.

    The project's row stays free: what waits for it has nothing to do with this.
    """
    rows = OutgoingWebhook.objects.select_for_update(of=("self",)).select_related("project")
    row = rows.filter(pk=webhook.pk).first()
    if row is None:
        raise Missing
    return row


# ---------------------------------------------------------------- checks
def _problems(values: dict[str, Any]) -> dict[str, list[MessageLike]]:
    found: dict[str, list[MessageLike]] = {}
    if "name" in values and not values["name"].strip():
        found["name"] = [_("Give it a name.")]
    if unknown := [kind for kind in values.get("kinds", ()) if kind not in NoticeKind.values]:
        found["kinds"] = [_("There is no kind “%(name)s”.", name=unknown[0])]
    if values.get("form", BodyForm.SIGNED) not in BodyForm.values:
        found["form"] = [_("There is no such form.")]
    if values.get("language", "en") not in dict(settings.LANGUAGES):
        found["language"] = [_("This language is not available: choose one from the list.")]
    return found


def _problem_of_url(url: str) -> dict[str, list[MessageLike]]:
    """A host that is unknown now may be known when something is sent; one that is not allowed is refused at once."""
    try:
        httpx.URL(url)  # stricter than what reads it first, and it is what sends
        check_url(url, allowed_schemes=SCHEMES)
    except httpx.InvalidURL:
        return {"url": [_("The address cannot be sent to: write it in another way.")]}
    except HostUnknown:
        return {}
    except Refused as refusal:
        return {"url": [refusal.message]}
    return {}


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "")[:255]


def _raise(problems: dict[str, list[MessageLike]]) -> None:
    if problems:
        raise Invalid(problems)
