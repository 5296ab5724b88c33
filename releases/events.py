"""What happened to an order: numbered events, and acts of people and of the platform with their audit row.

Only ``append_event`` gives out numbers: its UPDATE takes the lock of the order's feed, so numbers have no gaps and no
event is visible before the change that it tells of. Keep it last in a transaction: others who write queue for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

import audit
from accounts.models import User
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import MessageLike, to_json_data
from releases.live.notify import send_hint
from releases.models import OrderEvent, OrderFeed, ReleaseOrder


def append_event(order_id: int, kind: str, *, actor: User | None = None, data: dict[str, Any] | None = None) -> int:
    """Append one event to the order, in the caller's transaction; returns its number."""
    seq, _moment = _append(order_id, kind, actor, data or {})
    return seq


def _append(order_id: int, kind: str, actor: User | None, data: dict[str, Any]) -> tuple[int, datetime]:
    # What pods do by themselves is told, and is no modification of the order.
    seq, moment = _next(order_id, is_modified=not kind.startswith("placement."))
    OrderEvent.objects.create(order_id=order_id, seq=seq, kind=kind, actor=actor, data=to_json_data(data), at=moment)
    transaction.on_commit(lambda: send_hint(order_id, seq))
    return seq, moment


_NEXT = (
    'UPDATE "releases_orderfeed" SET "last_seq" = "last_seq" + 1,'
    ' "last_event_at" = CASE WHEN %(is_modified)s THEN {now} ELSE "last_event_at" END'
    ' WHERE "order_id" = %(order)s RETURNING "last_seq", {now}'
)


def _next(order_id: int, *, is_modified: bool) -> tuple[int, datetime]:
    """The number and the moment of the next event: one statement, as others wait for the order's lock meanwhile.

    The moment is that of the lock, so that events follow each other in time as their numbers do.
    """
    values: dict[str, Any] = {"order": order_id, "is_modified": is_modified}
    is_sqlite = connection.vendor == "sqlite"
    if is_sqlite:
        values["now"] = connection.ops.adapt_datetimefield_value(moment := db_now())
    with connection.cursor() as cursor:
        cursor.execute(_NEXT.format(now="%(now)s" if is_sqlite else "CLOCK_TIMESTAMP()"), values)
        found = cursor.fetchone()
    if found is None:
        raise OrderFeed.DoesNotExist(f"Order {order_id} has no feed.")
    return found[0], moment if is_sqlite else found[1]


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
    _seq, moment = _append(order.pk, verb, actor, {"id": subject.pk, **place, **(data or {})})
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
        at=moment,
    )
