"""The only Celery task: a hint that a run is due. The row is the truth; a lost or doubled hint changes nothing.

Workers do what people ask for: they go on while a step has more to do at once, so that one hint carries a deployment
from the gates to the applied objects. Looking again is left to the watcher.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from foundation.pulse import start_pulse
from foundation.runs import kinds
from foundation.runs.claim import claim, hint_seconds
from foundation.runs.engine import run_step
from foundation.runs.heartbeat import start_beating
from foundation.runs.identity import owner
from foundation.runs.writeback import goes_on

log = logging.getLogger(__name__)

MOST_PASSES = 20
LONGEST_SECONDS = 30.0
"""After so many passes or seconds a run goes to the watcher: other people's hints wait for this thread."""


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def take(kind: str, pk: int) -> None:
    """Claims one run by id and runs its steps; does nothing when it is not due, held by another or final."""
    try:
        known = kinds.get(kind)
    except kinds.UnknownKind as error:
        log.warning("A hint was dropped: %s", error)
        return
    until = time.monotonic() + LONGEST_SECONDS
    for passes_left in reversed(range(MOST_PASSES)):
        leases = claim(known, owner=owner(), limit=1, pk=pk, grace=hint_seconds())
        if not leases:
            return
        lease = replace(leases[0], is_hinted=True)
        is_last = not passes_left or time.monotonic() >= until
        # Between two passes the row is nobody's: the watchers leave it to us for as long as they leave us a hint.
        outcome = run_step(lease, lead=0.0 if is_last else hint_seconds())
        if is_last or not goes_on(lease, outcome):
            return


@worker_ready.connect  # type: ignore[untyped-decorator]
def _beat(**_: Any) -> None:
    start_pulse()
    start_beating("worker")
