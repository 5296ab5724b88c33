"""One hub a web process: reads each change once and fans it out to the sockets that asked.

The rows are the log that a page reads. The hub finds what changed by polling indexed times in a 5 s window (database
time, so hosts' clocks do not matter; the window forgives commits that come late), sooner when Redis hints. A subscriber
has a cursor; what the ring of recent frames no longer holds is read from the rows again, so a slow reader only falls
behind and never loses or doubles an event.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.contrib.sessions.models import Session
from django.db import Error as DatabaseFault

from accounts.models import User
from environments.access import Rights
from environments.models import Space
from foundation.clock import db_now
from releases.models import OrderEvent, Placement, ReleaseOrder
from releases.progress import GROUP

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
WINDOW_SECONDS = 5
RIGHTS_SECONDS = 1.0
RING = 1000
BATCH = 500

Send = Callable[[str], Awaitable[None]]
P = ParamSpec("P")
T = TypeVar("T")


def on_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run a function that reads rows off the event loop; its connection is given back afterwards."""
    found: Callable[P, Awaitable[T]] = database_sync_to_async(function)
    return found


@dataclass(frozen=True)
class Topic:
    """``order:<number>`` is replayed; ``project:<id>`` and ``space:<id>`` only say "look again"."""

    kind: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Topic | None:
        """The topic that a client named, or None for anything else."""
        kind, _colon, key = text.partition(":")
        if kind == "order" and key.isalnum() and len(key) <= 20:
            return cls(kind, key)
        if kind in ("project", "space") and key.isascii() and key.isdigit() and len(key) <= 18:
            return cls(kind, key)
        return None

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


@dataclass(eq=False)
class Subscriber:
    """One topic on one socket. ``cursor`` is the last event number that this browser certainly was sent."""

    send: Send
    user_id: int
    session_key: str
    topic: Topic
    project_id: int
    order_id: int = 0
    cursor: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    dirty: bool = False


@dataclass
class _Log:
    """The recent frames of one order."""

    last_seq: int
    ring: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=RING))


