"""Logs that grow and pods that change: watchers are told at once, and no row is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from foundation.runs.choices import RunState
from releases.live import broadcast
from releases.live.broadcast import Broadcaster, Subscriber
from releases.live.topics import Topic
from releases.logs.storage import append_log
from releases.models import Build, OrderEvent, Placement, ReleaseOrder
from tests.cast import World
from tests.patience import soon_true
from tests.releases import rows
from tests.releases.test_live_topics import Page, hinted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def rights_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """These subscribers belong to nobody."""
    monkeypatch.setattr(broadcast, "RIGHTS_SECONDS", 600.0)


@pytest.fixture
def building(world: World, transactional_db: None) -> Build:
    return rows.build(rows.make_order(rows.make_component(world), world.dana))


@pytest.fixture
def serving(world: World, transactional_db: None) -> Placement:
    order = rows.make_built(rows.make_component(world), world.dana)
    rows.make_success(order, world.spaces["fat"], world.olli)
    return Placement.objects.select_related("last_succeeded").get()


def order_of(pk: int) -> ReleaseOrder:
    return ReleaseOrder.objects.select_related("feed").get(pk=pk)


def signals(page: Page) -> list[str]:
    return [kind for message in page.said if message["type"] == "signal" for kind in message["kinds"]]


async def watch(caster: Broadcaster, order: ReleaseOrder, age: float | None = None) -> Page:
    page = Page()
    topic = Topic("order", order.number)
    last = order.last_seq
    await caster.subscribe(Subscriber(page.send, 0, "", topic, order.project_id, order.pk, last, age))
    return page


def grow(build: Build) -> None:
    with transaction.atomic():
        Build.objects.filter(pk=build.pk).update(**append_log(build, "one more line\n"))
    build.refresh_from_db()


def restart(place: Placement) -> None:
    Placement.objects.filter(pk=place.pk).update(pods=[{"restarts": 1}], changed_at=Now())


def played(order_id: int, act: Callable[[], None], kind: str) -> None:
    order, before = order_of(order_id), OrderEvent.objects.count()

    async def play(caster: Broadcaster) -> None:
        page = await watch(caster, order)
        lists = Page()
        topic = Topic("project", str(order.project_id))
        await caster.subscribe(Subscriber(lists.send, 0, "", topic, order.project_id))
        # What is there at the first read is told once; then nothing moves.
        await soon_true(lambda: caster.behind() < 0.1 and caster._seen, "the first read")
        await asyncio.sleep(0.3)  # time enough for a second telling of what was there
        page.said.clear()
        lists.said.clear()
        await sync_to_async(act)()
        await soon_true(lambda: signals(page), "the signal")
        assert signals(page) == [kind] and page.numbers() == []
        assert bool(lists.said) is (kind == "pods"), "a log that grows changes no list"

    hinted(play)
    assert OrderEvent.objects.count() == before


def test_a_log_that_grows_is_a_signal_and_no_row(building: Build) -> None:
    played(building.order_id, lambda: grow(building), "log")


def test_a_pod_that_restarts_is_a_signal_and_no_row(serving: Placement) -> None:
    assert serving.last_succeeded is not None
    played(serving.last_succeeded.order_id, lambda: restart(serving), "pods")


@pytest.mark.parametrize(("seconds", "kinds"), [(60, ["log"]), (7200, ["log", "pods"])])
def test_a_page_that_was_away_looks_again(serving: Placement, seconds: float, kinds: list[str]) -> None:
    assert serving.last_succeeded is not None
    order = order_of(serving.last_succeeded.order_id)
    Placement.objects.update(changed_at=timezone.now() - timedelta(hours=1))

    async def play(caster: Broadcaster) -> None:
        page = await watch(caster, order, age=seconds)
        await soon_true(lambda: signals(page), "the answer")
        assert signals(page) == kinds

    hinted(play)


def test_the_last_piece_of_a_log_comes_with_the_end_of_its_build(building: Build) -> None:
    Build.objects.filter(pk=building.pk).update(state=RunState.SUCCEEDED)
    order = order_of(building.order_id)

    async def play(caster: Broadcaster) -> None:
        page = await watch(caster, order)
        await soon_true(lambda: caster.behind() < 0.1 and caster._seen, "the first read")
        await sync_to_async(grow)(building)
        await asyncio.sleep(0.5)  # time enough for a signal that must not come
        assert signals(page) == [], "only builds under way are looked at"

    hinted(play)
