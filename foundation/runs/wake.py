"""Making runs due, and telling the Celery workers. A hint may be lost: the watcher finds the run anyway, 2 s later."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time

from celery import current_app
from django.db import transaction
from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import Least

from foundation.clock import now_minus, now_plus
from foundation.runs.choices import ACTIVE
from foundation.runs.claim import hint_seconds
from foundation.runs.kinds import all_kinds
from foundation.runs.models import Run

log = logging.getLogger(__name__)

TASK = "foundation.runs.tasks.take"
_WAITING_LIMIT = 1000
_STALE_SECONDS = 30
FIRST_SECONDS = 20.0
"""Runs are taken by the time since when they are due: what goes first is due as if it had been for so long."""


def hinted_at() -> Combinable:
    """``next_at`` for a new row that a person's act makes due: a worker is told at once, the watcher waits 2 s."""
    return now_plus(hint_seconds())


def launch_hint(kind: str, pk: int) -> None:
    """Tells the workers of a new or woken run once this transaction has committed; never raises, never waits."""
    transaction.on_commit(lambda: publisher.send(kind, pk))


def wake(model: type[Run], pk: int, *, prompt: bool = True, is_first: bool = False, after: float = 0.0) -> bool:
    """Makes an active run due; False when it is final. A step that is running now will be followed by another.

    ``prompt`` sends a hint to the workers on commit and leaves the run to them for 2 s; without, the next watcher
    takes it ``after`` so many seconds, and with ``is_first`` before all others that wait for the same remote.
    """
    due = now_minus(FIRST_SECONDS) if is_first else now_plus(hint_seconds() if prompt else after)
    rows = model._default_manager.filter(pk=pk, state__in=ACTIVE)
    if rows.update(next_at=Least(F("next_at"), due), wakes=F("wakes") + 1) != 1:
        return False
    if prompt:
        for kind in all_kinds():
            if kind.model is model:
                launch_hint(kind.name, pk)
    return True


class Publisher:
    """A thread that hands hints to the broker, so that a broker which accepts and never answers delays nobody.

    Hints waiting behind a dead broker are dropped once they are useless or too many; each is only logged.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._hints: queue.Queue[tuple[str, int, float]] = queue.Queue()

    def send(self, kind: str, pk: int) -> None:
        """Queues one hint; returns at once."""
        with self._lock:
            if self._pid != os.getpid():
                self._start()
        try:
            self._hints.put_nowait((kind, pk, time.monotonic()))
        except queue.Full:
            log.warning("No hint for %s %s, the broker is stuck: the watcher will take it.", kind, pk)

    def _start(self) -> None:
        self._pid = os.getpid()
        self._hints = queue.Queue(_WAITING_LIMIT)
        threading.Thread(target=self._loop, args=(self._hints,), name="hints", daemon=True).start()
        # A command that ends right after its commit still gets its hints out, if the broker answers.
        atexit.register(self.flush, 1.0)

    def flush(self, seconds: float) -> bool:
        """Waits until all hints are out, at most so long; False when some are not."""
        until = time.monotonic() + seconds
        while self._pid == os.getpid() and self._hints.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.01)
        return not self._hints.unfinished_tasks

    def _loop(self, hints: queue.Queue[tuple[str, int, float]]) -> None:
        while True:
            kind, pk, asked_at = hints.get()
            try:
                if time.monotonic() - asked_at > hint_seconds():
                    # It waited behind a dead broker until the watcher's turn came: useless by now.
                    raise TimeoutError
                current_app.send_task(TASK, args=[kind, pk], ignore_result=True, retry=False, expires=_STALE_SECONDS)
            except Exception as error:  # noqa: BLE001 (an edge: every broker fails in its own words)
                log.warning("No hint for %s %s (%s): the watcher will take it.", kind, pk, type(error).__name__)
            finally:
                hints.task_done()


publisher = Publisher()
"""The one of this process; it starts with the first hint, anew in a forked child."""
