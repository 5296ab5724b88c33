"""Who gets a run: one process at a time, few per remote, nobody while a breaker is open."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from foundation import breakers
from foundation.clock import now_plus
from foundation.models import Remote
from foundation.runs import claim as claim_module
from foundation.runs import kinds
from foundation.runs.engine import (
    EPOCH,
    PARKED,
    LeaseLost,
    RunState,
    claim,
    db_now,
    hinted_at,
    owner,
    release_leases,
    run_step,
    wake,
)
from foundation.runs.slots import slots
from tests.foundation.conftest import ROOT, make_due, take
from tests.foundation.probe.models import ProbeRun

PROBE = kinds.get("probe")


def test_two_processes_never_take_the_same_run(shared_database: dict[str, str]) -> None:
    rows = ProbeRun.objects.bulk_create(ProbeRun(script=["done"]) for _ in range(60))
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.foundation.racer"],
            cwd=ROOT,
            env=shared_database | {"PRISM4K_PROCESS": f"racer-{number}"},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(2)
    ]
    for racer in racers:
        assert racer.stdout and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    taken = [json.loads(racer.communicate(timeout=60)[0]) for racer in racers]
    assert sorted(taken[0] + taken[1]) == sorted(row.pk for row in rows)
    assert set(ProbeRun.objects.values_list("fence", flat=True)) == {1}


def test_one_question_tells_which_kinds_have_a_due_run(db: None, django_assert_num_queries: Any) -> None:
    stepped = [kind for kind in kinds.all_kinds() if not kind.hold]
    for model in {kind.model for kind in stepped}:
        model.objects.update(next_at=PARKED)
    row = ProbeRun.objects.create(script=["again"], next_at=PARKED)
    assert len(stepped) > 10 and claim_module.due_kinds(stepped, grace=0.0) == []
    ProbeRun.objects.filter(pk=row.pk).update(next_at=Now())
    with django_assert_num_queries(1):
        assert claim_module.due_kinds(stepped, grace=0.0) == [PROBE]
    take(row.pk)
    assert claim_module.due_kinds(stepped, grace=0.0) == []
    assert claim_module.due_kinds([], grace=0.0) == []


def test_runs_that_are_passed_over_together_are_asked_for_a_little_early(db: None) -> None:
    together = replace(PROBE, together="tests.foundation.probe.steps.step")
    ProbeRun.objects.create(script=["again"], next_at=now_plus(20))
    assert claim_module.due_kinds([PROBE, together], grace=30.0) == [together]


@pytest.mark.security("forged-tasks")
def test_a_claim_is_exclusive_until_it_ends(db: None) -> None:
    row = ProbeRun.objects.create(script=["again"])
    lease = take(row.pk)
    assert (lease.fence, lease.claims) == (1, 1)
    assert claim(PROBE, owner="another/1", limit=5) == []
    ProbeRun.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(milliseconds=50))
    (second,) = claim(PROBE, owner="another/1", limit=5)
    assert (second.fence, second.claims) == (2, 2)
    with pytest.raises(LeaseLost):
        lease.save(value="late")
    second.save(value="mine")
    row.refresh_from_db()
    assert row.value == "mine"


@pytest.mark.security("forged-tasks")
@pytest.mark.parametrize(
    "columns",
    [
        {"next_at": PARKED},
        {"next_at": timezone.now() + timedelta(days=1)},
        {"state": RunState.SUCCEEDED},
        {"state": RunState.CANCELLED},
        {"lease_until": timezone.now() + timedelta(days=1)},
    ],
    ids=["parked", "later", "succeeded", "cancelled", "held"],
)
def test_what_is_not_due_is_not_taken(db: None, columns: dict[str, object]) -> None:
    ProbeRun.objects.create(**columns)
    assert claim(PROBE, owner=owner(), limit=5) == []


def test_a_hinted_run_is_left_to_the_workers_for_two_seconds(db: None) -> None:
    row = ProbeRun.objects.create(script=["again"], next_at=hinted_at())
    assert claim(PROBE, owner="watcher/1", limit=5) == []
    assert take(row.pk, grace=2.0).pk == row.pk


def test_what_is_woken_as_first_goes_before_those_that_wait(db: None) -> None:
    waiting = [ProbeRun.objects.create(script=["again"], next_at=Now()) for _ in range(3)]
    last = ProbeRun.objects.create(script=["again"], next_at=PARKED)
    assert wake(ProbeRun, last.pk, prompt=False, is_first=True)
    assert [lease.pk for lease in claim(PROBE, owner=owner(), limit=1)] == [last.pk]
    assert {lease.pk for lease in claim(PROBE, owner=owner(), limit=9)} == {row.pk for row in waiting}


def test_at_most_four_of_one_remote_are_in_flight(db: None) -> None:
    slow = [ProbeRun.objects.create(script=["again"], remote="jenkins:1") for _ in range(9)]
    other = ProbeRun.objects.create(script=["again"], remote="jenkins:2", next_at=Now())
    leases = claim(PROBE, owner=owner(), limit=8)
    assert [lease.remote for lease in leases].count("jenkins:1") == 4
    assert other.pk in [lease.pk for lease in leases]
    with ExitStack() as passes:
        for lease in leases:
            assert passes.enter_context(slots.hold(lease.remote))
        assert slots.full() == {"jenkins:1"}
        assert claim(PROBE, owner=owner(), limit=8) == []
    for lease in leases:
        run_step(lease)
    again = claim(PROBE, owner=owner(), limit=8)
    assert len([lease for lease in again if lease.remote == "jenkins:1"]) == 4
    assert slots.full() == frozenset()
    assert len(slow) == 9


def test_a_run_claimed_without_a_free_slot_comes_again_untouched(db: None) -> None:
    row = ProbeRun.objects.create(script=["again"], remote="jenkins:1")
    lease = take(row.pk)
    with ExitStack() as passes:
        for _ in range(4):
            assert passes.enter_context(slots.hold("jenkins:1"))
        run_step(lease)
        row.refresh_from_db()
        assert (row.script, row.owner, row.claims) == (["again"], "", 0)
        assert 0 < (row.next_at - db_now()).total_seconds() < 1
        assert slots.full() == {"jenkins:1"}, "it gave back no slot of another pass"
    make_due(row.pk)
    run_step(take(row.pk))
    row.refresh_from_db()
    assert row.script == []


def test_a_database_that_fails_in_a_later_round_costs_no_slot(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        ProbeRun.objects.create(script=["again"] * 9, remote="jenkins:1")
    ProbeRun.objects.create(script=["again"] * 9, remote="jenkins:2")
    real, rounds = claim_module._claim_round, itertools.count(1)

    def fails_each_second_time(*given: Any) -> Any:
        if next(rounds) % 2 == 0:
            raise OperationalError("the connection is gone")
        return real(*given)

    monkeypatch.setattr(claim_module, "_claim_round", fails_each_second_time)
    for _ in range(4):
        ProbeRun.objects.update(next_at=Now() - timedelta(seconds=60), lease_until=EPOCH)
        # Due last, so that the first round sees the five of one remote, which has four slots.
        ProbeRun.objects.filter(remote="jenkins:2").update(next_at=Now() - timedelta(seconds=30))
        leases = claim(PROBE, owner=owner(), limit=5)
        assert len(leases) == 4, "what the first round took is ours"
        for lease in leases:
            assert run_step(lease) is not None
    assert slots.full() == frozenset()


def test_a_database_that_fails_while_a_probe_is_taken_costs_no_slot(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ProbeRun.objects.create(script=["again"], remote="jenkins:9")
    breakers.trip("jenkins:9", "gone", was_probe=False)
    Remote.objects.update(probe_at=Now())

    def fails(name: str) -> bool:
        raise OperationalError(f"the connection is gone before {name}")

    with monkeypatch.context() as broken:
        broken.setattr(breakers, "take_probe", fails)
        for _ in range(5):
            with pytest.raises(OperationalError):
                claim(PROBE, owner=owner(), limit=5)
    (lease,) = claim(PROBE, owner=owner(), limit=5)
    assert lease.pk == row.pk and lease.is_probe


def test_a_probe_that_finds_no_run_is_due_again(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ProbeRun.objects.create(script=["again"], remote="jenkins:9")
    breakers.trip("jenkins:9", "gone", was_probe=False)
    Remote.objects.update(probe_at=Now())
    with monkeypatch.context() as raced:
        raced.setattr(claim_module, "_claim_round", lambda *_given: ([], frozenset()))
        assert claim(PROBE, owner=owner(), limit=5) == []
    (lease,) = claim(PROBE, owner=owner(), limit=5)
    assert lease.is_probe


def test_a_lost_remote_gets_one_probe_and_spares_the_others(db: None) -> None:
    first, second = (ProbeRun.objects.create(script=["away", "again", "again"], remote="jenkins:9") for _ in range(2))
    other = ProbeRun.objects.create(script=["again"], remote="cluster:1")
    run_step(take(first.pk))
    remote = Remote.objects.get(name="jenkins:9")
    assert remote.is_open and remote.failures == 1
    assert "did not answer" in remote.last_error and "abcdef123456" not in remote.last_error
    make_due(first.pk)
    assert [lease.pk for lease in claim(PROBE, owner=owner(), limit=9)] == [other.pk]
    second.refresh_from_db()
    assert second.contact_lost_since is not None, "every run of the remote says since when"

    Remote.objects.update(probe_at=Now())
    (probe,) = claim(PROBE, owner=owner(), limit=9)
    assert probe.is_probe and probe.remote == "jenkins:9"
    assert claim(PROBE, owner=owner(), limit=9) == []
    ProbeRun.objects.filter(pk=probe.pk).update(script=["again"])
    run_step(probe)
    remote.refresh_from_db()
    assert not remote.is_open and remote.failures == 0 and remote.last_ok_at
    assert not ProbeRun.objects.filter(contact_lost_since__isnull=False).exists()
    assert {lease.pk for lease in claim(PROBE, owner=owner(), limit=9)} >= {first.pk, second.pk}


def test_a_run_of_a_remote_that_is_silent_says_so_from_its_first_moment(db: None) -> None:
    breakers.trip("jenkins:9", "gone", was_probe=False)
    Remote.objects.update(opened_at=Now() - timedelta(hours=1))
    opened = Remote.objects.get().opened_at
    row = ProbeRun.objects.create(script=["again"], remote="jenkins:9")
    other = ProbeRun.objects.create(script=["again"], remote="jenkins:8")
    ended = ProbeRun.objects.create(remote="jenkins:9", state="succeeded")
    assert claim(PROBE, owner=owner(), limit=9)[0].pk == other.pk, "no pass comes to it"
    assert [(one.contact_lost_since, ProbeRun.objects.get(pk=one.pk).contact_lost_since) for one in (row, ended)] == [
        (opened, opened),
        (None, None),
    ]
    Remote.objects.update(probe_at=Now())
    run_step(take(row.pk))
    row.refresh_from_db()
    assert row.contact_lost_since is None and not Remote.objects.get().is_open


def test_a_run_that_was_committed_while_the_remote_fell_silent_is_told_at_the_next_failure(db: None) -> None:
    first, second = (ProbeRun.objects.create(script=["away", "away"], remote="jenkins:9") for _ in range(2))
    run_step(take(first.pk))
    ProbeRun.objects.filter(pk=second.pk).update(contact_lost_since=None)
    Remote.objects.update(probe_at=Now())
    make_due(first.pk)
    run_step(take(first.pk))
    second.refresh_from_db()
    assert second.contact_lost_since == Remote.objects.get().opened_at


def test_only_the_probe_lengthens_the_pause(db: None) -> None:
    assert breakers.trip("jenkins:7", "gone", was_probe=False) is True
    assert breakers.trip("jenkins:7", "gone", was_probe=False) is False
    assert Remote.objects.get().failures == 1
    assert breakers.trip("jenkins:7", "gone", was_probe=True) is False
    assert Remote.objects.get().failures == 2


@pytest.mark.parametrize(
    ("failures", "low", "high"), [(1, 1, 1), (2, 1.5, 2), (3, 3, 4), (6, 22.5, 30), (60, 22.5, 30)]
)
def test_pauses_double_from_one_to_thirty_seconds(failures: int, low: float, high: float) -> None:
    found = [breakers.pause_seconds(failures) for _ in range(50)]
    assert low <= min(found) and max(found) <= high


def test_release_frees_exactly_the_dead_process(db: None) -> None:
    rows = [ProbeRun.objects.create() for _ in range(3)]
    for row, name in zip(rows, ["worker-1", "worker-10", "worker-1"], strict=True):
        claim(PROBE, owner=f"{name}/77-aa", limit=1, pk=row.pk)
    assert release_leases("worker-1") == 2
    assert list(ProbeRun.objects.filter(lease_until=EPOCH).order_by("pk")) == [rows[0], rows[2]]
    assert {lease.pk for lease in claim(PROBE, owner="new/1", limit=5)} == {rows[0].pk, rows[2].pk}


def test_an_idle_pass_costs_one_query(db: None, django_assert_num_queries: object) -> None:
    ProbeRun.objects.create(next_at=PARKED)
    with django_assert_num_queries(1):  # type: ignore[operator]
        claim(PROBE, owner=owner(), limit=16)


def test_a_forgotten_probe_is_sent_again(db: None) -> None:
    breakers.trip("jenkins:8", "gone", was_probe=False)
    Remote.objects.update(probe_at=Now())
    assert breakers.take_probe("jenkins:8") and not breakers.take_probe("jenkins:8")
    Remote.objects.update(probe_at=F("probe_at") - timedelta(seconds=breakers.PROBE_SECONDS + 1))
    assert breakers.take_probe("jenkins:8")