class Hub:
    """All sockets of this process. Use ``hub()``; every method runs on the event loop."""

    def __init__(self) -> None:
        self.subscribers: dict[Topic, set[Subscriber]] = {}
        self.logs: dict[int, _Log] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._nudge = asyncio.Event()
        self._seen: dict[Any, Any] = {}
        self._looked_at = time.monotonic()

    # ------------------------------------------------------------ subscribing
    async def subscribe(self, subscriber: Subscriber) -> None:
        """Start feeding: first what came after the cursor, then what comes."""
        self.subscribers.setdefault(subscriber.topic, set()).add(subscriber)
        subscriber.task = asyncio.create_task(self._feed(subscriber))
        subscriber.wake.set()
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(loop()) for loop in (self._poll_loop, self._rights_loop, self._hint_loop)
            ]

    async def unsubscribe(self, subscriber: Subscriber) -> None:
        """Stop feeding; the last one of an order takes its ring along."""
        group = self.subscribers.get(subscriber.topic, set())
        group.discard(subscriber)
        if not group:
            self.subscribers.pop(subscriber.topic, None)
            self.logs.pop(subscriber.order_id, None)
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
                elif subscriber.dirty:
                    subscriber.dirty = False
                    await subscriber.send(json.dumps({"type": "changed", "topic": str(subscriber.topic)}))
            except DatabaseFault:
                # The rows are still there: the next poll wakes us again.
                await asyncio.sleep(1)
                subscriber.wake.set()

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
                await asyncio.wait_for(self._nudge.wait(), POLL_SECONDS)
            self._nudge.clear()
            if not self.subscribers:
                self._looked_at = time.monotonic()
                continue
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - the loop of a process: it outlives whatever one look meets
                log.warning("the hub cannot read", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(1)

    async def _look(self) -> None:
        # The window reaches back to the last look that came through: nothing is lost while the rows were out of reach.
        started = time.monotonic()
        changes = await recent_changes(WINDOW_SECONDS + started - self._looked_at)
        for order_id, number, project_id, last_seq in changes.orders:
            if self._is_news(("order", order_id), last_seq):
                self._touch(Topic("project", str(project_id)))
                try:
                    await self._extend(order_id, number, last_seq)
                except BaseException:
                    # Not told yet, so it is still news at the next look.
                    self._seen.pop(("order", order_id), None)
                    raise
        for space_id, project_id, stamp, pk in changes.places:
            if self._is_news(("place", pk), stamp):
                self._touch(Topic("space", str(space_id)))
                self._touch(Topic("project", str(project_id)))
        for space_id, stamp in changes.spaces:
            if self._is_news(("space", space_id), stamp):
                self._touch(Topic("space", str(space_id)))
        self._looked_at = started

    def _is_news(self, key: Any, stamp: Any) -> bool:
        if self._seen.get(key) == stamp:
            return False
        if len(self._seen) > 20_000:
            self._seen.clear()
        self._seen[key] = stamp
        return True

    def _touch(self, topic: Topic) -> None:
        for subscriber in self.subscribers.get(topic, ()):
            subscriber.dirty = True
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

    # ------------------------------------------------------------ rights
    async def _rights_loop(self) -> None:
        """A right that ended ends the subscription within two seconds; so does signing out."""
        while True:
            await asyncio.sleep(RIGHTS_SECONDS)
            everybody = [subscriber for group in list(self.subscribers.values()) for subscriber in group]
            if not everybody:
                continue
            try:
                allowed = await still_allowed({(s.user_id, s.session_key, s.project_id) for s in everybody})
            except Exception as error:  # noqa: BLE001 - a loop that ended would leave everybody their rights for ever
                log.warning("the hub cannot read rights", error=f"{type(error).__name__}: {error}")
                continue
            for subscriber in everybody:
                if (subscriber.user_id, subscriber.session_key, subscriber.project_id) not in allowed:
                    await self.unsubscribe(subscriber)
                    with contextlib.suppress(Exception):
                        await subscriber.send(json.dumps({"type": "gone", "topic": str(subscriber.topic)}))

    # ------------------------------------------------------------ hints
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
                    await layer.receive(channel)
                    self._nudge.set()
            except Exception as error:  # noqa: BLE001 - hints may fail in any way that Redis can
                log.warning("no hints from Redis", error=type(error).__name__)
                await asyncio.sleep(2)


@dataclass(frozen=True)
class _Changes:
    orders: list[tuple[int, str, int, int]]
    places: list[tuple[int, int, Any, int]]
    spaces: list[tuple[int, Any]]


@on_thread
def recent_changes(seconds: float) -> _Changes:
    """Rows that changed within so many seconds, by the database's clock."""
    since = db_now() - timedelta(seconds=seconds)
    orders = ReleaseOrder.objects.filter(last_event_at__gte=since).order_by()
    places = Placement.objects.filter(changed_at__gte=since).order_by()
    spaces = Space.objects.filter(changed_at__gte=since).order_by()
    return _Changes(
        list(orders.values_list("pk", "number", "project_id", "last_seq")),
        list(places.values_list("space_id", "space__project_id", "changed_at", "pk")),
        list(spaces.values_list("pk", "changed_at")),
    )


@on_thread
def read_events(order_id: int, after: int) -> list[tuple[int, str]]:
    """The next events of an order as JSON text, oldest first, at most one batch."""
    rows = OrderEvent.objects.filter(order_id=order_id, seq__gt=after).select_related("actor").order_by("seq")[:BATCH]
    return [(row.seq, event_json(row)) for row in rows]


def event_json(row: OrderEvent) -> str:
    """One event as the page and the API show it."""
    actor = row.actor.username if row.actor else None
    return json.dumps(
        {"seq": row.seq, "kind": row.kind, "actor": actor, "data": row.data, "at": row.at.isoformat()},
        ensure_ascii=False,
    )


@on_thread
def still_allowed(asked: set[tuple[int, str, int]]) -> set[tuple[int, str, int]]:
    """Those of (person, session, project) that still may watch: fresh rows each time, so expired grants count too."""
    users = {
        user.pk: user
        for user in User.objects.filter(pk__in={user_id for user_id, _key, _project in asked}, is_active=True)
    }
    keys = {key for _user, key, _project in asked if key}
    sessions = set(
        Session.objects.filter(session_key__in=keys, expire_date__gt=db_now()).values_list("session_key", flat=True)
    )
    rights = {pk: Rights(user) for pk, user in users.items()}
    return {
        (user_id, key, project_id)
        for user_id, key, project_id in asked
        if user_id in rights and (not key or key in sessions) and rights[user_id].sees(project_id)
    }


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
