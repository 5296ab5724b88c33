"""The only Celery task: a hint that a run is due. The row is the truth; a lost or doubled hint changes nothing."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from foundation.runs import kinds
from foundation.runs.claim import HINT_SECONDS, claim
from foundation.runs.engine import run_step
from foundation.runs.heartbeat import start_beating
from foundation.runs.identity import owner

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def take(kind: str, pk: int) -> None:
    """Claims one run by id and runs one step; does nothing when it is not due, held by another or final."""
    try:
        known = kinds.get(kind)
    except kinds.UnknownKind as error:
        log.warning("A hint was dropped: %s", error)
        return
    for lease in claim(known, owner=owner(), limit=1, pk=pk, grace=HINT_SECONDS):
        run_step(lease)


@worker_ready.connect  # type: ignore[untyped-decorator]
def _beat(**_: Any) -> None:
    start_beating("worker")
