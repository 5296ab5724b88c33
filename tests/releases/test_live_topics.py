"""Pages that were drawn a while ago, that watch many topics at once, and hints that name one order."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Project
from environments.models import Space
from releases.events import append_event
from releases.live import broadcast, changes
from releases.live.broadcast import Broadcaster, Subscriber
from releases.live.topics import Topic, find_topics
from releases.models import OrderEvent, Placement, ReleaseOrder
from tests.cast import World
from tests.patience import soon_true
from tests.releases.rows import make_component, make_order
from tests.releases.test_live import Browser, live, session

pytestmark = pytest.mark.django_db(transaction=True)
AN_HOUR = 3600.0


@pytest.fixture
def order(world: World, transactional_db: None) -> ReleaseOrder:
    order = make_order(make_component(world), world.dana)
    return ReleaseOrder.objects.select_related("feed").get(pk=order.pk)


@pytest.fixture
def store(world: World) -> SessionStore:
    return session()


def make_old(project: Project) -> None:
    """Nothing of this project has changed for an hour."""
    before = timezone.now() - timedelta(seconds=AN_HOUR)
    OrderEvent.objects.filter(order__project=project).update(at=before)
    Space.objects.filter(project=project).update(changed_at=before)
    Placement.objects.filter(space__project=project).update(changed_at=before)


class Heard:
    """Counts the rows that the broadcaster reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads: list[str] = []
        for name in ("recent_changes", "read_events", "changed_within"):
            self._count(monkeypatch, name, getattr(changes, name))

    def _count(self, monkeypatch: pytest.MonkeyPatch, name: str, real: Any) -> None:
        async def counted(*arguments: Any) -> Any:
            self.reads.append(name)
            return await real(*arguments)

        monkeypatch.setattr(broadcast, name, counted)


# ------------------------------------------------------------------ pages that are not fresh
def test_what_changed_while_the_page_was_on_its_way_is_told(order: ReleaseOrder, world: World, store: Any) -> None:
    topic = f"project:{order.project_id}"

    async def play() -> None:
        browser = Browser(world.dana, store)
        await browser.socket.connect()
        await browser.say(type="subscribe", topics=[{"topic": topic, "age": 0.5}])
        assert [(await browser.hear())["type"] for _ in range(2)] == ["subscribed", "changed"]
        await browser.socket.disconnect()

    live(play)


def test_a_page_that_missed_nothing_is_left_alone(order: ReleaseOrder, world: World, store: Any) -> None:
    make_old(world.project)
    space = Space.objects.filter(project=world.project)[0]

    async def play() -> None:
        browser = Browser(world.dana, store)
        await browser.socket.connect()
        wishes = [{"topic": f"project:{order.project_id}", "age": 60}, {"topic": f"space:{space.pk}", "age": 60.5}]
        await browser.say(type="subscribe", topics=wishes)
        assert [(await browser.hear())["type"] for _ in range(2)] == ["subscribed", "subscribed"]
        # 60 s of absence and 5 s for commits that came late: an hour ago is before both.
        assert await browser.socket.receive_nothing(0.6)
        await browser.socket.disconnect()

    live(play)


@pytest.mark.parametrize("age", [AN_HOUR + 60, 1e9], ids=["an hour", "a page from the browser's store"])
def test_a_page_that_was_away_longer_is_told(order: ReleaseOrder, world: World, store: Any, age: float) -> None:
    make_old(world.project)

    async def play() -> None:
        browser = Browser(world.dana, store)
        await browser.socket.connect()
        await browser.say(type="subscribe", topic=f"project:{order.project_id}", age=age)
        assert [(await browser.hear())["type"] for _ in range(2)] == ["subscribed", "changed"]
        await browser.socket.disconnect()

    live(play)


# ------------------------------------------------------------------ many at once
def test_one_message_subscribes_to_all_that_one_may_see(order: ReleaseOrder, world: World, store: Any) -> None:
    spaces = [f"space:{pk}" for pk in Space.objects.filter(project=world.project).values_list("pk", flat=True)]
    asked = [f"order:{order.number}", *spaces, "space:999999", "nonsense"]
    make_old(world.project)

    async def play() -> None:
        browser = Browser(world.dana, store)
        await browser.socket.connect()
        await browser.say(type="subscribe", topics=[{"topic": topic, "after": 2**53 - 1} for topic in asked] + [7])
        said = [await browser.hear() for _ in range(len(asked) + 1)]
        answers = {answer["topic"]: answer["type"] for answer in said}
        refused = {"space:999999": "refused", "nonsense": "refused", "": "refused"}
        assert answers == dict.fromkeys(asked[:-2], "subscribed") | refused
        # From the end: nothing of what the order has behind it is replayed.
        assert await browser.socket.receive_nothing(0.4)
        await browser.say(type="unsubscribe", topics=[{"topic": topic} for topic in asked])
        await browser.hear()
        assert broadcast.broadcaster().subscribers == {}
        await browser.socket.disconnect()

    live(play)


