"""One thread and one connection serve many requests, one after the other; requests at one time have one each."""

import asyncio
import threading

from asgiref.sync import sync_to_async

from prism4k import kept_threads
from prism4k.kept_threads import KeptThreads


class Site:
    """An application that notes which threads serve it; its requests end together."""

    def __init__(self, requests: int = 1) -> None:
        self.threads: list[threading.Thread] = []
        self._all_there = threading.Barrier(requests)

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        """Two pieces of synchronous code, as a middleware and its view are."""
        await sync_to_async(self._serve)()
        first = self.threads[-1]
        assert await sync_to_async(threading.current_thread)() in self.threads
        assert first in self.threads

    def _serve(self) -> None:
        self.threads.append(threading.current_thread())
        self._all_there.wait(10)


async def _ask(application: KeptThreads, times: int) -> None:
    await asyncio.gather(*(application({}, None, None) for _ in range(times)))


def test_one_thread_serves_request_after_request() -> None:
    site = Site()
    application = KeptThreads(site)

    async def ask() -> None:
        for _ in range(5):
            await application({}, None, None)

    asyncio.run(ask())
    assert len(set(site.threads)) == 1


def test_requests_at_one_time_have_a_thread_each_and_too_many_threads_end(monkeypatch) -> None:
    monkeypatch.setattr(kept_threads, "MOST_IDLE", 2)
    site = Site(requests=5)
    application = KeptThreads(site)
    asyncio.run(_ask(application, 5))
    assert len(set(site.threads)) == 5
    for thread in site.threads:
        thread.join(0.5)
    assert sum(thread.is_alive() for thread in site.threads) == 2


def test_a_request_that_fails_leaves_its_thread_to_the_next() -> None:
    async def failing(scope: object, receive: object, send: object) -> None:
        await sync_to_async(seen.append)(1)
        seen.append(await sync_to_async(threading.current_thread)())
        raise ValueError

    seen: list[object] = []
    application = KeptThreads(failing)

    async def ask() -> None:
        for _ in range(2):
            try:
                await application({}, None, None)
            except ValueError:
                continue

    asyncio.run(ask())
    assert len({one for one in seen if one != 1}) == 1
