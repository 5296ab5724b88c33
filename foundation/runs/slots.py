"""How many passes of this process may be at one remote at a time: a slow Jenkins must not use every thread."""

from __future__ import annotations

import threading
from collections import Counter

LIMIT = 4


class Slots:
    """Counts by remote; runs without a remote are not counted."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, remote: str) -> bool:
        """Takes a slot; False when the remote has none left."""
        if not remote:
            return True
        with self._lock:
            if self._taken[remote] >= self._limit:
                return False
            self._taken[remote] += 1
            return True

    def free(self, remote: str) -> None:
        """Gives a slot back."""
        if not remote:
            return
        with self._lock:
            self._taken[remote] -= 1
            if self._taken[remote] <= 0:
                del self._taken[remote]

    def full(self) -> frozenset[str]:
        """The remotes without a free slot."""
        with self._lock:
            return frozenset(remote for remote, count in self._taken.items() if count >= self._limit)


slots = Slots()
"""Those of this process; a forked child inherits a copy and counts on its own."""
