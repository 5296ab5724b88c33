"""Live updates: sockets at two web processes, one log; Redis only makes it sooner."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import websockets.exceptions
from websockets.sync.client import ClientConnection, connect

from demo.world import PROJECT_ADMIN
from sandbox.ports import reserve
from tests.patience import SOON, at_most, wait_for
from tests.whole.people import Carried, Crew, Person
from tests.whole.prepared import prepared_database
from tests.whole.product import Product, running
from tests.whole.rows import database_beside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
WITHIN = at_most(SOON)


class Redis:
    """One of our own, that can die and come back at its address."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, reserve()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Empty, and ready."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        ping = ["redis-cli", "-p", str(self.port), "ping"]
        wait_for(lambda: subprocess.run(ping, capture_output=True).stdout.strip() == b"PONG", "Redis answers")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()


@dataclass
class Site:
    """A product with Redis of its own, and the addresses of two web processes."""

    product: Product
    redis: Redis
    webs: tuple[str, str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("live")
    redis = Redis(folder)
    redis.start()
    try:
        url = os.environ["DATABASE_URL"]
        with database_beside(url, f"live_{redis.port}", like=prepared_database(url)) as database:
            variables = {
                "DATABASE_URL": database,
                "BROKER_URL": f"redis://127.0.0.1:{redis.port}/0",
                "CHANNEL_URL": f"redis://127.0.0.1:{redis.port}/1",
            }
            with running(Product(folder, workers=2, watchers=2, **variables)) as product:
                ports = reserve(), reserve()
                for port in ports:
                    product.web(port)
                yield Site(product, redis, (f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"))
    finally:
        redis.kill()


def open_socket(person: Person, url: str, *, origin: str = "") -> ClientConnection:
    """As this person's browser opens it."""
    address = url.replace("http://", "ws://") + "/ws/live/"
    return connect(address, origin=origin or url, additional_headers={"Cookie": person.cookie()}, max_queue=None)


def say(socket: ClientConnection, **message: object) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection, seconds: float = 5.0) -> dict[str, object]:
    """The next message."""
    found: dict[str, object] = json.loads(socket.recv(timeout=seconds))
    return found


@dataclass
class Viewer(threading.Thread):
    """A page that watches one order and keeps the numbers it was sent; cuts its socket every so often if told."""

    person: Person
    url: str
    number: str
    cut_every: float = 0.0
    seen: list[int] = field(default_factory=list)
    sockets: int = 0
    over: bool = False
    problem: str = ""

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        try:
            while not self.over:
                self._watch()
        except Exception as error:
            self.problem = repr(error)

    def _watch(self) -> None:
        with open_socket(self.person, self.url) as socket:
            self.sockets += 1
            say(socket, type="subscribe", topic=f"order:{self.number}", after=self.seen[-1] if self.seen else 0)
            until = time.monotonic() + (self.cut_every or 3600)
            while not self.over and time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    message = hear(socket, 0.2)
                    if message["type"] == "events":
                        self.seen += [event["seq"] for event in message["events"]]  # type: ignore[attr-defined]


@pytest.fixture
def order(site: Site) -> Carried:
    return Crew(site.product).create()


def test_every_event_once_and_in_order_at_two_processes_while_redis_dies(site: Site, order: Carried) -> None:
    tester, developer = order.crew.tester, order.crew.developer
    viewers = [
        Viewer(tester, site.webs[0], order.number),
        Viewer(developer, site.webs[1], order.number),
        Viewer(tester, site.webs[1], order.number, cut_every=0.4),
    ]
    for viewer in viewers:
        viewer.start()
    order.start_build()
    wait_for(lambda: len(viewers[0].seen) > 4, "events come")
    site.redis.kill()
    order.built()
    order.promote("fat")
    site.redis.start()
    order.start_deployment("fat")
    order.deployed("fat")
    order.settled("fat")
    last = len(order.events())
    for viewer in viewers:
        wait_for(lambda viewer=viewer: viewer.problem or viewer.seen[-1:] >= [last], "it has seen all", 5)
        viewer.over = True
    for viewer in viewers:
        viewer.join(5)
        assert viewer.problem == ""
        assert viewer.seen[:last] == list(range(1, last + 1))
    assert viewers[0].sockets == viewers[1].sockets == 1 and viewers[2].sockets > 3


def test_an_event_is_in_the_browser_soon_with_and_without_redis(site: Site, order: Carried) -> None:
    with open_socket(order.crew.tester, site.webs[0]) as socket:
        say(socket, type="subscribe", topic=f"order:{order.number}", after=0)
        assert hear(socket)["type"] == "subscribed"
        assert hear(socket)["type"] == "events"
        for is_there in (True, False, True):
            (site.redis.kill if not is_there else lambda: None)()
            before = time.monotonic()
            order.crew.developer.post(f"orders/{order.number}/comments/", text="do you see this?")
            assert hear(socket)["events"][0]["kind"] == "comment"  # type: ignore[index]
            assert time.monotonic() - before < WITHIN
            if not is_there:
                site.redis.start()


@pytest.mark.security("rights-that-ended")
def test_a_right_that_ends_ends_the_watching(site: Site, order: Carried) -> None:
    admin, person = Person(site.product.url, PROJECT_ADMIN), Person(site.product.url, "lintao")
    project = order.component.partition("/")[0]
    members = admin.get(f"projects/{project}/members/", size=100)["items"]
    held = [row for row in members if row["username"] == "lintao"]
    assert len(held) == 1
    topic = f"order:{order.number}"
    with open_socket(person, site.webs[0]) as socket:
        say(socket, type="subscribe", topic=topic, after=0)
        assert [hear(socket)["type"], hear(socket)["type"]] == ["subscribed", "events"]
        path = f"/api/v1/projects/{project}/members/{held[0]['number']}/"
        answer = admin.http.delete(path, headers={"X-CSRFToken": admin.csrf()})
        ended = time.monotonic()
        assert answer.status_code in (200, 204), answer.text
        assert hear(socket, WITHIN) == {"type": "gone", "topic": topic}
        assert time.monotonic() - ended <= WITHIN
        order.crew.developer.post(f"orders/{order.number}/comments/", text="not for strangers")
        with pytest.raises(TimeoutError):
            hear(socket, 1.0)
        say(socket, type="subscribe", topic=topic, after=0)
        assert hear(socket)["type"] == "refused"
        say(socket, type="subscribe", topic="order:K8S20200101000000AA", after=0)
        assert hear(socket)["type"] == "refused"


@pytest.mark.security("rights-that-ended")
def test_signing_out_ends_the_watching(site: Site, order: Carried) -> None:
    person = Person(site.product.url, "wumin")
    with open_socket(person, site.webs[1]) as socket:
        say(socket, type="subscribe", topic=f"order:{order.number}", after=0)
        assert [hear(socket)["type"], hear(socket)["type"]] == ["subscribed", "events"]
        person.sign_out()
        out = time.monotonic()
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            assert hear(socket, WITHIN)["type"] == "gone"
        assert time.monotonic() - out <= WITHIN
        order.crew.developer.post(f"orders/{order.number}/comments/", text="after the end")
        with pytest.raises((TimeoutError, websockets.exceptions.ConnectionClosed)):
            hear(socket, 1.0)
        # Nor may it ask again: a socket outlives the session that opened it.
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            say(socket, type="subscribe", topic=f"order:{order.number}", after=0)
            assert hear(socket)["type"] == "refused"


@pytest.mark.security("cross-site-websocket")
def test_another_sites_page_may_not_open_a_socket(site: Site, order: Carried) -> None:
    for origin in ("http://evil.example", "null", site.webs[0].replace("127.0.0.1", "127.0.0.2")):
        with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
            open_socket(order.crew.developer, site.webs[0], origin=origin).close()
        assert refusal.value.response.status_code == 403


@pytest.mark.security("cross-site-websocket")
def test_who_is_not_signed_in_is_shown_out(site: Site) -> None:
    address = site.webs[0].replace("http://", "ws://") + "/ws/live/"
    with connect(address, origin=site.webs[0]) as socket:
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            socket.recv(timeout=5)
        assert closed.value.rcvd and closed.value.rcvd.code == 4401
