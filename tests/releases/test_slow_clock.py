"""A host whose clock is slow: what it changes is still found by readers, who go by the database's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from releases.live.changes import Changes, recent_changes
from releases.locks import lock_placement
from releases.models import Placement
from releases.placing import create_deployment
from tests.cast import World
from tests.releases import rows

pytestmark = pytest.mark.django_db(transaction=True)
SLOW_SECONDS = 20.0


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
