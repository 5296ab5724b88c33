"""A request with an Idempotency-Key is carried out once: repeated within 24 h it gets the first answer again.

The act and its answer commit in one transaction, so a key whose answer is missing certainly did nothing. The rights
that the act asked for are kept with the answer, and asked again before it is repeated: who has lost them gets no more
of it than anybody else.
"""

from __future__ import annotations

import contextvars
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from foundation.clock import now_minus
from foundation.messages import message as _
from foundation.models import Idempotency
from foundation.problems import Invalid, Refused

REMEMBERED_SECONDS = 24 * 3600
ABANDONED_SECONDS = 60
"""After this long without an answer the process that began is taken for dead; no request takes a minute."""

_LONGEST_KEY = 200
_LONGEST_ROUTE = 200


Asked = Mapping[str, Any]
"""One right that was asked for, as JSON; only the app that owns rights reads it."""
AskAgain = Callable[[Any, Iterable[Asked]], None]

_collecting: contextvars.ContextVar[list[Asked] | None] = contextvars.ContextVar("prism4k_asked_rights", default=None)
_registered: list[AskAgain] = []


def register(ask_again: AskAgain) -> None:
    """Called once, by the app that owns rights: imports point down. It raises Denied or Missing for a lost right."""
    _registered[:] = [ask_again]


def note_right(asked: Asked) -> None:
    """Somebody was found to have this right; kept with the answer, if one is being kept."""
    collected = _collecting.get()
    if collected is not None and asked not in collected:
        collected.append(asked)


@dataclass(frozen=True)
class Answer:
    """What the request got: HTTP status and JSON data; ``is_replay`` when an earlier request earned it."""

    status: int
    response: Any
    is_replay: bool = False


def answer_once(
    *,
    token_key: str,
    method_route: str,
    key: str,
    body: bytes,
    act: Callable[[], tuple[int, Any]],
    person: Any = None,
) -> Answer:
    """Runs ``act`` (returns status and JSON data; raises to refuse) once per token, route and key.

    ``act`` runs inside one transaction with the record of its answer. Statuses of 400 and above are not kept, and
    what ``act`` raises rolls everything back, frees the key and goes on up.

    ``person`` is whose rights are asked again before an answer is repeated.

    Raises Refused: 422 when the key came with another body, 409 while the first is running; Invalid for a bad key;
    Denied or Missing when a right that the first had is lost.
    """
    if not 0 < len(key) <= _LONGEST_KEY or not key.isprintable():
        raise Invalid({"Idempotency-Key": [_("An Idempotency-Key has 1 to 200 printable characters.")]})
    route = method_route[:_LONGEST_ROUTE]
    mine = Idempotency.objects.filter(token_key=token_key, method_route=route, key=key)
    reservation = _reserve(mine, token_key, route, key, hashlib.sha256(body).hexdigest())
    if isinstance(reservation, Idempotency):
        for ask_again in _registered:
            ask_again(person, reservation.rights)
        return Answer(reservation.status, reservation.response, is_replay=True)
    own = mine.filter(pk=reservation, status=0)
    asked: list[Asked] = []
    collecting = _collecting.set(asked)
    try:
        with transaction.atomic():
            status, response = act()
            # Had another process taken the key over from a very slow us, the row would be gone: roll back.
            if status < 400 and own.update(status=status, response=response, rights=asked) != 1:
                raise _running()
    finally:
        _collecting.reset(collecting)
        own.delete()
    return Answer(status, response)


def has_answer(*, token_key: str, method_route: str, key: str) -> bool:
    """True when an earlier request with this key was answered: what it looked at outside need not be asked again."""
    mine = Idempotency.objects.filter(token_key=token_key, method_route=method_route[:_LONGEST_ROUTE], key=key)
    return mine.exclude(status=0).filter(created_at__gte=now_minus(REMEMBERED_SECONDS)).exists()


def _reserve(mine: QuerySet[Idempotency], token: str, route: str, key: str, body_hash: str) -> Idempotency | int:
    """The primary key of our fresh reservation, or the row of an earlier request that was answered."""
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
        message = _("This Idempotency-Key was used with another body: use a new key for a new request.")
        raise Refused(message, "idempotency-key-reused", status=422)
    if row.status == 0:
        raise _running()
    return row


def _running() -> Refused:
    return Refused(
        _("The first request with this Idempotency-Key is still running: ask again in a moment."),
        "idempotency-key-in-use",
    )


def forget_old() -> int:
    """Deletes answers older than 24 h; returns how many went. The watcher calls it now and then."""
    deleted, _by_model = Idempotency.objects.filter(created_at__lt=now_minus(REMEMBERED_SECONDS)).delete()
    return deleted
