"""Hints over Redis: "event 12 of order 7 is committed". All may be lost: they make sooner what the poll finds anyway.

A thread of this process keeps one loop and one connection for them. A loop and a connection of each hint's own cost
2.6 ms, and the transaction would wait for a Redis that does not answer.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.db import transaction

log = structlog.get_logger(__name__)

GROUP = "orders"
HINT_SECONDS = 1.0

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def send_hint(order_id: int, seq: int) -> None:
    """Tell the web processes to read now instead of at their next poll; returns at once, sent or not."""
    layer = get_channel_layer()
    if layer is not None:
        message = {"type": "hint", "order": order_id, "seq": seq}
        asyncio.run_coroutine_threadsafe(_send(layer, message), _loop())


def send_signal(order_id: int) -> None:
    """Once this transaction has committed: what an order's pages show has changed, and there is no event of it.

    A log that grew and pods that come and go would be an event a second, kept for ever. Readers find them in the rows
    themselves (:func:`releases.live.changes.recent_changes`), with this or without.
    """
    transaction.on_commit(lambda: send_hint(order_id, 0))


def _loop() -> asyncio.AbstractEventLoop:
    # By process: the thread does not come along in a fork.
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="hints", daemon=True).start()
        return loop


async def _send(layer: Any, message: dict[str, Any]) -> None:
    try:
        async with asyncio.timeout(HINT_SECONDS):
            await layer.group_send(GROUP, message)
    except Exception as error:  # noqa: BLE001 - a process edge: the hint may be lost, the change may not
        log.warning("hint lost", order=message["order"], error=type(error).__name__)
