"""A log that comes faster than one answer holds: read on at once, in little memory, and not before the others."""

from __future__ import annotations

import itertools
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from components.models import JenkinsServer
from deployer.adapters.jenkins.server import JenkinsBuildServer
from deployer.interfaces import LogPage
from foundation import breakers
from foundation.clock import db_now
from foundation.runs import kinds
from foundation.runs.claim import claim, claim_group
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from foundation.runs.together import run_together
from releases.models import Build
from tests.cast import World
from tests.releases.rows import build as make_build
from tests.releases.rows import make_component, make_order
from tests.releases.test_build_remotes import FAR, in_jenkins

FOLLOW = import_module("releases.steps.build.follow")  # the package has a function of that name
MB, LINE, SLICE = 1_000_000, 100, 50_000
MOST_LINES = 10_000
"""Lines of an answer while the log is open."""


def text_of(size: int) -> bytes:
    """Lines of 100 bytes."""
    return b"".join(b"%08d " % number + b"x" * 90 + b"\n" for number in range(size // LINE))


class Jenkins(ThreadingHTTPServer):
    """One job with one build; it notes what is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.log, self.is_open, self.version = b"", True, "2.568.2"
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    server: Jenkins

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        what = parts.path.removesuffix("/api/json").rsplit("/", 1)[-1]
        self.server.asked.append(what)
        if what == "progressiveText":
            return self._log(int(parse_qs(parts.query)["start"][0]))
        if what == "consoleText":
            return self._text(0, len(self.server.log), is_crlf=False)
        if what == "describe":
            return self._answer(b'{"stages":[]}')
        if what == "me":
            return self._answer(b'{"id":"bot"}')
        result = b"null" if self.server.is_open else b'"FAILURE"'
        is_open = str(self.server.is_open).lower().encode()
        one = b'{"number":3,"queueId":1,"building":' + is_open + b',"result":' + result + b"}"
        return self._answer(b'{"builds":[' + one + b"]}")

    def _log(self, start: int) -> None:
        whole = self.server.log
        end = len(whole)
        if self.server.is_open and self.server.version >= "2.509":
            end = min(end, start + MOST_LINES * LINE)
        more = {"X-More-Data": "true"} if self.server.is_open else {}
        self._text(start, end, is_crlf=True, **{"X-Text-Size": str(len(whole)), **more})

    def _text(self, start: int, end: int, *, is_crlf: bool, **headers: str) -> None:
        """In slices: what the other side holds is counted as ours."""
        whole = self.server.log
        size = end - start + (whole.count(b"\n", start, end) if is_crlf else 0)
        self._head(size, "text/plain;charset=UTF-8", **headers)
        for place in range(start, end, SLICE):
            data = whole[place : min(place + SLICE, end)]
            try:
                self.wfile.write(data.replace(b"\n", b"\r\n") if is_crlf else data)
            except OSError:
                self.close_connection = True
                return

    def _answer(self, body: bytes) -> None:
        self._head(len(body), "application/json")
        self.wfile.write(body)

    def _head(self, size: int, kind: str, **headers: str) -> None:
        self.send_response(200)
        own = {"X-Jenkins": self.server.version, "X-Jenkins-Session": "one", "Content-Type": kind}
        for name, value in {**own, "Content-Length": str(size), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Silent."""


@pytest.fixture
def jenkins() -> Iterator[Jenkins]:
    breakers._confirmed.clear()
    server = Jenkins()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def row(world: World, jenkins: Jenkins) -> Build:
    """A build that runs there and that nobody watches."""
    queued = make_build(make_order(make_component(world), world.dana))
    JenkinsServer.objects.filter(pk=queued.server_id).update(url=jenkins.url, username="bot")
    now = db_now()
    at = {"build_number": 3, "queue_id": 1, "session": "one", "seen_at": now, "stages_at": now, "next_at": now}
    return in_jenkins(queued, phase="building", remote=queued.server.remote_key, **at)


def pass_together(row: Build) -> float:
    """One pass of the watcher over what is due; in how many seconds the build is due again."""
    run_together(claim_group(kinds.get("build"), owner=owner(), grace=0.2))
    row.refresh_from_db()
    return (row.next_at - db_now()).total_seconds()


def step(row: Build) -> Build:
    """One pass of its own."""
    (lease,) = claim(kinds.get("build"), owner=owner(), limit=1, pk=row.pk, grace=FAR)
    run_step(lease)
    row.refresh_from_db()
    return row


def end(row: Build) -> int:
    """Passes over it until it has ended; how many they were. Each comes when the log is due again.

    The list of the job's builds is up to a second old, however quick the passes are.
    """
    until = time.monotonic() + 30
    for passes in itertools.takewhile(lambda _passes: time.monotonic() < until, itertools.count(1)):
        Build.objects.filter(read_at__isnull=False).update(read_at=db_now() - timedelta(minutes=1))
        if step(row).is_terminal:
            return passes
    raise AssertionError(row.phase)


def stored(row: Build) -> bytes:
    return "".join(row.chunks.order_by("offset").values_list("text", flat=True)).encode()


def test_a_log_that_has_more_is_read_on_in_the_next_pass_which_is_at_once(row: Build, jenkins: Jenkins) -> None:
    jenkins.log = text_of(5 * MB)
    for passes in range(1, 6):
        with CaptureQueriesContext(connection) as queries:
            pause = pass_together(row)
        assert jenkins.asked.count("progressiveText") == passes, "one answer a pass: others are due as well"
        # However slow the pass is: without a time it is due whenever somebody asks; with one, after the pause from it.
        assert (row.read_at is None) is (passes < 5)
        assert passes == 5 or pause < 0.1, (passes, pause)
        assert row.log_offset == row.log_size == passes * MB and row.owner == ""
        assert len(queries) < 30, "no more than for a short one"
    assert stored(row) == jenkins.log
    assert "describe" not in jenkins.asked and jenkins.asked.count("job") < 3


def test_a_log_that_comes_fast_is_read_closely_although_nobody_watches(row: Build, jenkins: Jenkins) -> None:
    """Else a minute of it were left when the build ends."""
    jenkins.log = text_of(MB // 2)
    pass_together(row)
    assert row.read_at is not None and row.log_reader["is_fast"], "nothing is left, but much will come"
    Build.objects.update(next_at=db_now(), read_at=db_now() - timedelta(seconds=1))
    jenkins.log += b"one line more\n"
    pass_together(row)
    assert row.log_size == len(jenkins.log)
    Build.objects.update(next_at=db_now(), read_at=db_now() - timedelta(seconds=1))
    pass_together(row)
    assert jenkins.asked.count("progressiveText") == 2, "a log that comes slowly is read each 15 seconds again"


def test_the_rest_of_an_ended_build_is_read_in_one_pass(
    row: Build, jenkins: Jenkins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FOLLOW, "MOST_SECONDS", 600.0)
    jenkins.log, jenkins.is_open = text_of(5 * MB), False
    step(row)
    assert (row.phase, row.log_is_complete) == ("finalizing", True)
    assert jenkins.asked.count("progressiveText") == 5, "a mebibyte each"
    assert end(row) == 1 and stored(row) == jenkins.log


def test_a_pass_reads_on_for_a_second_only(row: Build, jenkins: Jenkins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FOLLOW, "MOST_SECONDS", 0.0)
    jenkins.log, jenkins.is_open = text_of(5 * MB), False
    assert step(row).phase == "finalizing" and not row.log_is_complete
    assert (row.next_at - db_now()).total_seconds() <= 0, "and goes on at once"
    end(row)
    assert stored(row) == jenkins.log


def test_a_lease_that_is_lost_between_two_pieces_stores_the_first_alone(
    row: Build, jenkins: Jenkins, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_log = JenkinsBuildServer.read_log

    def take_over(client: JenkinsBuildServer, job: str, number: int, offset: int) -> LogPage:
        if offset:
            Build.objects.filter(pk=row.pk).update(fence=99, owner="somebody else")
        return read_log(client, job, number, offset)

    monkeypatch.setattr(JenkinsBuildServer, "read_log", take_over)
    jenkins.log, jenkins.is_open = text_of(9 * MB), False
    step(row)
    assert (row.owner, row.fence, jenkins.asked.count("progressiveText")) == ("somebody else", 99, 2)
    assert stored(row) == jenkins.log[: row.log_offset] and 0 < row.log_offset <= 1024 * 1024


def test_a_fast_log_of_an_old_jenkins_is_whole_at_the_end(row: Build, jenkins: Jenkins) -> None:
    """Its answer cannot be gone on with where it is cut: what is left out meanwhile is told in the log."""
    jenkins.version = "2.440.3"
    for seconds in range(1, 4):
        jenkins.log = text_of(seconds * 4 * MB)
        assert pass_together(row) < 2, "read closely, although nobody watches"
        assert row.log_offset == len(jenkins.log)
        Build.objects.update(next_at=db_now(), read_at=db_now() - timedelta(seconds=2))
    assert stored(row).count(b"bytes left out here; Jenkins has them") == 3
    assert row.log_size < 4 * MB, "in little memory"
    jenkins.is_open = False
    end(row)
    assert stored(row) == jenkins.log and (row.log_is_complete, row.log_version) == (True, 1)


@pytest.mark.parametrize("version", ["2.568.2", "2.440.3"])
def test_memory_does_not_grow_with_the_log(row: Build, jenkins: Jenkins, version: str) -> None:
    """Before 2.509 the answer is cut and the log replaced at its end, from a stream."""
    jenkins.version, jenkins.log, jenkins.is_open = version, text_of(16 * MB), False
    tracemalloc.start()
    try:
        end(row)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert row.log_is_complete and row.log_size == 16 * MB
    assert row.log_version == (version < "2.509")
    assert most < 20 * MB, f"{most / MB:.1f} MB"
