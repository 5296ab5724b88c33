"""The hub under trouble: long logs, a database that is away for a moment, people who may no longer look."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.db import InterfaceError, OperationalError

from accounts.models import User
from releases import consumers, progress
from releases import hub as hubs
from releases.hub import Hub, Subscriber, Topic
from releases.models import ReleaseOrder
from tests.cast import World
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
        progress.append(order.pk, "build.log")
    order.refresh_from_db()

    async def play() -> list[int]:
        hub, page = Hub(), Page()
        one = subscriber(page, order)
        # The hub sees the change before this socket has read anything: both begin at zero.
        hub.subscribers.setdefault(one.topic, set()).add(one)
        await hub._extend(order.pk, order.number, order.last_seq)
        await hub._catch_up(one)
        return page.seen

    assert asyncio.run(play()) == list(range(1, 1202))


def test_a_read_that_fails_does_not_swallow_the_news(order: ReleaseOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> list[int]:
        hub, page = Hub(), Page()
        one = subscriber(page, order, cursor=1)
        hub.subscribers.setdefault(one.topic, set()).add(one)
        await hub._look()
        one.wake.clear()
        await sync_to_async(progress.append)(order.pk, "comment")
        real = hubs.read_events

        async def broken(*_args: object) -> list[tuple[int, str]]:
            raise OperationalError("away")

        monkeypatch.setattr(hubs, "read_events", broken)
        with pytest.raises(OperationalError):
            await hub._look()
        monkeypatch.setattr(hubs, "read_events", real)
        await hub._look()
        assert one.wake.is_set()
        await hub._catch_up(one)
        return page.seen

    assert asyncio.run(play()) == [2]


def test_what_happened_while_the_database_was_out_of_reach_is_found(order: ReleaseOrder) -> None:
    async def play() -> bool:
        hub, page = Hub(), Page()
        one = subscriber(page, order, cursor=1)
        hub.subscribers.setdefault(one.topic, set()).add(one)
        await hub._look()
        one.wake.clear()
        await sync_to_async(_long_ago)(order)
        # The last look that came through is a minute old.
        hub._looked_at -= 60
        await hub._look()
        return one.wake.is_set()

    assert asyncio.run(play())


def _long_ago(order: ReleaseOrder) -> None:
    from datetime import timedelta

    from django.utils import timezone

    progress.append(order.pk, "comment")
    ReleaseOrder.objects.filter(pk=order.pk).update(last_event_at=timezone.now() - timedelta(seconds=30))


@pytest.mark.parametrize("error", [InterfaceError("connection already closed"), RuntimeError("a bug")])
def test_the_loops_outlive_every_error(order: ReleaseOrder, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def broken(*_args: object) -> Any:
        raise error

    monkeypatch.setattr(hubs, "recent_changes", broken)
    monkeypatch.setattr(hubs, "still_allowed", broken)
    monkeypatch.setattr(hubs, "RIGHTS_SECONDS", 0.01)

    async def play() -> list[bool]:
        hub = Hub()
        await hub.subscribe(subscriber(Page(), order))
        await asyncio.sleep(0.5)
        ended = [task.done() for task in hub._tasks]
        for task in hub._tasks:
            task.cancel()
        return ended

    # Polling and rights; the third waits for hints.
    assert asyncio.run(play())[:2] == [False, False]


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

    async def subscribe(user: User, session: SessionStore) -> list[str]:
        live = Live()
        live.scope = {"user": user, "session": session}
        await live._change("subscribe", {"topic": f"order:{order.number}"})
        await live.disconnect(1000)
        for task in hubs.hub()._tasks:
            task.cancel()
        hubs._hubs.clear()
        return live.said[:1]

    assert asyncio.run(subscribe(world.dana, store)) == ["subscribed"]
    stale = User.objects.get(pk=world.dana.pk)
    User.objects.filter(pk=world.dana.pk).update(is_active=False)
    assert asyncio.run(subscribe(stale, store)) == ["refused"]
    User.objects.filter(pk=world.dana.pk).update(is_active=True)
    session = SessionStore(store.session_key)
    session.delete()
    assert asyncio.run(subscribe(stale, store)) == ["refused"]
