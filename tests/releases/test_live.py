"""The live socket: replay without gaps, nothing without access, and an end within two seconds of a change of rights."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.sessions.backends.db import SessionStore

from accounts import sessions
from accounts.models import BrowserSession, User
from accounts.services import change_password
from environments.models import Membership
from environments.services import people
from environments.services.members import end_membership
from environments.services.people import rights_changed
from releases.events import append_event
from releases.live import broadcast
from releases.live.consumers import LiveConsumer
from releases.models import ReleaseOrder
from tests.cast import PASSWORD, World
from tests.releases.rows import make_component, make_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(world: World, transactional_db: None) -> ReleaseOrder:
    return make_order(make_component(world), world.dana)


def session() -> SessionStore:
    store = SessionStore()
    store["x"] = 1
    store.save()
    return store


class Socket(ApplicationCommunicator):  # type: ignore[misc]
    """The consumer, driven by ASGI messages."""

    def __init__(self, user: User | None, store: SessionStore) -> None:
        scope = {
            "type": "websocket",
            "path": "/ws/live/",
            "headers": [],
            "subprotocols": [],
            "user": user,
            "session": store,
        }
        super().__init__(LiveConsumer.as_asgi(), scope)

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(3))["type"] == "websocket.accept")

    async def send_to(self, text_data: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text_data})

    async def receive_from(self, timeout: float) -> str:
        message = await self.receive_output(timeout)
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(3)


class Browser:
    """One page's socket."""

    def __init__(self, user: User | None, store: SessionStore) -> None:
        self.socket = Socket(user, store)
        self.sequence: list[int] = []

    async def say(self, **message: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(message))

    async def hear(self, timeout: float = 3) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.receive_from(timeout))
        if message["type"] == "events":
            self.sequence += [event["seq"] for event in message["events"]]
        return message

    async def until(self, seq: int) -> None:
        async with asyncio.timeout(5):
            while not self.sequence or self.sequence[-1] < seq:
                await self.hear(5)


