"""Hints over Redis: "event 12 of order 7 is committed". All may be lost: they make sooner what the poll finds anyway.

A thread of this process keeps one loop and one connection for them. A loop and a connection of each hint's own cost
2.6 ms, and whoever committed would wait for a Redis that does not answer.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import structlog
from channels.layers import get_channel_layer

log = structlog.get_logger(__name__)

GROUP = "orders"
HINT_SECONDS = 1.0

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def send_hint(order_id: int, seq: int) -> None:
    """Tell the web processes to look now instead of at their next poll; returns at once, sent or not."""
    layer = get_channel_layer()
    if layer is not None:
        message = {"type": "hint", "order": order_id, "seq": seq}
        asyncio.run_coroutine_threadsafe(_send(layer, message), _loop())


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
