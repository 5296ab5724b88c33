"""Several requests to one other side at a time, where none waits for another's answer. For requests that only read.

The threads are the call's own: a pool that all share would let one side that hangs keep every other waiting.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from deployer.errors import DeployerError

T = TypeVar("T")
ItemT = TypeVar("ItemT")

MOST = 6
"""So many at a time: the four passes that may be at a remote together stay below a client's 32 connections."""


def answers(ask: Callable[[ItemT], T], items: Iterable[ItemT]) -> list[T]:
    """``ask`` of each item, in their order; raises what the first of them that failed raised, once all are back."""
    return [_answer(found) for found in outcomes(ask, items)]


def outcomes(ask: Callable[[ItemT], T], items: Iterable[ItemT]) -> list[T | DeployerError]:
    """The same, with a DeployerError in the place of an answer; anything else is raised.

    ``ask`` runs on other threads: it must not touch the database, whose connections belong to a thread.
    """
    wanted = list(items)
    if len(wanted) < 2:
        return [_outcome(ask, item) for item in wanted]
    with ThreadPoolExecutor(min(MOST, len(wanted)), thread_name_prefix="ask") as pool:
        # Each in a copy of our context: log lines keep the run that they belong to.
        asked: list[Future[T | DeployerError]] = [
            pool.submit(contextvars.copy_context().run, _outcome, ask, item) for item in wanted
        ]
        return [one.result() for one in asked]


class Begin(Protocol):
    """Begins a request; what it gives back waits for the answer, or raises what the request raised."""

    def __call__(self, ask: Callable[[], T], /) -> Callable[[], T]: ...


@contextmanager
def meanwhile() -> Iterator[Begin]:
    """Requests that are under way while their caller does something else, such as rendering.

    Where the caller raises, nothing is waited for: what was asked ends by itself. ``ask`` as for :func:`outcomes`.
    """
    pool = ThreadPoolExecutor(MOST, thread_name_prefix="meanwhile")

    def begin(ask: Callable[[], T], /) -> Callable[[], T]:
        return pool.submit(contextvars.copy_context().run, ask).result

    is_done = False
    try:
        yield begin
        is_done = True
    finally:
        pool.shutdown(wait=is_done, cancel_futures=True)


def _outcome(ask: Callable[[ItemT], T], item: ItemT) -> T | DeployerError:
    try:
        return ask(item)
    except DeployerError as error:
        return error


def _answer(found: T | DeployerError) -> T:
    if isinstance(found, DeployerError):
        raise found
    return found
