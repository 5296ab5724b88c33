"""What ends a watch is mended by itself: its time, silence, an expired version, the lack of the right to watch."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from deployer.adapters.kubernetes import streams
from deployer.adapters.kubernetes.streams import Streams
from deployer.interfaces import ClusterTarget, Moved
from tests.contract.cluster_stand_in import stand_in
from tests.patience import soon_true, wait_for

EXPIRED = b'{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410}}\n'


def line(kind: str, name: str, version: int) -> bytes:
    metadata = {"name": name, "resourceVersion": str(version)}
    return json.dumps({"type": kind, "object": {"metadata": metadata}}).encode() + b"\n"


@dataclass
class Server:
    """Lists at version 5; the watches of pods are answered one after the other, then held open; others are held."""

    watches: list[list[bytes]] = field(default_factory=list)
    watch_status: int = 200
    asked: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def pods(self) -> list[str]:
        """``list``, or the version that a watch began with, for each request about pods."""
        return [one for path, one in (entry.split(" ") for entry in self.asked) if path.endswith("/pods")]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            is_watch = "watch" in query
            made.asked.append(f"{parts.path} {query['resourceVersion'][0] if is_watch else 'list'}")
            if not is_watch:
                self.answer(200, b'{"metadata":{"resourceVersion":"5"},"items":[]}')
            elif made.watch_status != 200:
                self.answer(made.watch_status, b"{}")
            else:
                self.stream(made.watches.pop(0) if parts.path.endswith("/pods") and made.watches else None)

        def answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def stream(self, lines: list[bytes] | None) -> None:
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            for one in lines or ():
                self.wfile.write(one)
            self.wfile.flush()
            if lines is None:
                made.held.wait(20)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            return

    class Listening(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

    listening = Listening(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{listening.server_port}"
    yield made
    made.held.set()
    listening.shutdown()
    listening.server_close()


def follow(url: str, until: Callable[[list[str]], Any], *, namespaces: int = 1, token: str = "t") -> list[str]:
    """The names that were told until it is so, at most 90 s: a hundred namespaces are 600 requests."""
    told: list[str] = []

    def tell(moved: Moved) -> None:
        told.append(moved.name)

    async def run() -> None:
        async with Streams(ClusterTarget(key="cluster:streams", url=url, token=token)) as made:
            tasks = [asyncio.create_task(made.follow(f"ns-{number}", "app=web", tell)) for number in range(namespaces)]
            await soon_true(lambda: until(told), "all is told", 90)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    return told


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SHORTEST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(streams, "LIST_SECONDS", 0.1)


def test_a_stream_that_ends_goes_on_from_its_last_version_without_a_list(server: Server) -> None:
    server.watches = [[line("ADDED", "web-1", 6), line("BOOKMARK", "x", 9)], [line("DELETED", "web-2", 10)]]
    told = follow(server.url, lambda names: "web-2" in names and len(server.pods()) > 3)
    assert server.pods()[:4] == ["list", "5", "9", "10"]
    assert [name for name in told if name] == ["web-1", "web-2"], "a bookmark is no news"


@pytest.mark.parametrize("end", [EXPIRED, b"null\n"])
def test_an_expired_version_is_listed_anew_and_told(server: Server, end: bytes) -> None:
    server.watches = [[line("ADDED", "web-1", 6), end]]
    told = follow(server.url, lambda _names: len(server.pods()) > 3)
    assert server.pods()[:4] == ["list", "5", "list", "5"]
    assert told.count("") == 4, "each list may have missed something: one of each kind, and this one"


@pytest.mark.parametrize("broken", [b'{"type":"MODIF', b"not json\n"])
def test_what_cannot_be_read_is_asked_for_again(server: Server, broken: bytes) -> None:
    server.watches = [[line("ADDED", "web-1", 6), broken]]
    follow(server.url, lambda _names: len(server.pods()) > 2)
    assert server.pods()[:3] == ["list", "5", "6"]


def test_a_connection_that_falls_silent_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SILENCE_SECONDS", 0.3)
    follow(server.url, lambda _names: server.pods().count("5") > 2)


def test_what_may_not_be_watched_is_listed_every_few_seconds(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.watch_status = 403
    follow(server.url, lambda _names: server.pods().count("list") > 3)


def test_a_version_that_is_too_old_from_the_start_is_listed_anew(server: Server) -> None:
    server.watch_status = 410
    follow(server.url, lambda _names: server.pods().count("list") > 2)


def test_a_hundred_namespaces_need_no_thread_each(server: Server) -> None:
    def all_open(_names: list[str]) -> bool:
        return sum(not entry.endswith("list") for entry in server.asked) >= 300

    before = {thread for thread in threading.enumerate() if not thread.daemon}
    follow(server.url, all_open, namespaces=100)
    assert {thread for thread in threading.enumerate() if not thread.daemon} <= before


def test_a_server_that_restarts_is_watched_again(tmp_path: Any) -> None:
    told = follow("http://127.0.0.1:9", lambda _names: True)
    assert told == []
    with stand_in(tmp_path) as target:
        assert wait_for(lambda: follow(target.url, lambda names: len(names) >= 3, token=target.token))


def workload(generation: int = 2, **status: Any) -> dict[str, Any]:
    counts = {"replicas": 4, "updatedReplicas": 4, "availableReplicas": 4, "observedGeneration": 2}
    return {"metadata": {"generation": generation}, "spec": {"replicas": 4}, "status": counts | status}


@pytest.mark.parametrize(
    ("found", "is_over"),
    [
        (workload(), True),
        (workload(generation=3), False),
        (workload(availableReplicas=3), False),
        (workload(updatedReplicas=3), False),
        (workload(replicas=5), False),
        (workload(availableReplicas=0, conditions=[{"reason": "ProgressDeadlineExceeded"}]), True),
        (workload(generation=3, conditions=[{"reason": "ProgressDeadlineExceeded"}]), False),
        ({"metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}}, True),
        ({"metadata": {}, "spec": {}, "status": {}}, False),
    ],
)
def test_the_end_of_a_rollout_is_told_by_the_status(found: dict[str, Any], is_over: bool) -> None:
    assert streams.has_ended(found) is is_over


def test_a_line_says_whose_object_it_is_and_whether_that_is_the_end() -> None:
    labels = {"app.kubernetes.io/instance": "a-b-c"}
    whole = {**workload(), "metadata": {"name": "web", "generation": 2, "resourceVersion": "7", "labels": labels}}
    assert streams._read(json.dumps({"type": "MODIFIED", "object": whole}).encode()) == (
        "MODIFIED", Moved("web", "a-b-c", True), "7"
    )  # fmt: skip
    gone = {**whole, "status": {}}
    assert streams._read(json.dumps({"type": "DELETED", "object": gone}).encode())[1].is_final
    pod = {"metadata": whole["metadata"]}
    assert streams._read(json.dumps({"type": "DELETED", "object": pod}).encode())[1] == Moved("web", "a-b-c", False)
