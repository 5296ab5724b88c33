"""Signs of life of the processes that drive runs, as rows: the health page needs no way to reach them."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from django.db import DatabaseError, connections
from django.db.models.functions import Now

from foundation.clock import now_minus
from foundation.runs.identity import process_name
from foundation.runs.models import Heartbeat

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
FORGOTTEN_SECONDS = 24 * 3600


def beat(role: str, detail: dict[str, Any] | None = None) -> None:
    """Writes this process's row; one that cannot be written is only logged."""
    try:
        Heartbeat.objects.update_or_create(
            process=process_name(),
            defaults={"role": role, "at": Now(), "detail": {"pid": os.getpid(), **(detail or {})}},
        )
    except DatabaseError:
        log.warning("The heartbeat could not be written.", exc_info=True)


def start_beating(role: str) -> None:
    """Beats each 5 s from a thread; for processes whose own loop is not ours (Celery workers)."""

    def loop() -> None:
        while True:
            beat(role)
            connections.close_all()
            time.sleep(BEAT_SECONDS)

    threading.Thread(target=loop, name="heartbeat", daemon=True).start()


def forget_dead() -> int:
    """Deletes the rows of processes not heard of for a day; returns how many."""
    deleted, _by_model = Heartbeat.objects.filter(at__lt=now_minus(FORGOTTEN_SECONDS)).delete()
    return deleted


def living(role: str, *, within_seconds: float = 3 * BEAT_SECONDS) -> list[Heartbeat]:
    """The processes of a role heard of lately."""
    return list(Heartbeat.objects.filter(role=role, at__gte=now_minus(within_seconds)))
