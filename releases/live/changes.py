"""What changed: the broadcaster's reads, on a thread of their own, so that no queue of new sockets delays them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial, reduce
from operator import or_
from typing import Any, ParamSpec, TypeVar

from django.db import Error as DatabaseFault
from django.db import close_old_connections, connection
from django.db.models import Max, Q, QuerySet

from accounts.models import User
from environments.models import Space
from foundation.clock import now_minus
from foundation.runs.choices import ACTIVE
from releases.live.topics import ME, Topic
from releases.models import Build, OrderEvent, Placement
from releases.turns import waiting_turns

BATCH = 500
CHECK_SECONDS = 1.0
WINDOW_SECONDS = 5
"""How late a commit may come after the time that its row carries."""
LONGEST_ABSENCE_SECONDS = 600.0
"""A page that is older than this reads again unasked: to answer would mean to read all events of that time."""

SHOWN_BY = ("in_progress", "last_applied", "last_succeeded")
"""The deployments of a place whose orders' pages show its pods."""

P = ParamSpec("P")
T = TypeVar("T")
_thread = ThreadPoolExecutor(1, thread_name_prefix="changes")
_local = threading.local()


def on_reader_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run a read on the reader's thread; its connection is kept and checked at most once a second."""

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        _keep_connection()
        try:
            return function(*args, **kwargs)
        except DatabaseFault:
            connection.close()
            raise

    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(_thread, partial(run, *args, **kwargs))

    return call


def _keep_connection() -> None:
    now = time.monotonic()
    if now > getattr(_local, "checked_at", 0.0) + CHECK_SECONDS:
        close_old_connections()
        _local.checked_at = now


@dataclass(frozen=True)
class Changes:
    """Orders (id, number, project, last event number), places (space, project, moment, id), spaces (id, moment).

    ``logs`` (order, build, size) are those of the watched orders' builds under way; a place also has the ids of the
    orders whose pages show its pods.
    """

    orders: list[tuple[int, str, int, int]]
    places: list[tuple[int, int, Any, int, frozenset[int]]]
    spaces: list[tuple[int, Any]]
    logs: list[tuple[int, int, int]]

    def stamps(self) -> list[tuple[tuple[str, int], Any]]:
        """What tells each order, place and space of before from one that has changed since."""
        orders: list[tuple[tuple[str, int], Any]] = [(("order", row[0]), row[3]) for row in self.orders]
        return [
            *orders,
            *((("place", row[3]), row[2]) for row in self.places),
            *((("space", row[0]), row[1]) for row in self.spaces),
        ]


@on_reader_thread
def recent_changes(seconds: float, watched: Collection[int] = (), *, but_last: float = 0.0) -> Changes:
    """Rows that changed within so many seconds, by the database's clock; logs of the orders ``watched`` (ids).

    ``but_last``: those of the last so many seconds are left out.
    """
    since = now_minus(seconds)
    events = OrderEvent.objects.filter(at__gte=since).order_by()
    places = Placement.objects.filter(changed_at__gte=since).order_by()
    spaces = Space.objects.filter(changed_at__gte=since).order_by()
    if but_last:
        until = now_minus(but_last)
        events = events.filter(at__lt=until)
        places, spaces = places.filter(changed_at__lt=until), spaces.filter(changed_at__lt=until)
    return Changes(
        list(events.values_list("order_id", "order__number", "order__project_id").annotate(Max("seq"))),
        [(*row, frozenset(ids) - {None}) for *row, ids in _with_orders(places)],
        list(spaces.values_list("pk", "changed_at")),
        _growing_logs(watched) if watched else [],
    )


def _with_orders(places: QuerySet[Placement]) -> list[tuple[Any, ...]]:
    names = ("space_id", "space__project_id", "changed_at", "pk")
    orders = [f"{name}__order_id" for name in SHOWN_BY]
    found = [(*row[: len(names)], row[len(names) :]) for row in places.values_list(*names, *orders)]
    waiting = waiting_turns().filter(placement__in=[row[3] for row in found]) if found else waiting_turns().none()
    line: dict[int, list[int]] = {}
    for place, order in waiting.values_list("placement_id", "order_id"):
        line.setdefault(place, []).append(order)
    return [(*row[:4], (*row[4], *line.get(row[3], ()))) for row in found]


def _growing_logs(watched: Collection[int]) -> list[tuple[int, int, int]]:
    rows = Build.objects.filter(order_id__in=list(watched), state__in=sorted(ACTIVE)).order_by()
    return list(rows.values_list("order_id", "pk", "log_size"))


@on_reader_thread
def read_news(people: Collection[int]) -> dict[int, datetime]:
    """When something was last written for each of these people; who was never told anything is missing."""
    rows = User.objects.filter(pk__in=list(people), news_at__isnull=False).order_by()
    return {pk: at for pk, at in rows.values_list("pk", "news_at") if at is not None}


@on_reader_thread
def read_events(order_id: int, after: int) -> list[tuple[int, str]]:
    """The next events of an order as JSON text, oldest first, at most one batch."""
    rows = OrderEvent.objects.filter(order_id=order_id, seq__gt=after).order_by("seq")[:BATCH]
    return [(row[0], _event_json(*row)) for row in rows.values_list("seq", "kind", "actor__username", "data", "at")]


@on_reader_thread
def changed_within(topic: Topic, seconds: float) -> bool:
    """True when a project or space may have changed since a page that is so many seconds old was drawn.

    Of an order: true when the pods that its page shows may have; its events are replayed.
    """
    if seconds > LONGEST_ABSENCE_SECONDS:
        return True
    since = now_minus(seconds + WINDOW_SECONDS)
    if topic.kind == ME:
        return User.objects.filter(pk=topic.key, news_at__gte=since).exists()
    if topic.kind == "order":
        shown = [Q(**{f"{name}__order__number": topic.key}) for name in SHOWN_BY]
        shown.append(Q(turns__in=waiting_turns().filter(order__number=topic.key)))
        return Placement.objects.filter(reduce(or_, shown), changed_at__gte=since).exists()
    places, spaces = Placement.objects.filter(changed_at__gte=since), Space.objects.filter(changed_at__gte=since)
    if topic.kind == "space":
        return places.filter(space_id=topic.key).exists() or spaces.filter(pk=topic.key).exists()
    events = OrderEvent.objects.filter(at__gte=since, order__project_id=topic.key)
    return events.exists() or places.filter(space__project_id=topic.key).exists()


def _event_json(seq: int, kind: str, actor: str | None, data: Any, at: datetime) -> str:
    """One event as the page and the API show it."""
    event = {"seq": seq, "kind": kind, "actor": actor, "data": data, "at": at.isoformat()}
    return json.dumps(event, ensure_ascii=False)
