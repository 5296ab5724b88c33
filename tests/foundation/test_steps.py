"""One pass over one run: what is written back, and what a step that is too late may not write."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from foundation import breakers
from foundation.models import Remote
from foundation.runs import kinds
from foundation.runs.driving import Stuck, drive
from foundation.runs.engine import (
    EPOCH,
    PARKED,
    Again,
    Done,
    LeaseLost,
    Parked,
    RunState,
    claim,
    db_now,
    finish,
    hint_seconds,
    hinted_at,
    owner,
    run_step,
    wake,
)
from foundation.runs.renewal import Renewer
from foundation.runs.slots import slots
from foundation.runs.tasks import MOST_PASSES
from foundation.runs.tasks import take as take_task
from tests.foundation.conftest import make_due, take
from tests.foundation.probe import steps
from tests.foundation.probe.models import ProbeRun


def words(row: ProbeRun) -> list[str]:
    row.refresh_from_db()
    return [entry["word"] for entry in row.seen]


def test_a_run_is_driven_to_its_end(db: None) -> None:
    row = ProbeRun.objects.create(script=["again", "later:60", "done"])
    final = drive("probe", row.pk)
    assert words(row) == ["again", "later", "done"]
    assert (final.state, final.next_at, final.owner, final.lease_until) == (RunState.SUCCEEDED, PARKED, "", EPOCH)
    assert final.created_at <= final.started_at <= final.finished_at


def test_driving_stops_at_a_condition_and_at_a_parked_run(db: None) -> None:
    row = ProbeRun.objects.create(script=["again", "park"])
    assert len(drive("probe", row.pk, until=lambda row: len(row.seen) == 1).seen) == 1
    with pytest.raises(Stuck, match="parked"):
        drive("probe", row.pk)


def test_again_sets_the_next_pass_and_frees_the_lease(db: None) -> None:
    row = ProbeRun.objects.create(script=["later:60"])
    ProbeRun.objects.update(claims=7)
    lease = take(row.pk)
    assert lease.claims == 8
    assert run_step(lease) == Again(60)
    row.refresh_from_db()
    assert 58 < (row.next_at - db_now()).total_seconds() <= 60
    assert (row.owner, row.lease_until, row.claims) == ("", EPOCH, 0)


def test_a_wake_during_a_step_is_not_lost(db: None) -> None:
    row = ProbeRun.objects.create(script=["wake-meanwhile"])
    ProbeRun.objects.filter(pk=row.pk).update(script=["wake-meanwhile", "park"])
    run_step(take(row.pk))
    row.refresh_from_db()
    assert row.next_at <= db_now(), "the step said Again or Parked, the wake says now"
    assert run_step(take(row.pk)) == Parked()
    row.refresh_from_db()
    assert row.next_at == PARKED and row.wakes == 1


def test_waking_makes_a_parked_run_due_and_leaves_a_final_one_alone(db: None) -> None:
    parked = ProbeRun.objects.create(next_at=PARKED)
    final = ProbeRun.objects.create(next_at=PARKED, state=RunState.FAILED)
    assert wake(ProbeRun, parked.pk, prompt=False) is True
    assert wake(ProbeRun, final.pk) is False
    parked.refresh_from_db()
    final.refresh_from_db()
    assert parked.next_at <= db_now() and final.next_at == PARKED
    assert wake(ProbeRun, parked.pk, prompt=True)
    parked.refresh_from_db()
    assert parked.next_at <= db_now(), "a wake never makes a run later"


def test_a_late_step_writes_nothing(db: None) -> None:
    row = ProbeRun.objects.create(script=["late"])
    assert run_step(take(row.pk)) is None
    row.refresh_from_db()
    assert (row.seen, row.script, row.owner, row.fence) == ([], ["late"], "somebody else", 2)


def test_a_step_past_its_deadline_writes_nothing(db: None) -> None:
    row = ProbeRun.objects.create(script=["again"])
    lease = replace(take(row.pk), deadline=time.monotonic() - 1)
    assert lease.remaining() == 0
    for write in (lambda: lease.save(value="late"), lease.read, lambda: transaction.atomic()(lease.hold)()):
        with pytest.raises(LeaseLost):
            write()
    row.refresh_from_db()
    assert row.value == ""


def test_a_person_who_cancels_wins_over_the_running_step(db: None) -> None:
    row = ProbeRun.objects.create(script=["cancelled-meanwhile"])
    run_step(take(row.pk))
    row.refresh_from_db()
    assert (row.state, row.reason, row.seen, row.next_at) == (RunState.CANCELLED, "person", [], PARKED)
    assert not finish(ProbeRun, row.pk, to=RunState.FAILED)


def test_holding_needs_a_transaction(transactional_db: None) -> None:
    lease = take(ProbeRun.objects.create(script=["again"]).pk)
    with pytest.raises(RuntimeError, match="transaction"):
        lease.hold()


def test_finish_takes_only_final_states_and_the_right_fence(db: None) -> None:
    row = ProbeRun.objects.create()
    with pytest.raises(ValueError, match="not a final state"):
        finish(ProbeRun, row.pk, to=RunState.RUNNING)
    assert not finish(ProbeRun, row.pk, to=RunState.FAILED, fence=5)
    assert finish(ProbeRun, row.pk, to=RunState.FAILED, fence=0, reason="quota")


@pytest.mark.parametrize("word", ["raise", "mistake"])
def test_a_step_that_raises_is_tried_again_with_growing_pauses(db: None, word: str) -> None:
    row = ProbeRun.objects.create(script=[word, word])
    for claims, pause in ((1, 2), (2, 4), (3, 8)):
        ProbeRun.objects.update(script=[word])
        make_due(row.pk)
        assert run_step(take(row.pk)) is None
        row.refresh_from_db()
        assert row.claims == claims
        assert pause - 1 < (row.next_at - db_now()).total_seconds() <= pause


def test_twenty_passes_that_come_to_no_end_are_enough(db: None) -> None:
    row = ProbeRun.objects.create(script=["raise"])
    for _ in range(20):
        make_due(row.pk)
        run_step(take(row.pk))
    row.refresh_from_db()
    assert (row.state, row.claims) == (RunState.RUNNING, 20)
    make_due(row.pk)
    run_step(take(row.pk))
    row.refresh_from_db()
    assert (row.state, row.reason, row.value) == (RunState.ERRORED, "engine", "given up")


def test_a_write_back_starts_the_count_anew(db: None) -> None:
    row = ProbeRun.objects.create(script=["again", "raise"], claims=19)
    run_step(take(row.pk))
    run_step(take(row.pk))
    row.refresh_from_db()
    assert (row.state, row.claims) == (RunState.RUNNING, 1)


def test_a_lost_contact_is_a_regular_end_of_a_step(db: None) -> None:
    row = ProbeRun.objects.create(script=["away", "again"], claims=5)
    steps.contact_calls.clear()
    run_step(take(row.pk))
    row.refresh_from_db()
    lost = row.contact_lost_since
    assert lost and row.claims == 0 and steps.contact_calls == [row.pk]
    assert 0 < (row.next_at - db_now()).total_seconds() <= 1
    ProbeRun.objects.update(contact_lost_since=lost - timedelta(minutes=2))
    make_due(row.pk)
    run_step(take(row.pk))
    row.refresh_from_db()
    assert 20 < (row.next_at - db_now()).total_seconds() <= 30
    assert row.contact_lost_since == lost - timedelta(minutes=2), "it stays lost since the first time"
    ProbeRun.objects.update(script=["again"])
    make_due(row.pk)
    run_step(take(row.pk))
    row.refresh_from_db()
    assert row.contact_lost_since is None and steps.contact_calls == [row.pk, row.pk]
    assert not Remote.objects.exists(), "a run without a remote trips no breaker"


def test_a_step_that_was_too_late_to_send_leaves_the_run_as_it_is(db: None) -> None:
    row = ProbeRun.objects.create(script=["too-late"])
    run_step(take(row.pk))
    row.refresh_from_db()
    assert row.claims == 1 and row.owner == owner() and row.lease_until > db_now()


def test_the_same_hint_twice_at_once_and_late_runs_one_step(db: None) -> None:
    row = ProbeRun.objects.create(script=["later:60", "again"])
    take_task("probe", row.pk)
    take_task("probe", row.pk)
    take_task("probe", 10**9)
    take_task("nobody knows this kind", row.pk)
    assert words(row) == ["later"]


def test_a_worker_goes_on_at_one_remote_for_so_many_passes(db: None) -> None:
    long = ProbeRun.objects.create(script=["again"] * 25, next_at=hinted_at())
    take_task("probe", long.pk)
    assert len(words(long)) == MOST_PASSES == 20
    assert long.next_at <= db_now(), "the watcher goes on at once"
    turning = ProbeRun.objects.create(script=["again", "other", "again"], remote="jenkins:1", next_at=hinted_at())
    take_task("probe", turning.pk)
    assert words(turning) == ["again", "other"] and turning.remote == "elsewhere:1"
    assert turning.next_at <= db_now()


def test_a_worker_goes_on_for_so_long(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foundation.runs.tasks.LONGEST_SECONDS", 0.2)
    row = ProbeRun.objects.create(script=["sleep:0.3", "again"], next_at=hinted_at())
    take_task("probe", row.pk)
    take_task("probe", row.pk)
    assert words(row) == ["sleep", "again"]
    row = ProbeRun.objects.create(script=["sleep:0.3", "again", "again"], next_at=hinted_at())
    take_task("probe", row.pk)
    assert words(row) == ["sleep", "again"], "one pass may begin while there is time, and the last one is told so"


def test_what_a_worker_goes_on_with_is_left_to_it(db: None) -> None:
    row = ProbeRun.objects.create(script=["again", "again"], next_at=hinted_at())
    run_step(take(row.pk, grace=hint_seconds()), lead=hint_seconds())
    assert claim(kinds.get("probe"), owner="watcher/1", limit=1) == []
    assert take(row.pk, grace=hint_seconds()).fence == 2


def test_leases_at_work_are_renewed_but_not_past_the_deadline(db: None) -> None:
    renewer, row = Renewer(), ProbeRun.objects.create(script=["again"])
    lease = replace(take(row.pk), deadline=time.monotonic() + 4)
    almost = timezone.now() + timedelta(seconds=1)
    ProbeRun.objects.update(lease_until=almost)
    renewer._at_work["probe", row.pk] = (lease, time.monotonic() - 60)
    renewer.renew()
    row.refresh_from_db()
    assert 3 < (row.lease_until - db_now()).total_seconds() <= 4
    renewer._at_work["probe", row.pk] = (replace(lease, deadline=time.monotonic() - 1), time.monotonic() - 60)
    ProbeRun.objects.update(lease_until=almost)
    renewer.renew()
    row.refresh_from_db()
    assert row.lease_until == almost and renewer.overdue() == 1


def test_slots_count_across_threads() -> None:
    at_remote, leave, taken = threading.Barrier(10), threading.Event(), []

    def visit() -> None:
        with slots.hold("threads:1") as is_held:
            taken.append(is_held)
            at_remote.wait(10)
            leave.wait(10)

    visits = [threading.Thread(target=visit) for _ in range(9)]
    for thread in visits:
        thread.start()
    at_remote.wait(10)
    assert sorted(taken) == [False] * 5 + [True] * 4
    assert slots.full() == {"threads:1"} and slots.free("threads:1") == 0
    leave.set()
    for thread in visits:
        thread.join()
    assert slots.full() == frozenset() and slots.free("threads:1") == 4


def test_a_pass_that_asks_nobody_says_nothing_about_its_remote(db: None) -> None:
    row = ProbeRun.objects.create(script=["away", "quiet", "again"], remote="cluster:7")
    run_step(take(row.pk))
    ProbeRun.objects.update(script=["quiet", "again"])
    for was_heard in (False, True):
        Remote.objects.update(probe_at=Now())
        make_due(row.pk)
        lease = take(row.pk)
        assert lease.is_probe
        assert run_step(lease) == Again()
        row.refresh_from_db()
        assert Remote.objects.get(name="cluster:7").is_open is not was_heard
        assert (row.contact_lost_since is None) is was_heard
    assert words(row) == ["quiet", "again"]


def test_a_probe_that_was_never_sent_is_left_to_the_next_run(db: None) -> None:
    quiet = ProbeRun.objects.create(script=["quiet", "quiet"], remote="cluster:7", next_at=Now() - timedelta(minutes=1))
    other = ProbeRun.objects.create(script=["again"], remote="cluster:7")
    breakers.trip("cluster:7", "gone", was_probe=False)
    Remote.objects.update(probe_at=Now())
    (first,) = claim(kinds.get("probe"), owner=owner(), limit=9)
    assert first.pk == quiet.pk
    run_step(first)
    run_step(take(other.pk))
    assert not Remote.objects.get(name="cluster:7").is_open


def test_a_remote_that_a_pass_turns_to_has_slots_of_its_own(db: None) -> None:
    row = ProbeRun.objects.create(script=["other", "again"], remote="jenkins:1")
    with ExitStack() as visits:
        for _ in range(4):
            assert visits.enter_context(slots.hold("elsewhere:1"))
        run_step(take(row.pk))
        row.refresh_from_db()
        assert (row.seen, row.remote, row.claims) == ([], "elsewhere:1", 0)
        assert slots.free("jenkins:1") == 4
        make_due(row.pk)
        assert claim(kinds.get("probe"), owner=owner(), limit=1) == [], "it waits for the remote that is busy"
    run_step(take(row.pk))
    assert words(row) == ["other"]
    assert slots.free("elsewhere:1") == 4


def test_losing_one_remote_does_not_blame_another(db: None) -> None:
    row = ProbeRun.objects.create(script=["other-away"], remote="jenkins:1")
    run_step(take(row.pk))
    row.refresh_from_db()
    assert row.remote == "elsewhere:1" and row.contact_lost_since
    assert list(Remote.objects.filter(opened_at__isnull=False).values_list("name", flat=True)) == ["elsewhere:1"]


def test_kinds_are_registered_once(db: None) -> None:
    known = kinds.get("probe")
    kinds.register(known)
    with pytest.raises(ValueError, match="Two kinds"):
        kinds.register(replace(known, step="elsewhere.step"))
    with pytest.raises(kinds.UnknownKind):
        kinds.get("nothing")


def test_a_step_that_ends_its_run_is_done(db: None) -> None:
    row = ProbeRun.objects.create(script=["done"], next_at=Now())
    assert run_step(take(row.pk)) == Done()
    assert claim(kinds.get("probe"), owner=owner(), limit=1, grace=10**6) == []


def test_a_run_that_comes_new_to_a_silent_remote_asks_it_nothing_and_waits_with_the_others(db: None) -> None:
    breakers.trip("elsewhere:1", "gone", was_probe=False)
    row = ProbeRun.objects.create(script=["other", "again"], remote="jenkins:1")
    run_step(take(row.pk))
    row.refresh_from_db()
    assert (row.seen, row.remote, row.claims) == ([], "elsewhere:1", 0)
    assert row.contact_lost_since is not None, "the page says since when"
    Remote.objects.update(probe_at=Now())
    make_due(row.pk)
    (lease,) = claim(kinds.get("probe"), owner=owner(), limit=1)
    assert lease.is_probe, "it may be the one that asks when a question is due"
    run_step(lease)
    assert words(row) == ["other"] and not Remote.objects.get(name="elsewhere:1").is_open
