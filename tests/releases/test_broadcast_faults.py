"""The broadcaster under trouble: long logs, a database that is away for a moment, people who may no longer look."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.db import InterfaceError, OperationalError

from accounts.models import User
from releases.events import append_event
from releases.live import broadcast, consumers
from releases.live.broadcast import Broadcaster, Subscriber, Topic
from releases.models import OrderEvent, ReleaseOrder
from tests.cast import World
from tests.patience import soon_true
from tests.releases.rows import make_component, make_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(world: World, transactional_db: None) -> ReleaseOrder:
    return make_order(make_component(world), world.dana)


class Page:
    """What one socket was sent."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.types: list[str] = []

    async def send(self, text: str) -> None:
        message: dict[str, Any] = json.loads(text)
        self.types.append(message["type"])
        self.seen += [event["seq"] for event in message.get("events", [])]


def subscriber(page: Page, order: ReleaseOrder, cursor: int = 0, user: int = 0, key: str = "") -> Subscriber:
    return Subscriber(
        send=page.send, user_id=user, session_key=key, topic=Topic("order", order.number),
        project_id=order.project_id, order_id=order.pk, cursor=cursor,
    )  # fmt: skip


def test_more_events_than_one_batch_at_once_all_arrive(order: ReleaseOrder) -> None:
    for _number in range(1200):
        append_event(order.pk, "comment")
    order = ReleaseOrder.objects.select_related("feed").get(pk=order.pk)

    async def play() -> list[int]:
        caster, page = Broadcaster(), Page()
        one = subscriber(page, order)
        # The broadcaster sees the change before this socket has read anything: both begin at zero.
        caster.subscribers.setdefault(one.topic, set()).add(one)
        await caster._extend(order.pk, order.number, order.last_seq)
        await caster._catch_up(one)
        return page.seen

    assert asyncio.run(play()) == list(range(1, 1202))


def test_a_read_that_fails_does_not_swallow_the_news(order: ReleaseOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> list[int]:
        caster, page = Broadcaster(), Page()
        one = subscriber(page, order, cursor=1)
        caster.subscribers.setdefault(one.topic, set()).add(one)
        await caster._read_changes()
        one.wake.clear()
        await sync_to_async(append_event)(order.pk, "comment")
        real = broadcast.read_events

        async def broken(*_args: object) -> list[tuple[int, str]]:
            raise OperationalError("away")

        monkeypatch.setattr(broadcast, "read_events", broken)
        with pytest.raises(OperationalError):
            await caster._read_changes()
        monkeypatch.setattr(broadcast, "read_events", real)
        await caster._read_changes()
        assert one.wake.is_set()
        await caster._catch_up(one)
        return page.seen

    assert asyncio.run(play()) == [2]


def test_what_happened_while_the_database_was_out_of_reach_is_found(order: ReleaseOrder) -> None:
    async def play() -> bool:
        caster, page = Broadcaster(), Page()
        one = subscriber(page, order, cursor=1)
        caster.subscribers.setdefault(one.topic, set()).add(one)
        await caster._read_changes()
        one.wake.clear()
        await sync_to_async(_long_ago)(order)
        # The last read that came through is a minute old.
        caster._read_at -= 60
        await caster._read_changes()
        return one.wake.is_set()

    assert asyncio.run(play())


def _long_ago(order: ReleaseOrder) -> None:
    from datetime import timedelta

    from django.utils import timezone

    append_event(order.pk, "comment")
    OrderEvent.objects.filter(order=order).update(at=timezone.now() - timedelta(seconds=30))


def test_what_was_committed_long_after_its_time_is_found(order: ReleaseOrder) -> None:
    async def play() -> list[bool]:
        caster, page = Broadcaster(), Page()
        one = subscriber(page, order, cursor=1)
        caster.subscribers.setdefault(one.topic, set()).add(one)
        await caster._read_changes()
        await sync_to_async(_long_ago)(order)
        told = []
        for is_time in (False, True, True):
            one.wake.clear()
            caster._late_at = 0.0 if is_time else caster._late_at
            await caster._read_changes()
            told.append(one.wake.is_set())
        await caster._catch_up(one)
        return [*told, page.seen == [2]]

    assert asyncio.run(play()) == [False, True, False, True], "found when it is looked for, and told once"


@pytest.mark.parametrize("error", [InterfaceError("connection already closed"), RuntimeError("a bug")])
def test_the_loops_outlive_every_error(order: ReleaseOrder, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    rounds = Counter[str]()

    def broken(what: str) -> Callable[..., Awaitable[Any]]:
        async def fail(*_args: object) -> Any:
            rounds[what] += 1
            raise error

        return fail

    for what in ("recent_changes", "read_allowed"):
        monkeypatch.setattr(broadcast, what, broken(what))
    monkeypatch.setattr(broadcast, "RIGHTS_SECONDS", 0.01)

    async def play() -> list[bool]:
        caster = Broadcaster()
        await caster.subscribe(subscriber(Page(), order))
        await soon_true(lambda: len(rounds) == 2 and min(rounds.values()) >= 2, "two rounds of each fail")
        ended = [task.done() for task in caster._tasks]
        for task in caster._tasks:
            task.cancel()
        return ended

    # Polling and rights; the third waits for hints.
    assert asyncio.run(play())[:2] == [False, False]


@pytest.mark.security("rights-that-ended")
def test_who_has_signed_out_or_was_switched_off_cannot_subscribe_again(order: ReleaseOrder, world: World) -> None:
    store = SessionStore()
    store["x"] = 1
    store.save()

    class Live(consumers.LiveConsumer):
        def __init__(self) -> None:
            super().__init__()
            self.said: list[str] = []
            self.topics: dict[Topic, Subscriber] = {}

        async def _send_text(self, text: str) -> None:
            self.said.append(json.loads(text)["type"])

        async def close(self, code: int | bool | None = None, reason: str | None = None) -> None:
            self.said.append(f"closed {code}")

    async def subscribe(user: User, session: SessionStore) -> list[str]:
        live = Live()
        live.scope = {"user": user, "session": session}
        await live._change("subscribe", {"topic": f"order:{order.number}"})
        await live.disconnect(1000)
        for task in broadcast.broadcaster()._tasks:
            task.cancel()
        broadcast._broadcasters.clear()
        return live.said[:1]

    assert asyncio.run(subscribe(world.dana, store)) == ["subscribed"]
    stale = User.objects.get(pk=world.dana.pk)
    User.objects.filter(pk=world.dana.pk).update(is_active=False)
    assert asyncio.run(subscribe(stale, store)) == ["closed 4401"]
    User.objects.filter(pk=world.dana.pk).update(is_active=True)
    session = SessionStore(store.session_key)
    session.delete()
    assert asyncio.run(subscribe(stale, store)) == ["closed 4401"]
