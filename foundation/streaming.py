"""A text that is sent piece by piece, as it is made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


def download(request: HttpRequest, pieces: Iterator[str], *, content_type: str, name: str) -> StreamingHttpResponse:
    """As a file of that name.

    ASGI and WSGI each want their own kind of iterator: the other one would be read whole into memory.
    """
    body = one_by_one(pieces) if isinstance(request, ASGIRequest) else pieces
    answer = StreamingHttpResponse(body, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


async def one_by_one(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Each is made on a thread: neither the database nor a long sum may hold the event loop."""
    while (piece := await sync_to_async(_next)(pieces)) is not None:
        yield piece


def _next(pieces: Iterator[str]) -> str | None:
    return next(pieces, None)
