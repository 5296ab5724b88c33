"""Ranges of lines, errors, search and the whole text over the API, and who may read them."""

from __future__ import annotations

import asyncio
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from foundation.runs.choices import RunState
from releases import transitions
from releases.logs import reading, searching
from releases.logs.storage import append_log
from releases.models import Build, LogChunk
from tests.cast import World
from tests.releases.rows import build, make_component, make_order

HARD = "[Pipeline] stage\n[Pipeline] { (Build)\n"


def store(row: Build, *texts: str) -> Build:
    """Append as the step does."""
    for text in texts:
        with transaction.atomic():
            Build.objects.filter(pk=row.pk).update(**append_log(row, text))
        row.refresh_from_db()
    return row


@pytest.fixture
def row(world: World) -> Build:
    return build(make_order(make_component(world), world.dana))


@pytest.fixture
def long(row: Build) -> Build:
    """60,000 lines in many chunks; every 10,000th is an error, every 20,000th needs looking for."""
    lines = [f"line {number} {'.' * 20}\n" for number in range(1, 60_001)]
    for number in range(10_000, 60_001, 10_000):
        lines[number - 1] = f"error: line {number}{' Nadel İ' if number % 20_000 == 0 else ''}\n"
    text = "".join(lines)
    return store(row, text[:700_003], text[700_003:700_005], text[700_005:])


@pytest.fixture
def ask(world: World, row: Build) -> Callable[..., Any]:
    """``ask("lines/?first=1", "dana")`` → JSON, or the status where it is not 200."""

    def get(path: str, who: str = "dana") -> Any:
        client = Client()
        client.force_login(world.people[who], backend="accounts.backends.PasswordBackend")
        answer = client.get(f"/api/v1/orders/{row.order.number}/builds/{row.attempt}/log/{path}")
        return answer.json() if answer.status_code == 200 else answer.status_code

    return get


def test_any_range_is_the_text_itself(long: Build, ask: Callable[..., Any]) -> None:
    assert LogChunk.objects.count() > 20
    whole = "".join(LogChunk.objects.order_by("offset").values_list("text", flat=True)).split("\n")
    for first, count in ((1, 3), (777, 200), (12_500, 1000), (29_999, 5), (59_990, 200), (60_001, 10)):
        page = ask(f"lines/?first={first}&count={count}")
        wanted = whole[first - 1 : min(first - 1 + count, 60_000)]
        assert [line["text"] for line in page["lines"]] == wanted
        assert [line["line"] for line in page["lines"]] == list(range(first, first + len(wanted)))
        assert page["log"]["lines"] == 60_000
    assert ask("lines/?count=0")["lines"] == []


def test_a_range_reads_few_rows_of_any_log(long: Build) -> None:
    with CaptureQueriesContext(connection) as caught:
        reading.read_lines(long, 40_000, 200)
    assert len(caught) <= 2
    plan = connection.cursor()
    plan.execute(f"EXPLAIN QUERY PLAN {caught[0]['sql']}") if connection.vendor == "sqlite" else None
    if connection.vendor == "sqlite":
        assert "log_chunk_by_line" in str(plan.fetchall())


def test_the_summary_counts_bytes_lines_and_errors(row: Build, ask: Callable[..., Any]) -> None:
    store(row, HARD + "警告: 一\nerror: 二\n", "half a line")
    log = ask("lines/")["log"]
    assert (log["lines"], log["errors"], log["warnings"], log["first_error"]) == (5, 1, 1, 4)
    assert log["bytes"] == len((HARD + "警告: 一\nerror: 二\nhalf a line").encode()) > log["size"]
    assert log["state"] == "receiving" and log["newest_at"] <= log["now"]
    (section,) = log["sections"]
    assert (section["name"], section["first"], section["last"], section["state"]) == ("Build", 1, None, "")
    Build.objects.update(stages=[{"name": "Build", "state": "failed", "duration_ms": 81_500}])
    (section,) = ask("lines/")["log"]["sections"]
    assert (section["state"], section["seconds"]) == ("failed", 82)


def test_the_state_tells_a_whole_log_from_a_cut_and_a_deleted_one(row: Build, ask: Callable[..., Any]) -> None:
    store(row, "text\n")
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None)
    assert ask("lines/")["log"]["state"] == "cut"
    Build.objects.update(log_is_complete=True)
    assert ask("lines/")["log"]["state"] == "complete"
    LogChunk.objects.all().delete()
    page = ask("lines/")
    assert page["log"]["state"] == "gone" and page["lines"] == []


def test_lines_know_when_they_came(row: Build, ask: Callable[..., Any]) -> None:
    store(row, "one\n", "two\n")
    one, two = (line["at"] for line in ask("lines/")["lines"])
    assert one <= two and one is not None


def test_a_long_line_is_cut_in_the_range_and_whole_for_itself(row: Build, ask: Callable[..., Any]) -> None:
    store(row, "before\n" + "x" * 1_000_000 + "END\nafter\n")
    before, long, after = ask("lines/")["lines"]
    assert (len(long["text"]), long["length"], after["text"]) == (2000, 1_000_003, "after")
    assert ask("lines/2/")["text"].endswith("xEND") and len(ask("lines/2/")["text"]) == 1_000_003
    assert ask("lines/4/") == 404 and ask("lines/99999999999/") == 404


