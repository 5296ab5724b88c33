"""One look outside, shared by all threads that want it within a second."""

from __future__ import annotations

import copy
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deployer.errors import DeployerError
from deployer.interfaces import BuildLook

MOST_JOBS = 64
Looks = Mapping[int, BuildLook]


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: float = float("-inf")
    ended: float = float("-inf")
    looks: Looks | None = None
    error: DeployerError | None = None


class SharedLooks:
    """Answers of ``look(key)`` no older than ``seconds``, counted from when it was asked; errors are shared too, so
    that a hung Jenkins holds each waiting thread once and not one after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    def get(self, key: str, look: Callable[[], Looks]) -> Looks:
        """The shared answer, or a new one; raises what ``look`` raises."""
        arrived = time.monotonic()
        slot = self._slot(key)
        with slot.lock:
            has_failed_meanwhile = slot.error is not None and slot.ended >= arrived
            if slot.asked < arrived - self._seconds and not has_failed_meanwhile:
                self._refresh(slot, look)
            if slot.error is not None:
                raise copy.copy(slot.error)
            assert slot.looks is not None
            return slot.looks

    def _slot(self, key: str) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            if len(self._slots) > MOST_JOBS:
                self._slots.popitem(last=False)
            return slot

    def _refresh(self, slot: _Slot, look: Callable[[], Looks]) -> None:
        slot.asked = time.monotonic()
        try:
            slot.looks, slot.error = look(), None
        except DeployerError as exc:
            slot.error = exc
        slot.ended = time.monotonic()