@pytest.mark.security("floods")
def test_more_topics_than_a_page_may_have_end_the_socket(world: World, store: Any) -> None:
    async def play() -> None:
        browser = Browser(world.dana, store)
        await browser.socket.connect()
        await browser.say(type="subscribe", topics=[{"topic": f"space:{pk}"} for pk in range(1, 66)])
        assert (await browser.socket.receive_output(2))["code"] == 4409

    live(play)


@pytest.mark.security("floods")
def test_many_topics_cost_no_more_queries_than_few(order: ReleaseOrder, world: World) -> None:
    spaces = [Topic("space", str(pk)) for pk in Space.objects.values_list("pk", flat=True)]
    topics = [Topic("order", order.number), Topic("project", str(order.project_id)), *spaces]
    assert len(topics) > 5

    async def play() -> tuple[int, int]:
        await find_topics(world.dana, topics)
        return len(await find_topics(world.dana, topics)), len(await find_topics(world.otto, topics))

    seen: list[int] = []

    def count() -> None:
        with CaptureQueriesContext(connection) as queries:
            find_topics.func(world.dana, topics)  # type: ignore[attr-defined]
        seen.append(len(queries))

    count()
    assert seen == [4]
    assert asyncio.run(play()) == (len(topics), 0)


@pytest.mark.parametrize("age", [True, -1, "1", float("nan")])
def test_an_age_that_is_none_is_refused(order: ReleaseOrder, world: World, store: Any, age: Any) -> None:
    async def play() -> None:
        browser = Browser(world.dana, store)
        await browser.socket.connect()
        await browser.say(type="subscribe", topic=f"project:{order.project_id}", age=age)
        assert (await browser.hear())["type"] == "refused"
        await browser.socket.disconnect()

    live(play)


# ------------------------------------------------------------------ the pulse
def test_a_pong_has_the_time_and_says_how_far_it_is_behind(order: ReleaseOrder, world: World, store: Any) -> None:
    make_old(world.project)

    async def play() -> None:
        browser = Browser(world.dana, store)
        await browser.socket.connect()
        await browser.say(type="subscribe", topic=f"project:{order.project_id}")
        await browser.hear()
        caster = broadcast.broadcaster()
        first = caster._read_at
        await soon_true(lambda: caster._read_at > first, "a read of the database has come through")
        await browser.say(type="ping")
        pong = await browser.hear()
        assert abs(pong["now"] - time.time()) < 1 and 0 <= pong["behind"] < 0.5
        # As when the database is away: no read comes through.
        caster._tasks[0].cancel()
        await asyncio.sleep(0.7)  # how far it is behind is what is measured
        await browser.say(type="ping")
        assert (await browser.hear())["behind"] > 0.6
        await browser.socket.disconnect()

    live(play)


@pytest.mark.security("floods")
def test_a_browser_that_reads_nothing_keeps_nobodys_rights_alive(
    order: ReleaseOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "RIGHTS_SECONDS", 0.2)

    async def hang(_text: str) -> None:
        await asyncio.Event().wait()

    async def play(caster: Broadcaster) -> None:
        topic = Topic("order", order.number)
        for _number in range(3):
            await caster.subscribe(Subscriber(hang, 0, "", topic, order.project_id, order.pk, order.last_seq))
        page = await watched(caster, topic, order, cursor=order.last_seq)
        await soon_true(lambda: not caster.subscribers, "all are gone")
        await soon_true(lambda: page.said, "who was watching is told")
        assert [message["type"] for message in page.said] == ["gone"]
        # The loop goes on for those who come later.
        later = await watched(caster, topic, order, cursor=order.last_seq)
        await soon_true(lambda: later.said, "those who come later are told too")
        assert [message["type"] for message in later.said] == ["gone"]

    hinted(play)


