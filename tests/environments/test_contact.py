"""A cluster that falls silent is known to be lost within seconds, since its last answer, and so is its return."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from deployer.adapters.kubernetes import disconnect
from environments.models import ClusterContact, SpaceSync
from environments.services.clusters import archive_cluster, restore_cluster
from foundation import breakers
from foundation.clock import PARKED
from foundation.models import Remote
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import owner, run_step
from tests.cast import World
from tests.contract.cluster_stand_in import TOKEN, stand_in_process
from tests.environments.cluster import lead_to, take
from tests.patience import at_most


@pytest.fixture
def server(world: World, tmp_path: Path) -> Iterator[Any]:
    with stand_in_process(tmp_path) as (process, target):
        lead_to(world.cluster, target.url, TOKEN)
        yield process
        process.send_signal(signal.SIGCONT)
    disconnect(world.cluster.remote_key)


def ask(world: World) -> ClusterContact:
    row = world.cluster.contact
    run_step(take("cluster-contact", row.pk))
    return ClusterContact.objects.get(pk=row.pk)


def remote(world: World) -> Remote:
    return Remote.objects.get(name=world.cluster.remote_key)


def waiting_run(world: World) -> SpaceSync:
    return SpaceSync.objects.create(
        space=world.spaces["fat"], remote=world.cluster.remote_key, next_at=timezone.now() + timedelta(hours=1)
    )


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL])
def test_a_silent_cluster_is_lost_within_five_seconds_and_since_its_last_answer(
    world: World, server: Any, fault: signal.Signals
) -> None:
    run = waiting_run(world)
    assert ask(world).phase == "heard"
    answered = remote(world).last_ok_at
    assert answered and not remote(world).is_open
    os.kill(server.pid, fault)
    began = time.monotonic()
    assert ask(world).phase == "lost"
    assert time.monotonic() - began < at_most(3.0), "with the pause of 2 s before it this is less than 5 s"
    assert remote(world).opened_at == answered, "since the last answer, not since somebody noticed"
    run.refresh_from_db()
    assert run.contact_lost_since == answered


def test_a_cluster_that_comes_back_is_known_at_the_next_question(world: World, server: Any) -> None:
    run = waiting_run(world)
    ask(world)
    os.kill(server.pid, signal.SIGSTOP)
    ask(world)
    os.kill(server.pid, signal.SIGCONT)
    assert ask(world).phase == "heard"
    assert not remote(world).is_open
    run.refresh_from_db()
    assert run.contact_lost_since is None and run.next_at <= timezone.now(), "who waited for it goes on at once"


def test_a_cluster_that_asks_for_time_is_left_alone_for_as_long(world: World, server: Any) -> None:
    ask(world)
    key = world.cluster.remote_key
    breakers.trip(key, "429 of a list", was_probe=False, retry_after_seconds=60)
    ask(world)
    assert remote(world).is_open, "it was never silent here"


def test_the_question_is_asked_behind_an_open_breaker_and_by_one_process_at_a_time(world: World, server: Any) -> None:
    breakers.trip(world.cluster.remote_key, "gone", was_probe=False)
    kind = kinds.get("cluster-contact")
    first = claim(kind, owner=owner(), limit=9)
    assert [lease.pk for lease in first] == [world.cluster.contact.pk]
    assert claim(kind, owner="another", limit=9) == []


def test_a_wrong_token_is_an_answer(world: World, server: Any) -> None:
    lead_to(world.cluster, world.cluster.url, "wrong")
    assert ask(world).phase == "heard"


def test_a_name_that_leads_nowhere_is_a_silence(world: World, server: Any) -> None:
    lead_to(world.cluster, "https://cluster.invalid:6443", TOKEN)
    assert ask(world).phase == "lost"
    assert remote(world).is_open


def test_a_cluster_in_the_archive_is_not_asked(world: World, server: Any) -> None:
    other = type(world.cluster).objects.create(slug="old", name="Old", url="http://127.0.0.1:1")
    archive_cluster(actor=world.ada, cluster=other)
    run_step(take("cluster-contact", other.contact.pk))
    assert ClusterContact.objects.get(cluster=other).next_at == PARKED
    restore_cluster(actor=world.ada, cluster=other)
    assert ClusterContact.objects.get(cluster=other).next_at < PARKED


def test_what_was_heard_long_ago_is_no_answer_of_today(world: World) -> None:
    key = world.cluster.remote_key
    Remote.objects.create(name=key, last_ok_at=timezone.now() - timedelta(hours=1))
    breakers.trip(key, "gone", was_probe=False)
    assert timezone.now() - remote(world).opened_at < timedelta(minutes=1)  # type: ignore[operator]
