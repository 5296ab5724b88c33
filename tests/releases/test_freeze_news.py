"""A page that is open hears that a freeze or a release window began or ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments.models import Freeze
from foundation.clock import db_now
from releases.models import Placement, ReleaseOrder
from releases.services.freeze_news import tell_pages_of_freezes
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success
from tests.releases.test_freezes import freeze

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    order = make_built(make_component(world), world.dana)
    for environment in ("uat", "prd"):
        make_success(order, world.spaces[environment], world.olli)
    Placement.objects.update(changed_at=db_now() - timedelta(days=1))
    return order


def heard() -> dict[str, datetime]:
    """The places that a pass tells of, by environment."""
    before = dict(Placement.objects.values_list("space__environment__slug", "changed_at"))
    tell_pages_of_freezes()
    after = dict(Placement.objects.values_list("space__environment__slug", "changed_at"))
    return {slug: moment for slug, moment in after.items() if moment != before[slug]}


def move(row: Freeze, **moments: timedelta) -> None:
    """Its moments, as far from now."""
    Freeze.objects.filter(pk=row.pk).update(**{name: db_now() + by for name, by in moments.items()})


@pytest.mark.parametrize("is_window", [False, True])
def test_its_beginning_and_its_end_are_told_once_where_it_is(
    world: World, order: ReleaseOrder, is_window: bool
) -> None:
    row = freeze(world, space=world.spaces["uat"], is_window=is_window)
    assert set(heard()) == {"uat"}, "it was made"
    assert not heard(), "twice tells nothing"
    Placement.objects.update(changed_at=db_now() - HOUR)
    for begins, ends in ((MINUTE, HOUR), (-HOUR, HOUR)):
        move(row, made_at=-2 * HOUR, begins_at=begins, ends_at=ends)
        assert not heard(), "nothing happened to it"
    for begins, ends in ((-MINUTE, HOUR), (-HOUR, -MINUTE)):
        Placement.objects.update(changed_at=db_now() - HOUR)
        move(row, begins_at=begins, ends_at=ends)
        assert set(heard()) == {"uat"}
        assert not heard()


def test_an_early_end_is_told_and_nothing_after_it(world: World, order: ReleaseOrder) -> None:
    row = freeze(world, only_production=True)
    move(row, made_at=-2 * HOUR, begins_at=-HOUR, ends_at=HOUR, ended_at=-MINUTE)
    assert set(heard()) == {"prd"}, "of production only"
    Placement.objects.update(changed_at=db_now() - HOUR)
    move(row, begins_at=-HOUR, ends_at=-MINUTE / 2, ended_at=-HOUR / 2)
    assert not heard()


def test_weekly_windows_have_edges_too(world: World, order: ReleaseOrder) -> None:
    opened = (db_now() - MINUTE).time().replace(second=0, microsecond=0)
    row = freeze(
        world, kind="weekly", zone="UTC", weekdays=list(range(7)), opens=opened, closes=opened, begins_at=None,
        ends_at=None, only_production=False,
    )  # fmt: skip
    move(row, made_at=-HOUR)
    assert set(heard()) == {"uat", "prd"}


def test_a_pass_without_news_asks_once(world: World, order: ReleaseOrder) -> None:
    move(freeze(world), made_at=-HOUR, begins_at=MINUTE, ends_at=HOUR)
    with CaptureQueriesContext(connection) as caught:
        tell_pages_of_freezes()
    assert len(caught) <= 2, [query["sql"] for query in caught]
