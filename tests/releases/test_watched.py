"""A subscription to an order's page writes that its build is watched, and makes it due."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.test import Client
from django.utils import timezone

from accounts.models import User
from foundation.clock import PARKED
from releases.live.watched import note_watched
from releases.models import Build
from tests.cast import World
from tests.releases.rows import build, make_component, make_order
from tests.releases.test_live import Browser, live_with

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def row(world: World, transactional_db: None) -> Build:
    found = build(make_order(make_component(world), world.dana))
    Build.objects.filter(pk=found.pk).update(phase="building", next_at=PARKED)
    return found


def note(row: Build) -> Build:
    async_to_sync(note_watched)([row.order_id])
    row.refresh_from_db()
    return row


def test_who_watches_makes_the_build_due_once(row: Build) -> None:
    note(row)
    assert row.watched_until is not None and row.watched_until > timezone.now()
    assert (row.wakes, row.next_at <= timezone.now()) == (1, True)
    until = row.watched_until
    Build.objects.filter(pk=row.pk).update(next_at=PARKED)
    note(row)
    assert (row.wakes, row.next_at, row.watched_until) == (1, PARKED, until), "nothing is written while it is young"


def test_it_is_written_anew_while_somebody_stays(row: Build) -> None:
    note(row)
    Build.objects.filter(pk=row.pk).update(watched_until=timezone.now() + timedelta(seconds=20))
    assert note(row).watched_until > timezone.now() + timedelta(seconds=40)
    assert row.wakes == 1, "it was watched all the time"
    Build.objects.filter(pk=row.pk).update(watched_until=timezone.now() - timedelta(seconds=1))
    assert note(row).wakes == 2


def test_a_build_that_has_ended_is_not_written(row: Build) -> None:
    Build.objects.filter(pk=row.pk).update(state="failed")
    assert note(row).watched_until is None


async def until_watched() -> None:
    async with asyncio.timeout(30):
        while not await sync_to_async(Build.objects.filter(watched_until__gt=timezone.now()).exists)():
            await asyncio.sleep(0.05)


def test_a_page_that_is_open_writes_it(row: Build, world: World) -> None:
    """At the subscription, and for a build that begins while the page is open."""

    async def play(browser: Browser) -> None:
        await browser.say(type="subscribe", topic=f"order:{row.order.number}", after=0)
        await until_watched()
        await sync_to_async(Build.objects.update)(watched_until=None)
        await until_watched()

    live_with(world.dana, play)


def ask(client: Client, who: str, path: str) -> int:
    client.force_login(User.objects.get(username=who))
    return client.get(f"/api/v1/orders/{path}").status_code


@pytest.mark.parametrize("part", ["", "lines/"])
def test_a_program_that_reads_its_log_writes_it(row: Build, client: Client, part: str) -> None:
    assert ask(client, "dana", f"{row.order.number}/builds/{row.attempt}/log/{part}") == 200
    row.refresh_from_db()
    assert row.watched_until is not None and row.wakes == 1


@pytest.mark.parametrize(("who", "state", "status"), [("otto", "running", 404), ("dana", "failed", 200)])
def test_a_hidden_or_ended_build_s_log_writes_nothing(
    row: Build, client: Client, who: str, state: str, status: int
) -> None:
    Build.objects.filter(pk=row.pk).update(state=state)
    assert ask(client, who, f"{row.order.number}/builds/{row.attempt}/log/") == status
    row.refresh_from_db()
    assert row.watched_until is None


def test_who_may_not_see_it_writes_nothing(row: Build, world: World) -> None:
    async def play(browser: Browser) -> None:
        await browser.say(type="subscribe", topic=f"order:{row.order.number}", after=0)
        assert (await browser.hear())["type"] == "refused"

    live_with(world.otto, play)
    row.refresh_from_db()
    assert row.watched_until is None
