"""Real processes: killed, stopped, paused, with a broker and without; nothing is lost and nothing done twice."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from foundation.runs import heartbeat
from foundation.runs.engine import RunState, hinted_at, launch_hint, release_leases
from foundation.runs.identity import owner_prefix
from foundation.runs.kinds import all_kinds
from foundation.runs.models import Heartbeat, Run
from tests.foundation.conftest import Start
from tests.foundation.probe.models import ProbeRun
from tests.patience import at_most, wait_for

pytestmark = pytest.mark.slow
LEASE_SECONDS = 3.0


def seconds_until(what: Callable[[], object], seconds: float = 50) -> float:
    """How long it took to become true."""
    began = time.monotonic()
    wait_for(what, seconds=seconds, pause=0.02)
    return time.monotonic() - began


def reread(row: ProbeRun) -> ProbeRun:
    row.refresh_from_db()
    return row


def held_by(process: str) -> list[Run]:
    """The runs of every kind that the process has a lease of."""
    leased = {"owner__startswith": owner_prefix(process), "lease_until__gt": Now()}
    return [row for kind in all_kinds() for row in kind.model._default_manager.filter(**leased)]


def start_watcher(start: Start, name: str) -> subprocess.Popen[str]:
    watcher = start("manage.py", "watcher", process=name)
    seconds_until(lambda: heartbeat.Heartbeat.objects.filter(process=name).exists())
    return watcher


def is_writing() -> bool:
    """Does some other process hold SQLite's one lock of writers?"""
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        except OperationalError:
            return True
        finally:
            cursor.execute("PRAGMA busy_timeout = 20000")
    return False


def stop_asleep(child: subprocess.Popen[str], row: ProbeRun) -> None:
    """Stops a watcher in the sleep of its step. One stopped in a write of its own would let nobody else write."""
    seconds_until(lambda: reread(row).fence == 1 and row.started_at)
    child.send_signal(signal.SIGSTOP)
    while is_writing():
        child.send_signal(signal.SIGCONT)
        time.sleep(0.05)  # the length of a beat
        child.send_signal(signal.SIGSTOP)


def test_a_killed_watcher_loses_nothing(start: Start) -> None:
    first = start_watcher(start, "first")
    row = ProbeRun.objects.create(script=["sleep-first:60", "done"])
    seconds_until(lambda: reread(row).fence == 1 and row.started_at)
    start_watcher(start, "second")
    time.sleep(LEASE_SECONDS + 1)  # longer than a lease that nobody renews
    assert reread(row).fence == 1, "the living first one renews its lease"
    first.send_signal(signal.SIGKILL)
    assert seconds_until(lambda: reread(row).is_terminal) < at_most(LEASE_SECONDS + 2)
    assert [(entry["word"], entry["process"]) for entry in row.seen] == [("sleep-first", "second"), ("done", "second")]


def test_the_supervisor_frees_a_dead_childs_runs_at_once(start: Start) -> None:
    first = start_watcher(start, "first")
    row = ProbeRun.objects.create(script=["sleep-first:60", "done"])
    seconds_until(lambda: reread(row).fence == 1)
    start_watcher(start, "second")
    first.kill()
    first.wait()
    # It may have been killed in a pass of another run, too, such as the seal of the audit.
    held = held_by("first")
    assert row in held and release_leases("first") == len(held)
    assert seconds_until(lambda: reread(row).is_terminal) < at_most(1.5)


def test_a_paused_watcher_writes_nothing_when_it_comes_back(start: Start) -> None:
    first = start_watcher(start, "first")
    row = ProbeRun.objects.create(script=[f"sleep-first:{LEASE_SECONDS:g}", "done"])
    stop_asleep(first, row)
    start_watcher(start, "second")
    seconds_until(lambda: reread(row).is_terminal)
    before = list(ProbeRun.objects.values())
    first.send_signal(signal.SIGCONT)
    time.sleep(2)  # time enough to do what it must not do
    assert list(ProbeRun.objects.values()) == before
    assert {entry["process"] for entry in row.seen} == {"second"}


def test_sigterm_lets_short_steps_end_and_hands_long_ones_over(start: Start) -> None:
    first = start_watcher(start, "first")
    short = ProbeRun.objects.create(script=["sleep:1", "done"])
    long = ProbeRun.objects.create(script=["sleep-first:60", "done"])
    seconds_until(lambda: reread(short).fence and reread(long).fence)
    first.terminate()
    began = time.monotonic()
    assert first.wait(timeout=at_most(6)) == 0
    assert time.monotonic() - began <= at_most(5.5)
    assert [entry["word"] for entry in reread(short).seen] == ["sleep"]
    assert reread(long).owner == "" and long.state == RunState.RUNNING
    start_watcher(start, "second")
    seconds_until(lambda: reread(short).is_terminal and reread(long).is_terminal, seconds=3)


