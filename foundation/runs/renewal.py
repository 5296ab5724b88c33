"""One thread a process keeps the leases of its running steps alive, never past a step's own deadline."""

from __future__ import annotations

import logging
import os
import threading
import time

from django.db import DatabaseError, connections

from foundation.clock import now_plus
from foundation.runs.lease import Lease, lease_seconds

log = logging.getLogger(__name__)


class Renewer:
    """Holds the leases at work; its thread starts with the first one and belongs to this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work: dict[tuple[str, int], tuple[Lease, float]] = {}
        self._thread: threading.Thread | None = None
        self._pid = 0

    def add(self, lease: Lease) -> None:
        """Keeps this lease alive from now on."""
        with self._lock:
            if self._pid != os.getpid() or self._thread is None or not self._thread.is_alive():
                self._start()
            self._at_work[lease.kind.name, lease.pk] = (lease, time.monotonic())

    def discard(self, lease: Lease) -> None:
        """Stops keeping it."""
        with self._lock:
            entry = self._at_work.get((lease.kind.name, lease.pk))
            if entry and entry[0].fence == lease.fence:
                del self._at_work[lease.kind.name, lease.pk]

    def overdue(self) -> int:
        """How many steps have run past their deadline and still have not come back."""
        with self._lock:
            return sum(lease.remaining() <= 0 for lease, _ in self._at_work.values())

    def _start(self) -> None:
        # A forked child inherits the dictionary but not the thread: the parent's leases are not its own.
        if self._pid != os.getpid():
            self._at_work.clear()
            self._pid = os.getpid()
        self._thread = threading.Thread(target=self._loop, name="lease-renewal", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while True:
            time.sleep(lease_seconds() * 0.3)
            try:
                self.renew()
            except DatabaseError:
                log.warning("Leases could not be renewed; other processes may take them over.", exc_info=True)
            finally:
                connections.close_all()

    def renew(self) -> None:
        """One round: every lease whose step still has time gets its full length, or what the step has left."""
        fresh = time.monotonic() - lease_seconds() * 0.2
        with self._lock:
            due = [lease for lease, since in self._at_work.values() if since < fresh and lease.remaining() > 0]
        for lease in due:
            lease.rows().update(lease_until=now_plus(min(lease_seconds(), lease.remaining())))


renewer = Renewer()
"""The one of this process."""
