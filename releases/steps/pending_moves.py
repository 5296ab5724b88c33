"""What watches saw and is not told yet: of one component at most so often, its end at once.

A rollout of four pods is some thirty changes. Each of them would be a pass over it, and with hundreds of rollouts at a
time the passes would be behind by seconds just when they matter. So the more of them move, the more rarely each is read
while it moves; that a workload is complete, failed or gone is never held back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from deployer.interfaces import Moved

APART_SECONDS = 0.05
"""Between two passes over one component, for each component that moves."""
SHORTEST_APART_SECONDS = 0.25
"""Pages show no more of it, and each pass takes time from the very cluster and processes that the rollout needs."""
LONGEST_APART_SECONDS = 10.0

Key = tuple[int, str]
"""The watch, and the instance that moved; an empty one means that anything there may have."""


@dataclass
class PendingMoves:
    """Of one process. Moments are the loop's, in seconds."""

    _due: dict[Key, float] = field(default_factory=dict)
    _told: dict[Key, float] = field(default_factory=dict)
    _ended: set[Key] = field(default_factory=set)

    def note(self, watch: int, moved: Moved, now: float) -> None:
        """Something moved there."""
        key = watch, moved.instance
        due = now if moved.is_final or not moved.instance else max(now, self._told.get(key, 0.0) + self._apart())
        self._due[key] = min(due, self._due.get(key, due))
        if moved.is_final:
            self._ended.add(key)

    def seconds(self, now: float) -> float | None:
        """Until there is something to tell; None when nothing waits."""
        return max(0.0, min(self._due.values()) - now) if self._due else None

    def take(self, now: float) -> dict[Key, bool]:
        """What is to be told now, and whether it has come to its end."""
        found = {key: key in self._ended for key, due in self._due.items() if due <= now}
        self._ended -= found.keys()
        for key in found:
            del self._due[key]
        self._told = {key: at for key, at in self._told.items() if now - at < 2 * LONGEST_APART_SECONDS}
        self._told |= dict.fromkeys(found, now)
        return found

    def _apart(self) -> float:
        return min(LONGEST_APART_SECONDS, max(SHORTEST_APART_SECONDS, APART_SECONDS * len(self._told)))
