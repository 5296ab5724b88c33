"""How long is too long: what people are promised, and what a busy machine may make of it.

Machines are shared and noisy: a test that fails for a slow second says nothing about the product. ``FULL=1``, on a
quiet machine, holds the product to its promise.
"""

from __future__ import annotations

import os

SOON = 2.0
"""Seconds within which a page that comes back is right, and a change of rights counts."""
_BUSY = 1.0 if os.environ.get("FULL") else 4.0


def at_most(seconds: float) -> float:
    """The promise, or with leave for a busy machine."""
    return seconds * _BUSY


def is_soon(took: float, promised: float = SOON) -> bool:
    """Was it quick enough for this machine?"""
    return took <= at_most(promised)
