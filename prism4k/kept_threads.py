"""Requests are served by threads that stay, each with its connection to the database.

Django's handler gives every request a new thread. Connections belong to threads, so every request would open one:
PostgreSQL forks for it, and plans its first queries with empty caches, for some 10 ms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext

MOST_IDLE = 16
"""So many threads wait for the next request; those beyond end with their request, and their connections with them."""

Application = Callable[[Any, Any, Any], Awaitable[None]]


class KeptThreads:
    """An ASGI application whose synchronous code runs on one thread per request at a time, and a warm one first."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._idle: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request on the thread that served last."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, thread_name_prefix="request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._application(scope, receive, send)
        finally:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(thread)
            else:
                thread.shutdown(wait=False)
