"""Once an hour, in small bites: what has a limited life is deleted. The audit and the orders have none."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import F

from foundation import idempotency
from foundation.clock import db_now
from foundation.runs.choices import TERMINAL
from foundation.runs.lease import Again, Lease, Outcome
from releases.models import LogChunk

PAUSE_SECONDS = 3600.0
BITE = 1000


def step(lease: Lease) -> Outcome:
    """One bite; at once again while there is more."""
    idempotency.forget_old()
    before = db_now() - timedelta(days=settings.LOG_RETENTION_DAYS)
    old = LogChunk.objects.filter(build__finished_at__lt=before, build__state__in=sorted(TERMINAL))
    bite = list(old.order_by("pk").values_list("pk", flat=True)[:BITE])
    if not bite:
        return Again(PAUSE_SECONDS)
    deleted, _by_model = LogChunk.objects.filter(pk__in=bite).delete()
    lease.save(deleted_chunks=F("deleted_chunks") + deleted)
    return Again(0)
