"""A watch that only says what moved: our own line reader, because the client's ``Watch`` crashes on a 410 line.

Three streams (deployments, replica sets, pods) feed one queue. Whatever ends one of them (its time, silence, a broken
connection, an expired resourceVersion) ends all: the caller looks at everything anyway and then watches again.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import urllib3

from deployer.adapters.kubernetes.paths import collection_path
from deployer.adapters.kubernetes.session import Session
from deployer.errors import Unavailable
from deployer.sentences import say as _

SILENCE_SECONDS = 90.0
"""Bookmarks arrive about once a minute, so longer silence means a dead connection."""
MAX_LINE_BYTES = 8 * 1024 * 1024

_WATCHED = (("apps/v1", "Deployment"), ("apps/v1", "ReplicaSet"), ("v1", "Pod"))
_END = ""


def changes(session: Session, namespace: str, selector: str, *, seconds: int) -> Iterator[str]:
    """Names of objects that changed after the call. Raises Forbidden, NotFound, Unavailable while it opens."""
    names: queue.SimpleQueue[str] = queue.SimpleQueue()
    streams: list[urllib3.BaseHTTPResponse] = []
    ends_at = time.monotonic() + seconds
    try:
        for api_version, kind in _WATCHED:
            path = collection_path(api_version, kind, namespace)
            streams.append(_open(session, path, selector, seconds))
        for number, stream in enumerate(streams):
            threading.Thread(
                target=_feed, args=(stream, names), name=f"watch-{namespace}-{number}", daemon=True
            ).start()
        while (left := ends_at - time.monotonic()) > 0:
            try:
                name = names.get(timeout=left)
            except queue.Empty:
                return
            if name == _END:
                return
            yield name
    finally:
        for stream in streams:
            # Wakes the thread that reads it; it closes the response itself.
            with suppress(OSError, ValueError, RuntimeError, urllib3.exceptions.HTTPError):
                stream.shutdown()


def _open(session: Session, path: str, selector: str, seconds: int) -> urllib3.BaseHTTPResponse:
    head = session.read(path, [("labelSelector", selector), ("limit", "1")]).data().get("metadata") or {}
    version = str(head.get("resourceVersion") or "")
    if not version:
        raise Unavailable(_("The cluster's answer cannot be read."))
    query = [
        ("watch", "true"),
        ("labelSelector", selector),
        ("resourceVersion", version),
        ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", str(max(1, seconds))),
    ]
    return session.stream(path, query, read_seconds=SILENCE_SECONDS)


def _feed(stream: urllib3.BaseHTTPResponse, names: queue.SimpleQueue[str]) -> None:
    """Reads until the stream ends, then says so; runs in a thread of its own."""
    try:
        for line in _lines(stream):
            name = _name_of(line)
            if name is None:
                return
            if name:
                names.put(name)
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        return  # broken or silent: the same as ended
    finally:
        names.put(_END)
        with suppress(OSError, urllib3.exceptions.HTTPError):
            stream.close()


def _lines(stream: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    buffer = b""
    while part := stream.read1(1 << 16):
        *lines, buffer = (buffer + part).split(b"\n")
        if len(buffer) > MAX_LINE_BYTES:
            raise ValueError("A line of the watch is too long.")
        yield from (line for line in lines if line.strip())


def _name_of(line: bytes) -> str | None:
    """The changed object's name; empty for a bookmark; None for an error line (410 arrives so, with status 200)."""
    event = json.loads(line)
    if not isinstance(event, dict) or event.get("type") == "ERROR":
        return None
    if event.get("type") == "BOOKMARK":
        return ""
    return str(((event.get("object") or {}).get("metadata") or {}).get("name") or "")
