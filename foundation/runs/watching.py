"""The watcher: finds due runs of every kind and runs their steps on a pool of threads. Any number may run."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import TypeVar

from django.db import DatabaseError, close_old_connections, connections
from django.utils.module_loading import import_string

from foundation import idempotency
from foundation.runs import heartbeat
from foundation.runs.claim import claim, claim_group, claim_others, due_kinds
from foundation.runs.engine import run_step
from foundation.runs.finish import release_leases
from foundation.runs.identity import owner, process_name
from foundation.runs.kinds import Kind, all_kinds
from foundation.runs.lease import Again, Outcome
from foundation.runs.renewal import renewer
from foundation.runs.together import GRACE_SECONDS, run_together

log = logging.getLogger(__name__)
_Taken = TypeVar("_Taken")

THREADS = 16
LONGEST_SLEEP_SECONDS = 0.25
SHORTEST_SLEEP_SECONDS = 0.02
SOON_SECONDS = 1.5
"""A run that is due again within so long is waited for exactly."""
STOP_SECONDS = 5.0
HOLD_AGAIN_SECONDS = 5.0
_HOUSEKEEPING_SECONDS = 3600.0


class Watcher:
    """One loop that claims, ``THREADS`` threads that run steps. ``stop()`` may come from a signal handler."""

    def __init__(self, *, threads: int = THREADS) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="step")
        self._stopping = threading.Event()
        self._made_due = threading.Event()
        self._holders: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._at_work = 0
        self._submitted = 0
        self._steps = 0
        self._turn = 0
        self._nudges = 0
        self._is_short_of_threads = False
        self._soon: list[float] = []

    def stop(self) -> None:
        """Asks the loop to end; it claims nothing more and waits for running steps, at most 5 s."""
        self._stopping.set()
        self._made_due.set()

    def nudge(self) -> None:
        """Something is due now: look at once, and not at the end of the pause."""
        self._nudges += 1
        self._made_due.set()

    def run(self) -> None:
        """Loops until :meth:`stop`; returns whether or not every step came back in time."""
        log.info("Watching %s.", ", ".join(kind.name for kind in all_kinds()))
        sleep, beat_at, tidy_at = SHORTEST_SLEEP_SECONDS, 0.0, time.monotonic() + _HOUSEKEEPING_SECONDS
        self._start_holders()
        while not self._stopping.is_set():
            self._made_due.clear()
            taken = self._round()
            sleep = SHORTEST_SLEEP_SECONDS if taken else min(sleep * 1.5, LONGEST_SLEEP_SECONDS)
            if time.monotonic() >= beat_at:
                self._beat()
                beat_at = time.monotonic() + heartbeat.BEAT_SECONDS
            if time.monotonic() >= tidy_at:
                self._tidy()
                tidy_at = time.monotonic() + _HOUSEKEEPING_SECONDS
            self._made_due.wait(self._until_due(sleep))
        self._drain()

    def _until_due(self, sleep: float) -> float:
        """At most ``sleep``, less where a run of ours is due again before: a wait that grows would make it late."""
        now = time.monotonic()
        with self._lock:
            self._soon = [due for due in self._soon if due > now]
            return min([sleep, *(due - now for due in self._soon)])

    def _start_holders(self) -> None:
        for kind in all_kinds():
            if kind.hold:
                thread = threading.Thread(target=self._hold, args=(kind,), name=f"hold-{kind.name}", daemon=True)
                self._holders.append(thread)
                thread.start()

    def _hold(self, kind: Kind) -> None:
        """What a kind holds all the time; started again when it fails."""
        while not self._stopping.is_set():
            try:
                import_string(kind.hold)(kind, self.nudge, self._stopping)
            except Exception:
                log.exception("What %s holds fell; it is held again in a moment.", kind.name)
                self._stopping.wait(HOLD_AGAIN_SECONDS)
            finally:
                connections.close_all()

    def _round(self) -> int:
        """One pass over every kind, a different one first each time; how many runs were taken."""
        stepped = [kind for kind in all_kinds() if not kind.hold]
        free_before, submitted = self._free_threads(), self._submitted
        kinds = self._claimed(lambda: due_kinds(stepped, grace=GRACE_SECONDS))
        self._turn += 1
        # First, as they are many and waited for exactly; no more of them than their remote has slots.
        taken = sum(self._take_groups(kind, self._free_threads()) for kind in kinds if kind.together)
        for offset in range(len(kinds)):
            kind = kinds[(self._turn + offset) % len(kinds)]
            if not (free := self._free_threads()) or self._stopping.is_set():
                break
            taken += self._take(kind, min(free, kind.batch))
        if kinds and self._submitted - submitted >= free_before:
            self._go_on_with_next_free_thread()
        return taken

    def _free_threads(self) -> int:
        return max(0, self._threads - self._at_work)

    def _go_on_with_next_free_thread(self) -> None:
        """What a round may have left for want of threads is taken once one is free, not at the end of a pause."""
        with self._lock:
            self._is_short_of_threads = True
            if self._free_threads():  # one that the round gave away is back already
                self._made_due.set()

    def _take(self, kind: Kind, limit: int) -> int:
        take = claim_others if kind.together else claim
        leases = self._claimed(lambda: take(kind, owner=owner(), limit=limit))
        for lease in leases:
            self._submit(partial(run_step, lease), f"{lease}")
        return len(leases)

    def _take_groups(self, kind: Kind, most: int) -> int:
        """As many groups as there are free threads: what is due at the same time is begun at the same time."""
        taken = 0
        while most > 0:
            leases = self._claimed(lambda: claim_group(kind, owner=owner(), grace=GRACE_SECONDS))
            for _remote, group in groupby(leases, key=lambda lease: lease.remote):
                alike = list(group)
                self._submit(partial(run_together, alike), f"{kind.name} x {len(alike)}")
                most -= 1
            taken += len(leases)
            if len(leases) < kind.group:
                break
        return taken

    def _claimed(self, take: Callable[[], list[_Taken]]) -> list[_Taken]:
        try:
            return take()
        except DatabaseError:
            log.warning("Nothing could be claimed: the database is away or busy.", exc_info=True)
            close_old_connections()
            self._stopping.wait(1.0)
            return []

    def _submit(self, work: Callable[[], Outcome | None], name: str) -> None:
        with self._lock:
            self._at_work += 1
            self._submitted += 1
        # Counted here and not in the thread: a nudge in between finds the run claimed, and is not to be lost.
        self._pool.submit(self._step, work, name, self._nudges)

    def _step(self, work: Callable[[], Outcome | None], name: str, nudges: int) -> None:
        try:
            close_old_connections()
            outcome = work()
            if isinstance(outcome, Again):
                self._note_due(outcome.after_seconds)
        except Exception:
            log.exception("%s: the engine itself failed; the lease will end by itself.", name)
        finally:
            close_old_connections()
            with self._lock:
                self._at_work -= 1
                self._steps += 1
                was_short, self._is_short_of_threads = self._is_short_of_threads, False
            if was_short or self._nudges != nudges:
                # What became due meanwhile may be this very run, which could not be claimed while we had it.
                self._made_due.set()

    def _note_due(self, seconds: float) -> None:
        """A run that was passed over is due again then."""
        if 0 < seconds < SOON_SECONDS:
            with self._lock:
                self._soon.append(time.monotonic() + seconds)
            if seconds < LONGEST_SLEEP_SECONDS:
                self._made_due.set()  # the pause under way may be longer

    def _beat(self) -> None:
        overdue = renewer.overdue()
        heartbeat.beat("watcher", {"at_work": self._at_work, "steps": self._steps, "overdue": overdue})
        if overdue >= self._threads:
            # Every thread hangs in a call without an end: only a new process can go on.
            log.critical("All %s threads hang past their deadline; this watcher ends itself.", self._threads)
            self._leave(1)

    def _tidy(self) -> None:
        try:
            idempotency.forget_old()
            heartbeat.forget_dead()
        except DatabaseError:
            log.warning("Old rows could not be deleted; the next hour's round will.", exc_info=True)

    def _drain(self) -> None:
        until = time.monotonic() + STOP_SECONDS - 0.5
        while (self._at_work or any(one.is_alive() for one in self._holders)) and time.monotonic() < until:
            time.sleep(0.02)
        if self._at_work:
            log.warning("%s steps did not end in time; other processes go on with their runs at once.", self._at_work)
            self._leave(0)
        self._pool.shutdown()
        connections.close_all()

    def _leave(self, code: int) -> None:
        """Ends the process under its hanging threads; their fences no longer fit, so they write nothing."""
        try:
            release_leases(process_name())
        except DatabaseError:
            log.warning("The leases could not be freed; they end by themselves.")
        logging.shutdown()
        os._exit(code)
