"""What happened, numbered: events and log chunks of an order, and the hint that somebody may look again.

Only ``append`` gives out numbers: its UPDATE takes the order's row lock, so numbers have no gaps and no event is
visible before the change that it tells of. Keep it last in a transaction: writers on one order queue behind it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import User
from foundation.redaction import redact
from releases.models import Build, LogChunk, OrderEvent, ReleaseOrder

log = structlog.get_logger(__name__)

GROUP = "orders"
HINT_SECONDS = 1.0


def lock_orders(*order_ids: int) -> None:
    """Take the locks of these orders, by ascending id: before any run or promotion of theirs is written.

    Whoever writes a run and then appends takes the two locks the wrong way round, and meets a step that has them the
    right way: PostgreSQL ends one of the two with "deadlock detected".
    """
    rows = ReleaseOrder.objects.select_for_update().filter(pk__in=order_ids).order_by("pk")
    list(rows.values_list("pk", flat=True))


def append(order_id: int, kind: str, *, actor: User | None = None, data: dict[str, Any] | None = None) -> int:
    """Append one event to the order, in the caller's transaction; returns its number."""
    changed = ReleaseOrder.objects.filter(pk=order_id)
    changed.update(last_seq=F("last_seq") + 1, last_event_at=Now(), changed_at=Now())
    seq: int = changed.values_list("last_seq", flat=True).get()
    OrderEvent.objects.create(order_id=order_id, seq=seq, kind=kind, actor=actor, data=data or {}, at=Now())
    transaction.on_commit(lambda: send_hint(order_id, seq))
    return seq


def append_log(build: Build, text: str) -> dict[str, int]:
    """Store a piece of the build's log behind what is there; returns the new ``log_size`` and ``log_lines``.

    The caller saves them on the build in the same transaction, and with them where to read on.
    """
    # PostgreSQL stores no NUL: one byte of a build's output must not end its step again and again.
    clean = redact(text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    if clean:
        LogChunk.objects.create(build=build, offset=build.log_size, first_line=build.log_lines + 1, text=clean)
    return {"log_size": build.log_size + len(clean), "log_lines": build.log_lines + clean.count("\n")}


def send_hint(order_id: int, seq: int) -> None:
    """Tell the web processes to look now instead of at their next poll; losing it costs nothing but that."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(_send)(layer, {"type": "hint", "order": order_id, "seq": seq})
    except Exception as error:  # noqa: BLE001 - a process edge: the hint may be lost, the change may not
        log.warning("hint lost", order=order_id, error=type(error).__name__)


async def _send(layer: Any, message: dict[str, Any]) -> None:
    async with asyncio.timeout(HINT_SECONDS):
        await layer.group_send(GROUP, message)
