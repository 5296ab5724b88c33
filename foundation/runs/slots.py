"""How many passes of this process may be at one remote at a time: a slow Jenkins must not use every thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

LIMIT = 4
LIMIT_OF = {"hook": 1}
"""By what a remote's name begins with: an address that people typed gets one thread, however slowly it answers."""


class Slots:
    """Counts by remote; runs without a remote are not counted."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def hold(self, remote: str) -> Iterator[bool]:
        """Holds a slot inside the ``with``; yields False, and holds none, when the remote has none left."""
        is_held = self._take(remote)
        try:
            yield is_held
        finally:
            if is_held:
                self._give_back(remote)

    def free(self, remote: str) -> int:
        """How many more passes may begin at the remote."""
        with self._lock:
            return self._most(remote) - self._taken[remote] if remote else self._limit

    def full(self) -> frozenset[str]:
        """The remotes without a free slot."""
        with self._lock:
            return frozenset(remote for remote, count in self._taken.items() if count >= self._most(remote))

    def _most(self, remote: str) -> int:
        return min(self._limit, LIMIT_OF.get(remote.partition(":")[0], self._limit))

    def _take(self, remote: str) -> bool:
        if not remote:
            return True
        with self._lock:
            if self._taken[remote] >= self._most(remote):
                return False
            self._taken[remote] += 1
            return True

    def _give_back(self, remote: str) -> None:
        if not remote:
            return
        with self._lock:
            self._taken[remote] -= 1
            if self._taken[remote] <= 0:
                del self._taken[remote]


slots = Slots()
"""Those of this process; a forked child inherits a copy and counts on its own."""
