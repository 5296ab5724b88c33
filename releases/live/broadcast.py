"""One broadcaster per web process: it reads each change once and fans it out to the sockets that asked.

The rows are the log that a page reads. The broadcaster finds what changed by polling indexed times in a 5 s window
(database time, so hosts' clocks do not matter; the window forgives commits that come late, and now and then what is
older is looked through for those that came later still). A hint from Redis names an
order and its newest event: of a watched order just those events are read at once, and a read of everything follows.
Hints may all be lost; the poll finds the same. A subscriber has a cursor; what the ring of recent frames has lost
is read from the rows again, so a slow reader only falls behind and never loses or doubles an event.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.db import Error as DatabaseFault

from releases.live.changes import (
    BATCH,
    WINDOW_SECONDS,
    Changes,
    changed_within,
    read_events,
    read_news,
    recent_changes,
)
from releases.live.notify import GROUP
from releases.live.rights import WatchedRights, Watcher, read_allowed
from releases.live.topics import ME, Topic
from releases.live.watched import RENEW_SECONDS, note_watched

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
APART_SECONDS = 0.05
"""Hints bring the next pass over everything forward, but never nearer than this to the last one."""
LATE_SECONDS = 300.0
LATE_APART_SECONDS = 10.0
"""A lock or a slow disk may hold a commit up for longer than the window: so far back, so often, it is looked for."""
RIGHTS_SECONDS = 1.0
FAULT_SECONDS = 0.5
RING = 1000

Send = Callable[[str], Awaitable[None]]


@dataclass(eq=False)
class Subscriber:
    """One topic on one socket. ``cursor`` is the last event number that this browser certainly was sent.

    ``age``: how many seconds ago the page was drawn, or None when it knows that it is right. ``signals``: what of an
    order has changed without an event and was not told yet, of ``log`` and ``pods``.
    """

    send: Send
    user_id: int
    session_key: str
    topic: Topic
    project_id: int
    order_id: int = 0
    cursor: int = 0
    age: float | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    dirty: bool = False
    signals: set[str] = field(default_factory=set)
    close: Callable[[], Awaitable[None]] | None = None
    """Ends the whole socket, when its person has signed out."""


@dataclass
class _Log:
    """The recent frames of one order."""

    last_seq: int
    ring: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=RING))


class Broadcaster:
    """All sockets of this process. Use ``broadcaster()``; every method runs on the event loop."""

    def __init__(self) -> None:
        self.subscribers: dict[Topic, set[Subscriber]] = {}
        self.orders: dict[int, tuple[str, int]] = {}
        self.logs: dict[int, _Log] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._nudge = asyncio.Event()
        self._hinted: dict[int, int] = {}
        self._seen: dict[Any, Any] = {}
        self._began_at = self._due_at = self._late_at = 0.0
        self._knows_old = False
        self._read_at = time.monotonic()

    def behind(self) -> float:
        """Seconds since the rows were last read with success: what is younger may not have been told yet."""
        return time.monotonic() - self._read_at if self._tasks else 0.0

    # ------------------------------------------------------------ subscribing
    async def subscribe(self, subscriber: Subscriber) -> None:
        """Start feeding: first what came after the cursor, then what comes."""
        self.subscribers.setdefault(subscriber.topic, set()).add(subscriber)
        if subscriber.order_id:
            self.orders[subscriber.order_id] = subscriber.topic.key, subscriber.project_id
        subscriber.task = asyncio.create_task(self._feed(subscriber))
        subscriber.wake.set()
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(loop())
                for loop in (self._poll_loop, self._rights_loop, self._watched_loop, self._hint_loop)
            ]

    async def unsubscribe(self, subscriber: Subscriber) -> None:
        """Stop feeding; the last one of an order takes its ring along."""
        group = self.subscribers.get(subscriber.topic, set())
        group.discard(subscriber)
        if not group:
            self.subscribers.pop(subscriber.topic, None)
            self.logs.pop(subscriber.order_id, None)
            self.orders.pop(subscriber.order_id, None)
        if subscriber.task:
            subscriber.task.cancel()

    # ------------------------------------------------------------ feeding one socket
    async def _feed(self, subscriber: Subscriber) -> None:
        while True:
            await subscriber.wake.wait()
            subscriber.wake.clear()
            try:
                if subscriber.topic.kind == "order":
                    await self._catch_up(subscriber)
                    await self._tell_signals(subscriber)
                else:
                    await self._tell_changed(subscriber)
            except DatabaseFault:
                # The rows are still there.
                await asyncio.sleep(FAULT_SECONDS)
                subscriber.wake.set()

    async def _tell_changed(self, subscriber: Subscriber) -> None:
        # What changed between the drawing of the page and this subscription was told to nobody.
        if subscriber.age is not None and await changed_within(subscriber.topic, subscriber.age):
            subscriber.dirty = True
        subscriber.age = None
        if subscriber.dirty:
            subscriber.dirty = False
            await subscriber.send(json.dumps({"type": "changed", "topic": str(subscriber.topic)}))

    async def _tell_signals(self, subscriber: Subscriber) -> None:
        if subscriber.age is not None:
            # Nobody was told what changed between the drawing of the page and this subscription.
            subscriber.signals.add("log")
            if await changed_within(subscriber.topic, subscriber.age):
                subscriber.signals.add("pods")
            subscriber.age = None
        if subscriber.signals:
            kinds = sorted(subscriber.signals)
            subscriber.signals.clear()
            await subscriber.send(json.dumps({"type": "signal", "topic": str(subscriber.topic), "kinds": kinds}))

    async def _catch_up(self, subscriber: Subscriber) -> None:
        while True:
            known = self.logs.get(subscriber.order_id)
            if known and known.ring and known.ring[0][0] <= subscriber.cursor + 1:
                fresh = [(seq, text) for seq, text in known.ring if seq > subscriber.cursor]
            else:
                fresh = await read_events(subscriber.order_id, subscriber.cursor)
            if not fresh:
                return
            body = ",".join(text for _seq, text in fresh[:BATCH])
            await subscriber.send(f'{{"type":"events","topic":"{subscriber.topic}","events":[{body}]}}')
            subscriber.cursor = fresh[:BATCH][-1][0]

    # ------------------------------------------------------------ finding changes
    async def _poll_loop(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._nudge.wait(), max(0.0, self._due_at - time.monotonic()))
            self._nudge.clear()
            if not self.subscribers:
                self._hinted.clear()
                self._read_at = time.monotonic()
                self._due_at = self._read_at + POLL_SECONDS
                continue
            try:
                await self._read_hinted()
                if time.monotonic() >= self._due_at:
                    await self._read_changes()
            except Exception as error:  # noqa: BLE001 - the loop of a process: it outlives any error of one pass
                log.warning("cannot read changes", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(FAULT_SECONDS)

    async def _read_hinted(self) -> None:
        """The events that hints named, of orders that somebody watches; lists wait for the pass that follows."""
        while self._hinted:
            order_id, seq = self._hinted.popitem()
            watched = self.orders.get(order_id)
            if watched is None or self._seen.get(("order", order_id), 0) >= seq:
                continue
            number, project_id = watched
            await self._extend(order_id, number, seq)
            known = self.logs.get(order_id)
            if known and known.last_seq >= seq:
                self._mark_changed(Topic("project", str(project_id)))
                self._is_news(("order", order_id), known.last_seq)

    async def _read_changes(self) -> None:
        # The window reaches back to the last read that came through: nothing is lost while the rows were out of reach.
        self._began_at = started = time.monotonic()
        self._due_at = started + POLL_SECONDS
        await self._tell(await recent_changes(WINDOW_SECONDS + started - self._read_at, tuple(self.orders)))
        self._read_at = started
        if started >= self._late_at:
            await self._read_late()

    async def _read_late(self) -> None:
        """What was committed long after the time that it carries; the first time it is told apart from what is old."""
        late = await recent_changes(LATE_SECONDS, but_last=WINDOW_SECONDS)
        late.orders[:] = [row for row in late.orders if row[3] > self._seen.get(("order", row[0]), 0)]
        if self._knows_old:
            await self._tell(late)
        else:
            self._knows_old = True
            for key, stamp in late.stamps():
                self._is_news(key, stamp)
        self._late_at = time.monotonic() + LATE_APART_SECONDS

    async def _tell(self, changes: Changes) -> None:
        for order_id, number, project_id, last_seq in changes.orders:
            if self._is_news(("order", order_id), last_seq):
                self._mark_changed(Topic("project", str(project_id)))
                try:
                    await self._extend(order_id, number, last_seq)
                except BaseException:
                    # Not told yet, so it is still news at the next pass.
                    self._seen.pop(("order", order_id), None)
                    raise
        self._mark_rows(changes)

    def _mark_rows(self, changes: Changes) -> None:
        """What has no events: places, spaces and growing logs."""
        for space_id, project_id, stamp, pk, order_ids in changes.places:
            if self._is_news(("place", pk), stamp):
                for order_id in order_ids:
                    self._signal(order_id, "pods")
                self._mark_changed(Topic("space", str(space_id)))
                self._mark_changed(Topic("project", str(project_id)))
        for order_id, build_id, size in changes.logs:
            if self._is_news(("log", build_id), size):
                self._signal(order_id, "log")
        for space_id, stamp in changes.spaces:
            if self._is_news(("space", space_id), stamp):
                self._mark_changed(Topic("space", str(space_id)))

    def _is_news(self, key: Any, stamp: Any) -> bool:
        if self._seen.get(key) == stamp:
            return False
        if len(self._seen) > 20_000:
            self._seen.clear()
            self._knows_old = False
        self._seen[key] = stamp
        return True

    def _mark_changed(self, topic: Topic) -> None:
        for subscriber in self.subscribers.get(topic, ()):
            subscriber.dirty = True
            subscriber.wake.set()

    def _signal(self, order_id: int, kind: str) -> None:
        number, _project_id = self.orders.get(order_id, ("", 0))
        for subscriber in self.subscribers.get(Topic("order", number), ()):
            subscriber.signals.add(kind)
            subscriber.wake.set()

    async def _extend(self, order_id: int, number: str, last_seq: int) -> None:
        group = self.subscribers.get(Topic("order", number))
        if not group:
            return
        known = self.logs.setdefault(order_id, _Log(last_seq=min(subscriber.cursor for subscriber in group)))
        while last_seq > known.last_seq:
            # One read for all who watch this order; a batch is not all of it where a reader begins far behind.
            fresh = await read_events(order_id, known.last_seq)
            for seq, text in fresh:
                known.ring.append((seq, text))
                known.last_seq = seq
            if not fresh:
                break
        for subscriber in group:
            subscriber.wake.set()

    async def _watched_loop(self) -> None:
        """While a page is open, its order's builds are followed closely."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await note_watched(tuple(self.orders))
            except Exception as error:  # noqa: BLE001 - the loop of a process: it outlives any error of one pass
                log.warning("cannot note what is watched", error=f"{type(error).__name__}: {error}")

    # ------------------------------------------------------------ rights
    async def _rights_loop(self) -> None:
        """A right that ended ends the subscription about a second later; so does signing out."""
        rights = WatchedRights()
        while True:
            await asyncio.sleep(RIGHTS_SECONDS)
            everybody = [subscriber for group in list(self.subscribers.values()) for subscriber in group]
            if not everybody:
                continue
            try:
                allowed = await read_allowed(rights, {(s.user_id, s.session_key, s.project_id) for s in everybody})
                await self._mark_news({s.user_id for s in everybody if s.topic.kind == ME})
            except Exception as error:  # noqa: BLE001 - a loop that ended would leave everybody their rights for ever
                log.warning("cannot read rights", error=f"{type(error).__name__}: {error}")
                continue
            ended = [s for s in everybody if (s.user_id, s.session_key, s.project_id) not in allowed]
            await self._end(ended, rights.signed_out)

    async def _mark_news(self, people: Collection[int]) -> None:
        """What was written for people whose pages listen: at the pace of their rights, for nobody acts by it."""
        if not people:
            return
        for user_id, stamp in (await read_news(people)).items():
            if self._is_news(("news", user_id), stamp):
                self._mark_changed(Topic(ME, str(user_id)))

    async def _end(self, ended: list[Subscriber], signed_out: Collection[Watcher] = ()) -> None:
        for subscriber in ended:
            await self.unsubscribe(subscriber)
        # All at once and not for long: a browser that reads nothing must not keep other people's rights alive.
        words = [s.send(json.dumps({"type": "gone", "topic": str(s.topic)})) for s in ended]
        over = [s for s in ended if (s.user_id, s.session_key, s.project_id) in signed_out]
        words += [s.close() for s in over if s.close]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RIGHTS_SECONDS):
                await asyncio.gather(*words, return_exceptions=True)

    # ------------------------------------------------------------ hints
    def hint(self, message: Mapping[str, Any]) -> None:
        """Somebody committed event ``seq`` of ``order`` (its id): read sooner."""
        order_id, seq = message.get("order"), message.get("seq")
        if isinstance(order_id, int) and isinstance(seq, int):
            self._hinted[order_id] = max(seq, self._hinted.get(order_id, 0))
        # The event of a watched order goes out first: a pass beside it would hold the interpreter while it is sent.
        first = time.monotonic() if order_id in self.orders else self._began_at
        self._due_at = min(self._due_at, first + APART_SECONDS)
        self._nudge.set()

    async def _hint_loop(self) -> None:
        """Redis makes it sooner; without it, or while it is away, the poll does."""
        layer = get_channel_layer()
        if layer is None:
            return
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                while True:
                    self.hint(await layer.receive(channel))
            except Exception as error:  # noqa: BLE001 - hints may fail in any way that Redis can
                log.warning("no hints from Redis", error=type(error).__name__)
                await asyncio.sleep(2)


_broadcasters: dict[asyncio.AbstractEventLoop, Broadcaster] = {}


def broadcaster() -> Broadcaster:
    """The broadcaster of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _broadcasters:
        _broadcasters[loop] = Broadcaster()
    return _broadcasters[loop]