@pytest.mark.security("floods")
def test_a_line_of_a_hundred_megabytes_does_not_stop_the_reader(row: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_READ", 200_000)
    store(row, "y" * 1_000_000 + "\nafter\n")
    (line,) = reading.read_lines(row, 1, 200)
    assert line.line == 1 and 200_000 <= line.length < 400_000
    (line,) = reading.read_lines(row, 2, 200)
    assert (line.line, line.text) == (2, "after")


def test_errors_one_after_the_other_both_ways(long: Build, ask: Callable[..., Any]) -> None:
    assert long.log_index["first_error"] == 10_000
    line, found_at = 0, []
    while found := ask(f"marks/?level=error&after={line}")["line"]:
        found_at.append(found)
        line = found
    assert found_at == [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]
    assert ask("marks/?after=29999") == {"line": 30_000, "position": 3, "total": 6}
    assert ask("marks/?before=30000") == {"line": 20_000, "position": 2, "total": 6}
    assert ask("marks/?before=60001")["line"] == 60_000
    assert ask("marks/?before=1") == {"line": None, "position": 0, "total": 6}
    assert ask("marks/?level=warning")["total"] == 0
    assert ask("marks/?level=colour") == 400 and ask("marks/?after=x") == 400


def test_a_line_that_goes_on_in_the_next_chunk_is_one_error(row: Build, ask: Callable[..., Any]) -> None:
    store(row, "error: one " + "z" * 70_000, " error: still one\nerror: two\n")
    assert LogChunk.objects.count() == 3
    assert ask("marks/?after=1") == {"line": 2, "position": 2, "total": 2}
    assert ask("marks/?before=2") == {"line": 1, "position": 1, "total": 2}


def test_search_reads_the_whole_log_blind_to_case(long: Build, ask: Callable[..., Any]) -> None:
    assert ask("search/?text=nadel") == {"lines": [20_000, 40_000, 60_000], "next": None}
    assert ask("search/?text=NADEL&first=20001")["lines"] == [40_000, 60_000]
    assert ask("search/?text=line 5999 ")["lines"] == [5999]
    assert ask("search/?text=%25")["lines"] == [], "literal: a per cent sign is no joker"
    for wrong in ("search/", "search/?text=", f"search/?text={'x' * 201}", "search/?text=a%0ab"):
        assert ask(wrong) == 400


def test_search_sees_what_a_reader_sees(row: Build) -> None:
    store(row, "\x1b[1mER\x1b[0mROR here\n" + "q" * 65_530 + "spanning the cut\nerror\n")
    assert searching.search(row, "error").lines == [1, 3]
    assert searching.search(row, "SPANNING THE CUT").lines == [2]


@pytest.mark.security("floods")
def test_search_is_bounded_and_goes_on_where_it_stopped(long: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_HITS", 100)
    found = searching.search(long, "line")
    assert len(found.lines) == 100 and found.next == 101
    monkeypatch.setattr(searching, "MOST_HITS", 10**6)
    lines: list[int] = []
    first: int | None = 1
    rounds = 0
    while first is not None:
        part = searching.search(long, "line", first, seconds=0)
        lines += [line for line in part.lines if not lines or line > lines[-1]]
        assert part.next is None or part.next > first
        first, rounds = part.next, rounds + 1
    assert lines == list(range(1, 60_001)) and rounds > 20


def test_outsiders_get_404_everywhere_and_auditors_read(row: Build, ask: Callable[..., Any]) -> None:
    store(row, "words for members\n")
    for path in ("", "?raw=1", "lines/", "lines/1/", "marks/", "search/?text=words"):
        assert ask(path, "otto") == 404
    assert ask("lines/", "uma")["lines"][0]["text"] == "words for members"


def test_the_raw_log_is_the_text_as_it_was_stored(world: World, long: Build) -> None:
    client = Client()
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = client.get(f"/api/v1/orders/{long.order.number}/builds/1/log/?raw=1")
        body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert len(body) == long.log_size and body.startswith("line 1 ")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == f'inline; filename="{long.order.number}-1.log"'


@pytest.mark.parametrize(("word", "is_text"), [("", False), ("false", False), ("0", False), ("true", True)])
def test_the_raw_log_comes_only_where_it_is_asked_for(world: World, long: Build, word: str, is_text: bool) -> None:
    client, path = Client(), f"/api/v1/orders/{long.order.number}/builds/1/log/"
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert client.get(f"{path}?raw={word}")["Content-Type"].startswith("text/plain" if is_text else "application/json")
    assert client.get(f"{path}?raw=perhaps").status_code == 400


def test_lines_are_a_list_in_the_schema_too() -> None:
    schemas = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]  # type: ignore[no-untyped-call]
    assert schemas["LogLines"]["properties"]["lines"]["type"] == "array"
    assert len(schemas["LogLine"]["properties"]) == 5


@pytest.mark.django_db(transaction=True)
def test_under_asgi_it_streams_without_loading_all(world: World) -> None:
    row = build(make_order(make_component(world), world.dana))
    text = f"{'.' * 99}\n" * 650
    size = 300 * len(text)
    chunks = [LogChunk(build=row, offset=n * len(text), first_line=n * 650 + 1, text=text) for n in range(300)]
    LogChunk.objects.bulk_create(chunks, batch_size=10)
    del chunks
    client, path = AsyncClient(), f"/api/v1/orders/{row.order.number}/builds/1/log/?raw=1"
    client.force_login(world.dana, backend="accounts.backends.PasswordBackend")

    async def read() -> int:
        answer: Any = await client.get(path)
        assert answer.is_async
        got = 0
        async for piece in answer.streaming_content:
            got += len(piece)
        return got

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracemalloc.start()
        sent = asyncio.run(read())
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert sent == size > 19_000_000
    assert peak < 6_000_000, f"{peak:,} bytes at once"
