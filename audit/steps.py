"""The sealing run: one row, one pass a second."""

from __future__ import annotations

import logging
from datetime import timedelta

from audit.chain import read_head, seal_events
from foundation.clock import db_now
from foundation.runs.engine import Again, Lease

log = logging.getLogger("audit")

PAUSE_SECONDS = 1.0
BATCH = 500
HEAD_EVERY = timedelta(minutes=1)


def seal(lease: Lease) -> Again:
    """Links what was committed since the last pass; each minute sweeps everywhere and logs the chain's head.

    The logged heads are what a chain that was cut short can be held against.
    """
    row, now = lease.read(), db_now()
    is_sweep = row.head_logged_at is None or now - row.head_logged_at >= HEAD_EVERY
    sealed = seal_events(limit=BATCH, everywhere=is_sweep)
    if is_sweep:
        head = read_head()
        log.info("Audit chain: %s links, head %s.", head.sequence, head.mac)
        lease.save(head_logged_at=now)
    return Again(0.0 if sealed == BATCH else PAUSE_SECONDS)
