"""Drives one run in this process, without Celery and watcher: for tests and for commands that wait for a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from foundation.clock import PARKED
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner

_ANY_TIME = 365 * 24 * 3600.0


class Stuck(Exception):
    """The run did not get where it was driven to."""


def drive(
    kind: str, pk: int, until: Callable[[Any], bool] | None = None, *, seconds: float = 30.0, pause: float = 0.02
) -> Any:
    """Steps over the run, without waiting for its due times, until it is final or ``until(row)`` is true.

    Returns the row as it is then; raises Stuck after ``seconds``, or when the run is parked.
    """
    known = kinds.get(kind)
    limit = time.monotonic() + seconds
    while True:
        row = known.model._default_manager.get(pk=pk)
        if row.is_terminal or (until is not None and until(row)):
            return row
        what = f"{kind} {pk} is {row.state} in phase {row.phase!r} ({row.reason or 'no reason'})"
        if row.next_at >= PARKED:
            raise Stuck(f"{what} and parked: nobody will look at it before it is woken.")
        if time.monotonic() > limit:
            raise Stuck(f"{what} after {seconds} s.")
        leases = claim(known, owner=owner(), limit=1, pk=pk, grace=_ANY_TIME)
        for lease in leases:
            run_step(lease)
        time.sleep(pause if leases else max(pause, 0.05))
