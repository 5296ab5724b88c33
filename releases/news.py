"""What changed: the reads of the hub, on a thread of its own, so that no queue of new sockets stands before them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import Error as DatabaseFault
from django.db import close_old_connections, connection

from environments.models import Space
from foundation.clock import db_now
from releases.models import OrderEvent, Placement, ReleaseOrder
from releases.topics import Topic

BATCH = 500
CHECK_SECONDS = 1.0
WINDOW_SECONDS = 5
"""How late a commit may come after the time that its row carries."""

P = ParamSpec("P")
T = TypeVar("T")
_thread = ThreadPoolExecutor(1, thread_name_prefix="hub")
_local = threading.local()


def on_hub_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run a read on the hub's thread, which keeps its connection and looks at most once a second whether it is good."""

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
    """Orders (id, number, project, last event number), places (space, project, moment, id), spaces (id, moment)."""

    orders: list[tuple[int, str, int, int]]
    places: list[tuple[int, int, Any, int]]
    spaces: list[tuple[int, Any]]


@on_hub_thread
def recent_changes(seconds: float) -> Changes:
    """Rows that changed within so many seconds, by the database's clock."""
    since = db_now() - timedelta(seconds=seconds)
    orders = ReleaseOrder.objects.filter(last_event_at__gte=since).order_by()
    places = Placement.objects.filter(changed_at__gte=since).order_by()
    spaces = Space.objects.filter(changed_at__gte=since).order_by()
    return Changes(
        list(orders.values_list("pk", "number", "project_id", "last_seq")),
        list(places.values_list("space_id", "space__project_id", "changed_at", "pk")),
        list(spaces.values_list("pk", "changed_at")),
    )


@on_hub_thread
def read_events(order_id: int, after: int) -> list[tuple[int, str]]:
    """The next events of an order as JSON text, oldest first, at most one batch."""
    rows = OrderEvent.objects.filter(order_id=order_id, seq__gt=after).order_by("seq")[:BATCH]
    return [(row[0], _event_json(*row)) for row in rows.values_list("seq", "kind", "actor__username", "data", "at")]


@on_hub_thread
def changed_within(topic: Topic, seconds: float) -> bool:
    """True when a project or space may have changed since a page that is so many seconds old was drawn."""
    since = db_now() - timedelta(seconds=seconds + WINDOW_SECONDS)
    places, spaces = Placement.objects.filter(changed_at__gte=since), Space.objects.filter(changed_at__gte=since)
    if topic.kind == "space":
        return places.filter(space_id=topic.key).exists() or spaces.filter(pk=topic.key).exists()
    orders = ReleaseOrder.objects.filter(last_event_at__gte=since, project_id=topic.key)
    return orders.exists() or places.filter(space__project_id=topic.key).exists()


def _event_json(seq: int, kind: str, actor: str | None, data: Any, at: datetime) -> str:
    """One event as the page and the API show it."""
    event = {"seq": seq, "kind": kind, "actor": actor, "data": data, "at": at.isoformat()}
    return json.dumps(event, ensure_ascii=False)
