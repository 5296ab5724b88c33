"""Watches: one JSON line for each change, from the position that the client names."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from sandbox.kubernetes.errors import ApiError, expired
from sandbox.kubernetes.http import requests
from sandbox.kubernetes.http.requests import cluster_of
from sandbox.kubernetes.kinds import POD, Kind
from sandbox.kubernetes.selectors import Test, by_fields, by_labels
from sandbox.kubernetes.storage import Change, Store

Obj = dict[str, Any]

_BOOKMARK_EVERY = 60.0
_BOOKMARK_BEFORE_END = 2.0


def selection(request: Request, kind: Kind) -> Test:
    """The test of the request's selectors and namespace; raises ApiError 400."""
    labels = by_labels(request.query_params.get("labelSelector", ""))
    fields = by_fields(request.query_params.get("fieldSelector", ""), kind)
    namespace = request.path_params.get("namespace")
    return lambda obj: (
        (namespace is None or obj["metadata"].get("namespace") == namespace) and labels(obj) and fields(obj)
    )


def watch(request: Request, kind: Kind) -> StreamingResponse:
    """The endless (or ``timeoutSeconds`` long) answer; raises ApiError for a bad selector or position."""
    seconds = requests.number(request, "timeoutSeconds")
    stream = _Stream(
        cluster_of(request).store,
        kind,
        selection(request, kind),
        seconds if seconds else random.uniform(1800, 3600),  # noqa: S311 - spreads reconnects, guards nothing
        has_bookmarks=requests.flag(request, "allowWatchBookmarks"),
    )
    start = _position(request.query_params.get("resourceVersion", ""))
    return StreamingResponse(stream.lines(start), media_type="application/json")


def _position(text: str) -> int:
    try:
        return int(text or "0")
    except ValueError as error:
        raise ApiError(500, "InternalError", f'strconv.ParseUint: parsing "{text}": invalid syntax') from error


class _Stream:
    def __init__(self, store: Store, kind: Kind, is_wanted: Test, seconds: float, *, has_bookmarks: bool) -> None:
        self._store = store
        self._kind = kind
        self._is_wanted = is_wanted
        self._end = time.monotonic() + seconds
        self._has_bookmarks = has_bookmarks
        self._next_bookmark = min(time.monotonic() + _BOOKMARK_EVERY, self._end - _BOOKMARK_BEFORE_END)

    async def lines(self, position: int) -> AsyncIterator[str]:
        """JSON lines until the time is over or the server closes."""
        if position == 0:
            position = self._store.version
            for obj in filter(self._is_wanted, self._store.all(self._kind)):
                yield _line("ADDED", obj)
        while not self._store.is_closing:
            if position < self._store.oldest_known(self._kind):
                yield _line("ERROR", self._too_old(position))
                return
            # taken before the first yield: what is written while a line goes out belongs to the next round
            reached, moved = self._store.version, self._store.next_move(self._kind)
            for shown in map(self._shown, self._store.since(self._kind, position)):
                if shown:
                    yield shown
            position = reached
            now = time.monotonic()
            if now >= self._end:
                return
            if self._has_bookmarks and now >= self._next_bookmark:
                self._next_bookmark = self._end if now > self._end - _BOOKMARK_EVERY else now + _BOOKMARK_EVERY
                yield _line("BOOKMARK", self._bookmark(position))
            nearest = min(self._end, self._next_bookmark) if self._has_bookmarks else self._end
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), max(0.0, nearest - now))

    def _shown(self, change: Change) -> str:
        """The line for a change as this watch's selectors see it: an object may enter or leave the selection."""
        is_in = self._is_wanted(change.object) and change.type != "DELETED"
        was_in = change.previous is not None and self._is_wanted(change.previous)
        if is_in:
            return _line("MODIFIED" if was_in else "ADDED", change.object)
        return _line("DELETED", change.object) if was_in else ""

    def _bookmark(self, position: int) -> Obj:
        meta = {"resourceVersion": str(position), "creationTimestamp": None}
        partial: Obj = {"kind": self._kind.kind, "apiVersion": self._kind.api_version, "metadata": meta}
        return partial | ({"spec": {"containers": None}, "status": {}} if self._kind is POD else {})

    def _too_old(self, position: int) -> Obj:
        oldest = self._store.oldest_known(self._kind)
        return expired(f"too old resource version: {position} ({oldest})").status()


def _line(kind: str, obj: Obj) -> str:
    return json.dumps({"type": kind, "object": obj}, separators=(",", ":")) + "\n"
