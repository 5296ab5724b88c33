"""The watcher's loop: what is due waits for a free thread, and never for a pause of the loop besides."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.models.functions import Now

from foundation.clock import PARKED
from foundation.runs import watching
from foundation.runs.kinds import all_kinds
from foundation.runs.lease import Lease, Outcome, Parked
from foundation.runs.wake import wake
from tests.foundation.probe import steps
from tests.foundation.probe.models import ProbeRun
from tests.patience import wait_for


@pytest.fixture(autouse=True)
def _long_pauses(shared_database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """So long that nothing in these tests can come from the end of a pause; nothing but the probes is due."""
    monkeypatch.setattr(watching, "LONGEST_SLEEP_SECONDS", 3600.0)
    monkeypatch.setattr(watching, "SHORTEST_SLEEP_SECONDS", 3600.0)
    for kind in all_kinds():
        kind.model._default_manager.update(next_at=PARKED)


@contextmanager
def watcher(threads: int) -> Iterator[watching.Watcher]:
    made = watching.Watcher(threads=threads)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join(10)
        assert not thread.is_alive()


def all_parked() -> bool:
    return not ProbeRun.objects.exclude(next_at=PARKED).exists()


def test_what_found_no_free_thread_is_taken_when_one_comes_back() -> None:
    ProbeRun.objects.bulk_create(ProbeRun(script=["park"]) for _ in range(5))
    with watcher(threads=2):
        wait_for(all_parked, "each is passed over", 20)


def test_a_nudge_before_the_step_begins_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is claimed and its thread has not begun yet when it is woken: it can only be taken when it comes back."""
    row = ProbeRun.objects.create(script=["park", "park"], next_at=PARKED)
    passes: list[int] = []

    def submit(self: watching.Watcher, work: Any, *said: Any) -> None:
        if not passes:
            wake(ProbeRun, row.pk, prompt=False)
            self.nudge()
            self._made_due.clear()  # its round has found the run claimed
        real(self, work, *said)

    def step(lease: Lease) -> Outcome:
        passes.append(lease.pk)
        return Parked()

    real = watching.Watcher._step
    monkeypatch.setattr(watching.Watcher, "_step", submit)
    monkeypatch.setattr(steps, "step", step)
    ProbeRun.objects.update(next_at=Now())
    with watcher(threads=2):
        wait_for(lambda: len(passes) > 1, "it is passed over again", 20)
