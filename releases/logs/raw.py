"""The whole log as it is stored, a few chunks at a time: memory does not grow with the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async

from releases.logs.reading import chunks_of
from releases.models import Build

CHUNKS = 8


def raw_chunks(build: Build) -> Iterator[str]:
    """For WSGI and tests."""
    after = -1
    while texts := _next(build, after):
        for _offset, text in texts:
            yield text
        after = texts[-1][0]


async def raw_chunks_async(build: Build) -> AsyncIterator[str]:
    """For ASGI: each read on the request's own thread, which closes its connection when the answer has been sent."""
    after = -1
    while texts := await sync_to_async(_next)(build, after):
        for _offset, text in texts:
            yield text
        after = texts[-1][0]


def _next(build: Build, after: int) -> list[tuple[int, str]]:
    rows = chunks_of(build).filter(offset__gt=after).order_by("offset").values_list("offset", "text")
    return list(rows[:CHUNKS])
