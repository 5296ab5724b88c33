"""What is sent to webhooks: what a project's webhook was made for, once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from foundation.messages import as_message, redacted_message
from notifications.heard import Heard
from notifications.models import Dispatch, OutgoingWebhook
from notifications.telling_words import Told

Telling = tuple[Heard, Told]


def for_webhooks(tellings: Iterable[Telling]) -> list[Dispatch]:
    """One for each webhook of the project that wants the kind, in one query."""
    wanted = [(heard, told, heard.project.pk) for heard, told in tellings if heard.project is not None]
    hooks: dict[int, list[OutgoingWebhook]] = {}
    if wanted:
        rows = OutgoingWebhook.objects.filter(project__in={pk for *_both, pk in wanted}, is_on=True)
        for row in rows.filter(project__is_archived=False):
            hooks.setdefault(row.project_id, []).append(row)
    return [
        _dispatch(heard, told, hook)
        for heard, told, pk in wanted
        for hook in hooks.get(pk, ())
        if told.kind in hook.kinds
    ]


def _dispatch(heard: Heard, told: Told, hook: OutgoingWebhook) -> Dispatch:
    order, space = heard.order, heard.space
    texts: dict[str, Any] = {"text": as_message(told.message), "detail": redacted_message(told.detail)}
    return Dispatch(
        webhook=hook,
        remote=hook.key,
        number=uuid4(),
        key=told.key_of(heard),
        kind=told.kind,
        path=told.path,
        order_number=order.number if order else "",
        component=order.component.name if order else "",
        environment=space.environment.slug if space else "",
        at=heard.at,
        due_at=heard.at,
        **texts,
    )


def write_dispatches(dispatches: list[Dispatch]) -> None:
    """In the caller's transaction: those that were not made before. Only the one run that tells makes any."""
    made = Dispatch.objects.filter(
        webhook__in={one.webhook_id for one in dispatches}, key__in={one.key for one in dispatches}
    )
    known = set(made.values_list("webhook_id", "key")) if dispatches else set()
    for one in dispatches:
        if (one.webhook_id, one.key) not in known:
            known.add((one.webhook_id, one.key))
            # Each by itself: a row that is new to a silent remote says so from its first moment.
            one.save()
