"""One breaker a remote (``jenkins:3``): after a lost contact only single probes go out, until one comes back.

It is a row, so that all processes spare a hung remote together and the health page can say since when.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, DateTimeField, ExpressionWrapper, F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now

from foundation.clock import now_minus, now_plus
from foundation.messages import Message, as_message, redacted_message
from foundation.models import Remote

LONGEST_PAUSE_SECONDS = 30.0
PROBE_SECONDS = 15.0
"""How long a probe may be under way before another process sends the next one (it may have been killed)."""
RECENT_SECONDS = 10.0
"""An answer heard so lately is the last there was, give or take the pauses between two questions."""
_CONFIRM_SECONDS = 30.0

_lock = threading.Lock()
_confirmed: dict[str, float] = {}


@dataclass(frozen=True)
class OpenBreakers:
    """``shut`` remotes get nothing now; of each in ``probing`` one row may be taken, by who wins the probe."""

    shut: frozenset[str]
    probing: frozenset[str]


def pause_seconds(failures: int) -> float:
    """How long after so many failures in a row to try again: 1, 2, 4 … 30 s, less up to a quarter of jitter."""
    longest = min(LONGEST_PAUSE_SECONDS, 2.0 ** max(0, min(failures, 10) - 1))
    return max(1.0, longest * random.uniform(0.75, 1.0))  # noqa: S311 (spreads load, hides nothing)


def read_open() -> OpenBreakers:
    """The breakers that are open, by whether their next probe is due."""
    is_due = ExpressionWrapper(Q(probe_at__lte=Now()), output_field=BooleanField())
    rows = list(Remote.objects.filter(opened_at__isnull=False).values_list("name", is_due))
    return OpenBreakers(
        shut=frozenset(name for name, may_probe in rows if not may_probe),
        probing=frozenset(name for name, may_probe in rows if may_probe),
    )


def silence_of(name: str) -> Message | None:
    """What was last said of a remote whose breaker is open; None while it is closed."""
    row = Remote.objects.filter(name=name, opened_at__isnull=False).values_list("last_error", flat=True).first()
    return None if row is None else as_message(row)


def silent_since(name: str) -> datetime | None:
    """When a remote whose breaker is open was heard last; None while it is closed."""
    return Remote.objects.filter(name=name, opened_at__isnull=False).values_list("opened_at", flat=True).first()


def take_probe(name: str) -> bool:
    """True for the one process that may send the probe that is due now."""
    mine = Remote.objects.filter(name=name, opened_at__isnull=False, probe_at__lte=Now())
    return mine.update(probe_at=now_plus(PROBE_SECONDS)) == 1


def return_probe(name: str) -> None:
    """Makes the probe due again that a pass took and never sent."""
    Remote.objects.filter(name=name, opened_at__isnull=False).update(probe_at=Now())


def trip(name: str, error: object, *, was_probe: bool, retry_after_seconds: float | None = None) -> bool:
    """Notes a lost contact; True when this opened the breaker. ``error``: a message, or what has one.

    Only the first failure and failed probes lengthen the pause: four passes that were in flight together when a
    Jenkins hung up are one failure, not four.
    """
    with _lock:
        _confirmed.pop(name, None)
    since = last_answer(name)
    remote, _is_new = Remote.objects.get_or_create(name=name)
    failures = remote.failures + 1
    pause = max(pause_seconds(failures), min(retry_after_seconds or 0.0, 300.0))
    said = redacted_message(error)
    escalating = Remote.objects.filter(name=name, failures=remote.failures)
    if not was_probe:
        escalating = escalating.filter(opened_at__isnull=True)
    changed = escalating.update(
        failures=F("failures") + 1,
        opened_at=Coalesce(F("opened_at"), since),
        probe_at=now_plus(pause),
        last_error=said,
    )
    if not changed:
        Remote.objects.filter(name=name).update(last_error=said)
    return bool(changed) and not remote.is_open


def last_answer(name: str) -> Combinable:
    """SQL expression: when a remote that does not answer now was heard last, if that is known to a few seconds.

    Now where nobody has asked it lately: what was heard an hour ago says nothing about the hour since.
    """
    known = Remote.objects.filter(name=name, last_ok_at__gte=now_minus(RECENT_SECONDS)).values_list(
        "last_ok_at", flat=True
    )
    moment = known.first()
    return Now() if moment is None else Value(moment, output_field=DateTimeField())


def note_answer(name: str) -> None:
    """Notes that the remote answered just now, for :func:`last_answer`; leaves its breaker as it is."""
    if not Remote.objects.filter(name=name).update(last_ok_at=Now()):
        Remote.objects.get_or_create(name=name, defaults={"last_ok_at": Now()})


def confirm(name: str, *, was_probe: bool) -> bool:
    """Notes that the remote answered; True when this closed the breaker.

    Written at most each 30 s a process while all is well: a hundred reads a second must not become a hundred writes.
    """
    moment = time.monotonic()
    with _lock:
        is_fresh = moment - _confirmed.get(name, -_CONFIRM_SECONDS) < _CONFIRM_SECONDS
        if is_fresh and not was_probe:
            return False
        _confirmed[name] = moment
    closed = Remote.objects.filter(name=name, opened_at__isnull=False)
    if was_probe:
        if closed.update(opened_at=None, probe_at=None, failures=0, last_ok_at=Now()):
            return True
    elif not Remote.objects.filter(name=name).update(last_ok_at=Now()):
        Remote.objects.get_or_create(name=name, defaults={"last_ok_at": Now()})
    return False
