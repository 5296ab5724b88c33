"""How client and host talk: frames of a 4-byte length and JSON, over a stream socket or pipe."""

from __future__ import annotations

import json
import os
import select
import time
from typing import Any

MAX_FRAME = 32 * 1024 * 1024


class Closed(Exception):
    """The other end is gone, in the middle of a frame or before one."""


class TooSlow(Exception):
    """The frame was not complete when the time was up."""


def encode(message: Any) -> bytes:
    """One frame. Raises ValueError beyond MAX_FRAME."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > MAX_FRAME:
        raise ValueError("A message to the render host is too large.")
    return len(body).to_bytes(4, "big") + body


def write(fd: int, frame: bytes) -> None:
    """All of the frame. Raises Closed."""
    view = memoryview(frame)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except (BrokenPipeError, ConnectionError) as exc:
        raise Closed from exc


def read(fd: int, *, deadline: float | None = None) -> Any:
    """The next message; ``deadline`` in ``time.monotonic()`` seconds. Raises Closed, TooSlow."""
    size = int.from_bytes(_read_exactly(fd, 4, deadline), "big")
    if size > MAX_FRAME:
        raise Closed
    try:
        return json.loads(_read_exactly(fd, size, deadline))
    except ValueError as exc:
        raise Closed from exc


def _read_exactly(fd: int, size: int, deadline: float | None) -> bytes:
    parts: list[bytes] = []
    while size:
        if deadline is not None:
            ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TooSlow
        try:
            part = os.read(fd, min(size, 1 << 20))
        except ConnectionError as exc:
            raise Closed from exc
        if not part:
            raise Closed
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
