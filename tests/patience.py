"""How long is too long: what people are promised, and what a busy machine may make of it.

Machines are shared and noisy: a test that fails for a slow second says nothing about the product. ``FULL=1``, on a
quiet machine, holds the product to its promise.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import TypeVar

LONGEST_PAUSE = 0.5
"""Seconds between two reads of what takes long to see."""

SOON = 2.0
"""Seconds within which a page that comes back is right, and a change of rights counts."""
T = TypeVar("T")
_BUSY = 1.0 if os.environ.get("FULL") else 4.0


def at_most(seconds: float) -> float:
    """The promise, or with leave for a busy machine."""
    return seconds * _BUSY


def is_soon(took: float, promised: float = SOON) -> bool:
    """Was it quick enough for this machine?"""
    return took <= at_most(promised)


def wait_for(what: Callable[[], T], why: str = "it did not happen", seconds: float = 30.0, pause: float = 0.05) -> T:
    """The first true answer; fails with ``why`` when there is none in time.

    An answer that takes long is asked for less often: a page asked for without a break keeps a core from those who
    do what is waited for.
    """
    until = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if found := what():
            return found
        now = time.monotonic()
        assert now < until, f"{why}: not within {seconds:g} s"
        time.sleep(max(pause, min(4 * (now - asked), LONGEST_PAUSE)))  # here everybody waits


async def soon_true(what: Callable[[], T], why: str = "it did not happen", seconds: float = 30.0) -> T:
    """``wait_for`` for what other tasks of this event loop do."""
    until = time.monotonic() + seconds
    while True:
        if found := what():
            return found
        assert time.monotonic() < until, f"{why}: not within {seconds:g} s"
        await asyncio.sleep(0.01)