def test_a_step_that_kills_its_process_twenty_times_is_given_up(start: Start) -> None:
    row = ProbeRun.objects.create(script=["exit"], claims=19)
    suicidal = start("manage.py", "watcher", process="first")
    assert suicidal.wait(timeout=60) == 9
    assert reread(row).claims == 20
    release_leases("first")
    start_watcher(start, "second")
    seconds_until(lambda: reread(row).is_terminal)
    assert (row.state, row.reason) == (RunState.ERRORED, "engine")


def start_worker(start: Start, name: str, data: Path) -> subprocess.Popen[str]:
    arguments = ("-m", "celery", "-A", "prism4k", "worker", "-P", "threads", "-c", "4", "-l", "WARNING")
    worker = start(*arguments, process=name, PRISM4K_DATA_DIR=str(data), BROKER_URL=settings.BROKER_URL)
    seconds_until(lambda: Heartbeat.objects.filter(process=name, role="worker").exists(), seconds=30)
    return worker


def test_the_worker_does_what_people_ask_for_and_the_watcher_the_rest(
    start: Start, shared_database: dict[str, str]
) -> None:
    start_worker(start, "worker", Path(shared_database["PRISM4K_DATA_DIR"]))
    start_watcher(start, "watcher")
    with transaction.atomic():
        row = ProbeRun.objects.create(script=["later:0.2", "later:0.2", "done"], next_at=hinted_at())
        launch_hint("probe", row.pk)
    seconds_until(lambda: reread(row).seen)
    seconds_until(lambda: reread(row).is_terminal)
    assert [entry["process"] for entry in row.seen] == ["worker", "watcher", "watcher"]


def test_a_worker_goes_on_while_there_is_more_to_do_at_once(start: Start, shared_database: dict[str, str]) -> None:
    start_worker(start, "worker", Path(shared_database["PRISM4K_DATA_DIR"]))
    start_watcher(start, "watcher")
    with transaction.atomic():
        row = ProbeRun.objects.create(script=["again", "again", "later:0.2", "again", "done"], next_at=hinted_at())
        launch_hint("probe", row.pk)
    wait_for(lambda: reread(row).is_terminal)
    assert [entry["process"] for entry in row.seen] == ["worker"] * 3 + ["watcher"] * 2


def test_a_worker_that_dies_between_two_passes_is_followed_by_the_watcher(
    start: Start, shared_database: dict[str, str]
) -> None:
    worker = start_worker(start, "worker", Path(shared_database["PRISM4K_DATA_DIR"]))
    start_watcher(start, "watcher")
    with transaction.atomic():
        row = ProbeRun.objects.create(script=["again", "exit-first:2", "done"], next_at=hinted_at())
        launch_hint("probe", row.pk)
    assert worker.wait(timeout=60) == 9
    release_leases("worker")
    assert wait_for(lambda: reread(row).is_terminal) < at_most(LEASE_SECONDS)
    assert [entry["process"] for entry in row.seen] == ["worker", "watcher", "watcher"]


def test_without_a_worker_the_watcher_takes_it_two_seconds_later(start: Start) -> None:
    start_watcher(start, "watcher")
    began = time.monotonic()
    with transaction.atomic():
        row = ProbeRun.objects.create(script=["done"], next_at=hinted_at())
        launch_hint("probe", row.pk)
    seconds_until(lambda: reread(row).is_terminal)
    assert 1.8 < time.monotonic() - began < at_most(4)
    assert [entry["process"] for entry in row.seen] == ["watcher"]


def ask_with_broker(start: Start, port: int, flush_seconds: int = 0) -> tuple[float, float]:
    """Seconds that three acts took, and until their process had ended."""
    began = time.monotonic()
    asker = start(
        "-m", "tests.foundation.asker", str(flush_seconds), process="asker", BROKER_URL=f"redis://127.0.0.1:{port}/0"
    )
    took = float(asker.communicate(timeout=30)[0])
    assert asker.returncode == 0
    return took, time.monotonic() - began


def test_a_broker_that_never_answers_delays_nobody(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        took, until_end = ask_with_broker(start, silent.getsockname()[1])
        connection, _ = silent.accept()
        connection.close()
    assert took < at_most(1) and until_end < at_most(8)
    start_watcher(start, "watcher")
    seconds_until(lambda: ProbeRun.objects.filter(state=RunState.SUCCEEDED).count() == 3, seconds=5)


def test_a_broker_that_refuses_is_only_logged(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    took, _ = ask_with_broker(start, port, flush_seconds=20)
    assert took < at_most(1)
    assert (tmp_path / "asker.log").read_text().count("the watcher will take it") == 3
