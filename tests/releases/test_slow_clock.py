"""A host whose clock is slow: what it changes is still found by readers, who go by the database's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from components import live_reads
from components.models import BranchTip
from deployer.interfaces import BranchTip as ReadTip
from deployer.interfaces import QuotaLine
from desk.selectors.health import health
from environments import node_observation
from environments.access import Rights
from environments.choices import Role
from environments.explaining import Matter, explain_right
from environments.models import Membership, NodeObservation
from environments.node_observation import nodes_of
from environments.services.spaces import is_quota_fresh, record_quota
from foundation import breakers
from foundation.clock import db_now
from foundation.models import Remote
from foundation.runs.heartbeat import BEAT_SECONDS
from foundation.runs.models import Heartbeat
from releases import gates, selectors
from releases.live.changes import Changes, recent_changes
from releases.locks import lock_placement
from releases.models import Placement
from releases.placing import create_deployment
from releases.services.approvals import approve
from tests.cast import World
from tests.releases import rows

pytestmark = pytest.mark.django_db(transaction=True)
SLOW_SECONDS = 20.0
MOMENT = timedelta(seconds=5)
"""Less than the host is slow, and more than a test takes."""


@pytest.fixture(autouse=True)
def long_ago(world: World, transactional_db: None) -> None:
    """Nothing has changed lately."""
    before = timezone.now() - timedelta(hours=1)
    for space in world.spaces.values():
        type(space).objects.filter(pk=space.pk).update(changed_at=before)


@contextmanager
def slow_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's idea of now is too early, the database's is not."""
    now = timezone.now
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now() - timedelta(seconds=SLOW_SECONDS))
        yield


def changes() -> Changes:
    async def read() -> Changes:
        return await recent_changes(5.0)

    return asyncio.run(read())


def test_a_space_that_a_slow_host_saves_is_seen_to_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    space = world.spaces["fat"]
    assert changes().spaces == []
    with slow_host(monkeypatch):
        space.save()
    assert [pk for pk, _moment in changes().spaces] == [space.pk]
    stored = type(space).objects.get(pk=space.pk).changed_at
    assert stored == space.changed_at, "a form carries it as the row's version"


def test_a_place_that_a_slow_host_takes_is_seen_to_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order, space = rows.make_built(rows.make_component(world), world.dana), world.spaces["fat"]
    rows.make_success(order, space, world.olli)
    Placement.objects.update(changed_at=timezone.now() - timedelta(hours=1))
    assert changes().places == []
    with slow_host(monkeypatch), transaction.atomic():
        place = lock_placement(order, space)
        create_deployment(order, space, place, actor=world.olli)
    assert [row[0] for row in changes().places] == [space.pk]


def test_a_role_that_ended_counts_on_no_host(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    newcomer = User.objects.create_user("nina", "x", name="Nina")
    held = {"user": newcomer, "role": Role.OPERATIONS, "project": world.project}
    Membership.objects.create(**held, ends_at=db_now() - MOMENT)
    with slow_host(monkeypatch):
        rights = Rights(newcomer)
        assert not rights.can("deploy", space=world.spaces["fat"])
        assert explain_right(Matter(rights, "deploy", world.project, world.spaces["fat"])).code == "ended"


def test_an_approval_holds_for_its_hours_whichever_host_took_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    space = world.spaces["prd"]
    space.approval_hours = 1
    space.save(update_fields=["approval_hours"])
    order = rows.make_built(rows.make_component(world), world.dana)
    review = rows.make_review(order, space)
    assert review.snapshot is not None
    with slow_host(monkeypatch):
        given = approve(actor=world.petra, snapshot=review.snapshot)
        given.refresh_from_db()
        assert given.expires_at is not None
        assert abs(given.expires_at - given.created_at - timedelta(hours=1)) < MOMENT
        assert abs(given.created_at - db_now()) < MOMENT
        over = db_now() - MOMENT
        type(given).objects.update(expires_at=over, created_at=over - timedelta(hours=1))
        given.refresh_from_db()
        assert selectors.approvals_in_force(review.snapshot) == []
        assert not gates.counts_today(given, space, Rights(world.petra))


def test_a_review_ages_by_the_clock_that_dated_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order = rows.make_built(rows.make_component(world), world.dana)
    review = rows.make_review(order, world.spaces["fat"])
    review.seen_at = db_now() - timedelta(seconds=selectors.REVIEW_FRESH_SECONDS) - MOMENT
    with slow_host(monkeypatch):
        assert not selectors.is_fresh(review)


def test_what_was_observed_ages_by_the_clock_that_dated_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    space = world.spaces["fat"]
    late = db_now() - timedelta(seconds=node_observation.USEFUL_SECONDS) - MOMENT
    NodeObservation.objects.filter(cluster=world.cluster).update(nodes=[], seen_at=late)
    record_quota(space, [QuotaLine("q", "pods", 2, 1)], at=db_now() - timedelta(seconds=30) - MOMENT)
    with slow_host(monkeypatch):
        assert nodes_of(world.cluster.pk).nodes is None
        assert not is_quota_fresh(space, 30)
        record_quota(space, [QuotaLine("q", "pods", 2, 2)])
    assert is_quota_fresh(space, 10)


def test_a_process_that_stopped_beating_lives_on_no_host(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    Heartbeat.objects.create(
        role="watcher", process="watcher-1@far:1", at=db_now() - timedelta(seconds=3 * BEAT_SECONDS) - MOMENT
    )
    with slow_host(monkeypatch):
        assert not [process for process in health().processes if process.is_alive]


def test_the_first_answer_of_a_remote_is_dated_by_the_database(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with slow_host(monkeypatch):
        breakers.note_answer("git:77")
        breakers.confirm("git:78", was_probe=False)
    for remote in Remote.objects.filter(name__in=["git:77", "git:78"]):
        assert remote.last_ok_at is not None and abs(remote.last_ok_at - db_now()) < MOMENT


def test_a_branch_that_is_gone_goes_from_the_answer_that_is_kept(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://git.example/a.git"
    live_reads._store(url, (ReadTip("gone", "a" * 40), ReadTip("stays", "b" * 40)))
    with slow_host(monkeypatch):
        live_reads._store(url, (ReadTip("stays", "c" * 40),))
    assert list(BranchTip.objects.filter(git_url=url).values_list("branch", "commit")) == [("stays", "c" * 40)]
