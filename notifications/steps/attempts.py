"""What a mail and a delivery to a webhook have in common: each is tried for a day, after pauses that double."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from foundation.messages import MessageLike, as_message
from foundation.runs.choices import RunState
from foundation.runs.finish import begin, finish_own
from foundation.runs.lease import Done, Lease, Outcome

GIVEN_UP_AFTER = timedelta(days=1)
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 3600.0


def begin_attempt(lease: Lease) -> None:
    """Its intent, committed before anything is sent: one attempt more is counted. Raises LeaseLost."""
    with transaction.atomic():
        lease.hold()
        begin(lease.kind.model, lease.pk, fence=lease.fence, owner=lease.owner)
        lease.save(attempts=F("attempts") + 1)


def pause_after(failures: int) -> float:
    """Seconds after so many of them. Those of a long silence count too: without a bound the power outgrows a float."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(max(0, failures - 1), 10))


def end(lease: Lease, to: RunState, message: MessageLike = "", **fields: Any) -> Outcome:
    """The run is over, with what it came to. Raises LeaseLost."""
    finish_own(lease, to=to, message=as_message(message), **fields)
    return Done()
