"""A request with an Idempotency-Key is carried out once: repeated within 24 h it gets the first answer again.

The act and its answer commit in one transaction, so a key whose answer is missing certainly did nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from foundation.clock import now_minus
from foundation.models import Idempotency
from foundation.problems import Invalid, Refused

REMEMBERED_SECONDS = 24 * 3600
ABANDONED_SECONDS = 60
"""After this long without an answer the process that began is taken for dead; no request takes a minute."""


@dataclass(frozen=True)
class Answer:
    """What the request got: HTTP status and JSON data; ``is_replay`` when an earlier request earned it."""

    status: int
    response: Any
    is_replay: bool = False


class _TakenOver(Exception):
    """This process was so slow that another one took the key: what it did is rolled back."""


def answer_once(
    *, token_key: str, method_route: str, key: str, body: bytes, act: Callable[[], tuple[int, Any]]
) -> Answer:
    """Runs ``act`` (returns status and JSON data; raises to refuse) once per token, route and key.

    ``act`` runs inside a transaction together with the record of its answer; errors and statuses of 400 and above
    are not remembered. Raises Refused: 422 when the key came with another body, 409 while the first is running.
    """
    if len(key) > 200 or not key.isprintable():
        raise Invalid({"Idempotency-Key": [_("An Idempotency-Key has at most 200 printable characters.")]})
    body_hash = hashlib.sha256(body).hexdigest()
    mine = Idempotency.objects.filter(token_key=token_key, method_route=method_route[:200], key=key)
    reservation = _reserve(mine, token_key, method_route[:200], key, body_hash)
    if isinstance(reservation, Answer):
        return reservation
    try:
        return _act_and_remember(reservation, act)
    except _TakenOver:
        raise _running() from None
    except BaseException:
        mine.filter(pk=reservation.pk, status=0, created_at=reservation.created_at).delete()
        raise


def _reserve(
    mine: QuerySet[Idempotency], token_key: str, method_route: str, key: str, body_hash: str
) -> Answer | Idempotency:
    with transaction.atomic():
        # Gone: an old answer, or the reservation of a process that died before it committed anything.
        mine.filter(created_at__lt=now_minus(REMEMBERED_SECONDS)).delete()
        mine.filter(status=0, created_at__lt=now_minus(ABANDONED_SECONDS)).delete()
        row, created = Idempotency.objects.get_or_create(
            token_key=token_key, method_route=method_route, key=key, defaults={"body_hash": body_hash}
        )
    if created:
        row.refresh_from_db()
        return row
    if row.body_hash != body_hash:
        sentence = _("This Idempotency-Key was used with another body: use a new key for a new request.")
        raise Refused(sentence, "idempotency-key-reused", status=422)
    if row.status == 0:
        raise _running()
    return Answer(status=row.status, response=row.response, is_replay=True)


def _running() -> Refused:
    return Refused(
        _("The first request with this Idempotency-Key is still running: ask again in a moment."),
        "idempotency-key-in-use",
    )


def _act_and_remember(reservation: Idempotency, act: Callable[[], tuple[int, Any]]) -> Answer:
    with transaction.atomic():
        status, response = act()
        row = Idempotency.objects.filter(pk=reservation.pk, status=0)
        if status >= 400:
            row.delete()
        elif row.update(status=status, response=response) != 1:
            raise _TakenOver
    return Answer(status=status, response=response)


def forget_old() -> int:
    """Deletes what is older than 24 h; returns how many rows went. Run now and then by the watcher."""
    deleted, _by_model = Idempotency.objects.filter(
        created_at__lt=Now() - timedelta(seconds=REMEMBERED_SECONDS)
    ).delete()
    return deleted
