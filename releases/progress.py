"""What happened, numbered: events and log chunks of an order.

Only ``append`` gives out numbers: its UPDATE takes the order's row lock, so numbers have no gaps and no event is
visible before the change that it tells of. Keep it last in a transaction: writers on one order queue behind it.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import User
from foundation.redaction import redact
from foundation.sentences import storable
from releases.hints import send_hint
from releases.logs.index import LogIndex, pieces_of
from releases.models import Build, LogChunk, OrderEvent, ReleaseOrder


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
    OrderEvent.objects.create(order_id=order_id, seq=seq, kind=kind, actor=actor, data=storable(data or {}), at=Now())
    transaction.on_commit(lambda: send_hint(order_id, seq))
    return seq


def append_log(build: Build, text: str) -> dict[str, Any]:
    """Store a piece of the build's log behind what is there, in chunks; returns the build's columns that it changes.

    The caller saves them on the build in the same transaction, and with them where to read on.
    """
    # PostgreSQL stores no NUL: one byte of a build's output must not end its step again and again.
    clean = redact(text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    index = LogIndex.read(build.log_index)
    chunks, offset, line = [], build.log_size, build.log_lines + 1
    for piece in pieces_of(clean):
        found = index.take(piece, line)
        chunks.append(
            LogChunk(
                build=build, offset=offset, first_line=line, text=piece, errors=found.errors, warnings=found.warnings,
                at=Now(),
            )
        )  # fmt: skip
        offset, line = offset + len(piece), line + piece.count("\n")
    LogChunk.objects.bulk_create(chunks)
    return {"log_size": offset, "log_lines": line - 1, "log_index": index.as_stored()}