# ------------------------------------------------------------------ hints
class Page:
    """What one socket was sent."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.at: list[float] = []

    async def send(self, text: str) -> None:
        self.said.append(json.loads(text))
        self.at.append(time.monotonic())

    def numbers(self) -> list[int]:
        return [event["seq"] for message in self.said for event in message.get("events", [])]


async def watched(caster: Broadcaster, topic: Topic, order: ReleaseOrder, cursor: int = 0) -> Page:
    page = Page()
    order_id = order.pk if topic.kind == "order" else 0
    subscriber = Subscriber(page.send, 0, "", topic, order.project_id, order_id, cursor)
    await caster.subscribe(subscriber)
    return page


def hinted(play: Any) -> None:
    async def whole() -> None:
        caster = Broadcaster()
        try:
            await play(caster)
        finally:
            for task in caster._tasks:
                task.cancel()

    asyncio.run(whole())


@pytest.fixture
def rights_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """These subscribers belong to nobody: on a slow machine the check of rights would end them in the middle."""
    monkeypatch.setattr(broadcast, "RIGHTS_SECONDS", 600.0)


append = sync_to_async(lambda order: append_event(order.pk, "comment"))


@pytest.mark.usefixtures("rights_last")
def test_a_hint_reads_the_events_of_its_order_and_nothing_else(
    order: ReleaseOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No poll comes to its aid.
    monkeypatch.setattr(broadcast, "POLL_SECONDS", 60.0)

    async def play(caster: Broadcaster) -> None:
        page = await watched(caster, Topic("order", order.number), order, cursor=order.last_seq)
        lists = await watched(caster, Topic("project", str(order.project_id)), order)
        await asyncio.sleep(0.3)  # the reads that opening it asked for are over
        lists.said.clear()
        heard = Heard(monkeypatch)
        seq = await append(order)
        caster.hint({"type": "hint", "order": order.pk, "seq": seq})
        await soon_true(lambda: page.numbers() and lists.said, "page and list are told")
        assert heard.reads[0] == "read_events" and page.numbers() == [seq]
        assert [message["type"] for message in lists.said] == ["changed"]
        # What else that commit changed, places for one, is looked for right after, once; nobody is told twice.
        await soon_true(lambda: len(heard.reads) > 1, "what else changed is looked for")
        await asyncio.sleep(0.3)  # time enough for what must not come twice
        assert heard.reads == ["read_events", "recent_changes"]
        assert page.numbers() == [seq] and len(lists.said) == 1

    hinted(play)


@pytest.mark.usefixtures("rights_last")
def test_hints_of_an_order_that_nobody_opened_reach_its_lists(order: ReleaseOrder, monkeypatch: Any) -> None:
    monkeypatch.setattr(broadcast, "POLL_SECONDS", 60.0)

    async def play(caster: Broadcaster) -> None:
        lists = await watched(caster, Topic("project", str(order.project_id)), order)
        await asyncio.sleep(0.3)  # the reads that opening it asked for are over
        before = len(lists.said)
        caster.hint({"type": "hint", "order": order.pk, "seq": await append(order)})
        await asyncio.sleep(0.3)  # time enough to be told twice
        assert [message["type"] for message in lists.said[before:]] == ["changed"]

    hinted(play)


@pytest.mark.usefixtures("rights_last")
def test_a_burst_of_hints_loses_and_doubles_nothing(order: ReleaseOrder) -> None:
    async def play(caster: Broadcaster) -> None:
        page = await watched(caster, Topic("order", order.number), order)
        last = 0
        for number in range(60):
            last = await append(order)
            # Lost, late, doubled, out of order: all of it happens to hints.
            for seq in {0: (last,), 1: (), 2: (last, last), 3: (last - 1,)}[number % 4]:
                caster.hint({"type": "hint", "order": order.pk, "seq": seq})
        await soon_true(lambda: page.numbers()[-1:] == [last], "the last one has come")
        assert page.numbers() == list(range(1, last + 1))

    hinted(play)


@pytest.mark.security("forged-tasks")
@pytest.mark.usefixtures("rights_last")
@pytest.mark.parametrize("message", [{}, {"order": "x", "seq": 1}, {"order": 1, "seq": 10**9}, {"order": None}])
def test_a_hint_that_is_rubbish_ends_nothing(order: ReleaseOrder, message: dict[str, Any]) -> None:
    async def play(caster: Broadcaster) -> None:
        page = await watched(caster, Topic("order", order.number), order, cursor=order.last_seq)
        caster.hint(message | ({"order": order.pk} if message.get("seq") == 10**9 else {}))
        await asyncio.sleep(0.1)  # the rubbish is worked off
        seq = await append(order)
        caster.hint({"order": order.pk, "seq": seq})
        await soon_true(page.numbers, "what follows is told")
        assert page.numbers() == [seq] and not caster._tasks[0].done()

    hinted(play)