def live(play: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            await play()
        finally:
            for task in broadcast.broadcaster()._tasks:
                task.cancel()
            broadcast._broadcasters.clear()

    asyncio.run(whole())


def live_with(user: User, play: Callable[[Browser], Awaitable[None]], store: SessionStore | None = None) -> None:
    """Plays with one browser of the person that is connected before and disconnected after."""
    kept = store or session()

    async def whole() -> None:
        browser = Browser(user, kept)
        assert await browser.socket.connect()
        await play(browser)
        await browser.socket.disconnect()

    live(whole)


add = sync_to_async(lambda order, kind: append_event(order.pk, kind))


def test_what_came_before_and_what_comes_without_a_gap(order: ReleaseOrder, world: World) -> None:
    for number in range(5):
        append_event(order.pk, f"old.{number}")

    async def play(browser: Browser) -> None:
        await browser.say(type="subscribe", topic=f"order:{order.number}", after=2)
        assert (await browser.hear())["last_seq"] == 6
        await browser.until(6)
        for _number in range(20):
            await add(order, "new")
        await browser.until(26)
        assert browser.sequence == list(range(3, 27))

    live_with(world.dana, play)


def test_a_browser_that_was_away_misses_nothing(order: ReleaseOrder, world: World) -> None:
    store = session()

    async def play() -> None:
        first = Browser(world.dana, store)
        await first.socket.connect()
        await first.say(type="subscribe", topic=f"order:{order.number}", after=0)
        await first.until(1)
        await first.socket.disconnect()
        for _number in range(700):
            await add(order, "missed")
        second = Browser(world.dana, store)
        await second.socket.connect()
        await second.say(type="subscribe", topic=f"order:{order.number}", after=first.sequence[-1])
        await second.until(701)
        assert first.sequence + second.sequence == list(range(1, 702))
        await second.socket.disconnect()

    live(play)


@pytest.mark.security("guessed-ids")
def test_an_outsider_is_refused_like_a_wrong_name(order: ReleaseOrder, world: World) -> None:
    async def play(browser: Browser) -> None:
        answers = []
        for topic in (f"order:{order.number}", "order:K8S20200101000000AA", "project:999999", "order:../x", "nonsense"):
            await browser.say(type="subscribe", topic=topic, after=0)
            answer = await browser.hear()
            answers.append((answer["type"], answer["detail"]))
        assert set(answers) == {("refused", "There is no such topic.")}
        await browser.say(type="subscribe", topic=f"project:{order.project_id}")
        assert (await browser.hear())["type"] == "refused"

    live_with(world.otto, play)


@pytest.mark.security("floods")
def test_rubbish_is_answered_and_changes_nothing(order: ReleaseOrder, world: World) -> None:
    async def play(browser: Browser) -> None:
        for text in (
            "",
            "[]",
            "{",
            '{"type": 5}',
            '{"type": "subscribe", "topic": "order:x", "after": true}',
            '{"type": "subscribe", "topic": "space:999999", "age": 1' + "0" * 400 + "}",
            "x" * 9000,
        ):
            await browser.socket.send_to(text_data=text)
            assert (await browser.hear())["type"] == "refused"
        await browser.say(type="ping")
        assert (await browser.hear())["type"] == "pong"

    live_with(world.dana, play)


@pytest.mark.security("cross-site-websocket")
def test_nobody_is_let_in_unsigned(world: World) -> None:
    store = session()

    async def play() -> None:
        browser = Browser(None, store)
        await browser.socket.connect()
        assert (await browser.socket.receive_output(2))["code"] == 4401

    live(play)


@pytest.mark.security("rights-that-ended")
@pytest.mark.parametrize("how", ["membership ends", "signed out", "switched off"])
def test_a_right_that_ends_ends_the_subscription(order: ReleaseOrder, world: World, how: str) -> None:
    store = session()

    @sync_to_async
    def end() -> None:
        if how == "membership ends":
            Membership.objects.filter(user=world.dana).delete()
            rights_changed(User.objects.filter(pk=world.dana.pk))
        elif how == "signed out":
            store.delete()
        else:
            User.objects.filter(pk=world.dana.pk).update(is_active=False)

    async def play(browser: Browser) -> None:
        await browser.say(type="subscribe", topic=f"order:{order.number}", after=1)
        await browser.hear()
        await end()
        assert (await browser.hear(2.0))["type"] == "gone"
        if how != "membership ends":
            # The whole socket ends with the session, not only what it had asked for.
            assert (await browser.socket.receive_output(2))["code"] == 4401
        await add(order, "secret")
        assert await browser.socket.receive_nothing(0.6)

    live_with(world.dana, play, store)


@pytest.mark.security("rights-that-ended")
@pytest.mark.parametrize("how", ["own change", "reset", "deactivated", "ended by the owner", "role"])
def test_what_people_do_to_a_session_ends_its_sockets(order: ReleaseOrder, world: World, how: str) -> None:
    store = session()
    BrowserSession.objects.create(user=world.dana, session_key=store.session_key)

    @sync_to_async
    def act() -> None:
        dana = User.objects.get(pk=world.dana.pk)
        if how == "own change":
            change_password(actor=dana, old=PASSWORD, new="a much better phrase")
        elif how == "reset":
            people.set_password(actor=world.ada, person=dana, password="a much better phrase")
        elif how == "deactivated":
            people.deactivate_person(actor=world.ada, person=dana)
        elif how == "ended by the owner":
            sessions.end_session(actor=dana, number=BrowserSession.objects.get().pk)
        else:
            end_membership(actor=world.petra, membership=Membership.objects.get(user=dana))

    async def play(browser: Browser) -> None:
        await browser.say(type="subscribe", topic=f"order:{order.number}", after=1)
        await browser.hear()
        began = time.monotonic()
        await act()
        assert (await browser.hear(2.0))["type"] == "gone"
        if how != "role":
            assert (await browser.socket.receive_output(2))["code"] == 4401
        assert time.monotonic() - began < 4

    live_with(world.dana, play, store)


@pytest.mark.security("rights-that-ended")
def test_a_socket_whose_session_is_over_takes_no_new_subscription(order: ReleaseOrder, world: World) -> None:
    store = session()
    BrowserSession.objects.create(user=world.dana, session_key=store.session_key)

    async def play(browser: Browser) -> None:
        reset = sync_to_async(
            lambda: people.set_password(actor=world.ada, person=world.dana, password="a better phrase")
        )
        await reset()
        await browser.say(type="subscribe", topic=f"order:{order.number}", after=1)
        assert (await browser.socket.receive_output(2))["code"] == 4401

    live_with(world.dana, play, store)


@pytest.mark.security("rights-that-ended")
def test_nobody_watches_before_they_have_chosen_their_own_password(order: ReleaseOrder, world: World) -> None:
    store = session()
    world.dana.must_change_password = True

    async def play() -> None:
        browser = Browser(world.dana, store)
        await browser.socket.connect()
        assert (await browser.socket.receive_output(2))["code"] == 4401

    live(play)


def test_a_list_is_told_to_tell_changed(order: ReleaseOrder, world: World) -> None:
    async def play(browser: Browser) -> None:
        await browser.say(type="subscribe", topic=f"project:{order.project_id}")
        await browser.hear()
        await add(order, "anything")
        assert (await browser.hear())["type"] == "changed"

    live_with(world.dana, play)
