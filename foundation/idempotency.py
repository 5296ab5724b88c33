"""A request with an Idempotency-Key is carried out once: repeated within 24 h it gets the first answer again.

The act and its answer commit in one transaction, so a key whose answer is missing certainly did nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from foundation.clock import now_minus
from foundation.models import Idempotency
from foundation.problems import Invalid, Refused

REMEMBERED_SECONDS = 24 * 3600
ABANDONED_SECONDS = 60
"""After this long without an answer the process that began is taken for dead; no request takes a minute."""

_LONGEST_KEY = 200
_LONGEST_ROUTE = 200


@dataclass(frozen=True)
class Stored:
    """What an earlier request with this key got: HTTP status and JSON data."""

    status: int
    body: Any


class Attempt:
    """One request under a key: answer with ``stored`` when it is there, else act and ``keep`` what came of it."""

    def __init__(self, stored: Stored | None) -> None:
        self.stored = stored
        self.kept: Stored | None = None

    def keep(self, status: int, body: Any) -> None:
        """Remember this answer; those of 400 and above are not kept, so that a mended request may use the key."""
        self.kept = Stored(status, body) if status < 400 else None


@contextmanager
def guard(*, token: str, route: str, key: str, body: bytes) -> Iterator[Attempt]:
    """Runs its block once per token, route ("POST /api/…") and key, inside one transaction with its answer.

    Raises Refused: 422 when the key came with another body, 409 while the first is running. What the block raises
    rolls everything back, frees the key and goes on up.
    """
    if not 0 < len(key) <= _LONGEST_KEY or not key.isprintable():
        raise Invalid({"Idempotency-Key": [_("An Idempotency-Key has 1 to 200 printable characters.")]})
    mine = Idempotency.objects.filter(token_key=token, method_route=route[:_LONGEST_ROUTE], key=key)
    reservation = _reserve(mine, token, route[:_LONGEST_ROUTE], key, hashlib.sha256(body).hexdigest())
    if isinstance(reservation, Stored):
        yield Attempt(reservation)
        return
    own = mine.filter(pk=reservation, status=0)
    attempt = Attempt(None)
    try:
        with transaction.atomic():
            yield attempt
            # Nobody else's row: had another process taken the key over from a very slow us, ours is gone.
            if attempt.kept and own.update(status=attempt.kept.status, response=attempt.kept.body) != 1:
                raise _running()
    finally:
        own.delete()


def _reserve(mine: QuerySet[Idempotency], token: str, route: str, key: str, body_hash: str) -> Stored | int:
    """The primary key of our fresh reservation, or the answer of an earlier request."""
    with transaction.atomic():
        # Old answers, and reservations of processes that died before they committed anything.
        mine.filter(created_at__lt=now_minus(REMEMBERED_SECONDS)).delete()
        mine.filter(status=0, created_at__lt=now_minus(ABANDONED_SECONDS)).delete()
        row, is_new = Idempotency.objects.get_or_create(
            token_key=token, method_route=route, key=key, defaults={"body_hash": body_hash}
        )
    if is_new:
        return int(row.pk)
    if row.body_hash != body_hash:
        sentence = _("This Idempotency-Key was used with another body: use a new key for a new request.")
        raise Refused(sentence, "idempotency-key-reused", status=422)
    if row.status == 0:
        raise _running()
    return Stored(row.status, row.response)


def _running() -> Refused:
    return Refused(
        _("The first request with this Idempotency-Key is still running: ask again in a moment."),
        "idempotency-key-in-use",
    )


def forget_old() -> int:
    """Deletes answers older than 24 h; returns how many went. The watcher calls it now and then."""
    deleted, _by_model = Idempotency.objects.filter(created_at__lt=now_minus(REMEMBERED_SECONDS)).delete()
    return deleted
