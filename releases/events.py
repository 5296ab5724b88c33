"""What happened to an order: numbered events, and acts of people and of the platform with their audit row.

Only ``append_event`` gives out numbers: its UPDATE takes the lock of the order's feed, so numbers have no gaps and no
event is visible before the change that it tells of. Keep it last in a transaction: others who write queue for it.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Model
from django.db.models.functions import Now

import audit
from accounts.models import User
from environments.models import Space
from foundation.messages import MessageLike, to_json_data
from releases.live.notify import send_hint
from releases.models import OrderEvent, OrderFeed, ReleaseOrder


def append_event(order_id: int, kind: str, *, actor: User | None = None, data: dict[str, Any] | None = None) -> int:
    """Append one event to the order, in the caller's transaction; returns its number."""
    feed = OrderFeed.objects.filter(pk=order_id)
    # What pods do by themselves is told, and is no modification of the order.
    moment = {} if kind.startswith("placement.") else {"last_event_at": Now()}
    feed.update(last_seq=F("last_seq") + 1, **moment)
    seq: int = feed.values_list("last_seq", flat=True).get()
    OrderEvent.objects.create(
        order_id=order_id, seq=seq, kind=kind, actor=actor, data=to_json_data(data or {}), at=Now()
    )
    transaction.on_commit(lambda: send_hint(order_id, seq))
    return seq


def record_act(  # noqa: PLR0913 - what an event and an audit row say, nearly all optional
    order: ReleaseOrder,
    verb: str,
    actor: User | None,
    *,
    subject: Model,
    space: Space | None = None,
    data: dict[str, Any] | None = None,
    reason: MessageLike = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """One act on an order: its event, which takes the order's lock, and its audit row, in the caller's transaction.

    ``verb`` is the kind of both, such as ``promotion.current``; ``subject`` the row that the act is about; ``actor``
    None for the platform. ``data`` goes into the event; the audit row has ``after``, or ``data`` where that is None.
    A caller that writes placements, runs or promotions too has taken their locks before (``releases.locks``).
    """
    environment = space.environment.slug if space else ""
    place = {"environment": environment} if environment else {}
    append_event(order.pk, verb, actor=actor, data={"id": subject.pk, **place, **(data or {})})
    audit.record(
        actor or audit.platform,
        verb,
        object_type=str(subject._meta.model_name).removeprefix("release"),
        object_id=str(subject.pk),
        object_name=order.number,
        project=order.project.slug,
        environment=environment,
        reason=reason,
        before=before,
        after=data if after is None else after,
    )
