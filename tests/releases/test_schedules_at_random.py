"""No scheduled deployment begins inside a freeze, outside a window, under a hold or late, in any time zone.

Fifteen schedules, 500 with ``FULL=1``. What may begin is computed here a second time, from wall clocks alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from environments.models import Freeze
from foundation.runs.choices import RunState
from releases.models import Deployment, Hold, ReleaseOrder, Schedule
from releases.services.schedules import schedule
from tests.cast import World
from tests.releases.rows import make_component, make_promoted, make_review
from tests.releases.test_break_glass import break_it, hold
from tests.releases.test_contact_deadline import run_once

EXAMPLES = 500 if os.environ.get("FULL") else 15
ZONES = [
    "UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati",
    "Pacific/Pago_Pago", "Australia/Lord_Howe",
]  # fmt: skip
MINUTES = st.sampled_from([-1430, -600, -61, -3, 3, 61, 600, 1430])
"""From now; never so near that the test's own seconds matter."""


@dataclass(frozen=True)
class Times:
    """A freeze or a release window: each day named, from one wall clock to another."""

    is_window: bool
    zone: str
    opens: int
    closes: int
    days: frozenset[int]

    def make(self, world: World, now: datetime) -> None:
        opens, closes = self.clocks(now)
        Freeze.objects.create(
            project=world.project, name="t", reason="t", kind="weekly", zone=self.zone, opens=opens, closes=closes,
            weekdays=sorted(self.weekdays(now)), is_window=self.is_window, only_production=False, made_by=world.petra,
        )  # fmt: skip

    def clocks(self, now: datetime) -> tuple[time, time]:
        here = now.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None, second=0, microsecond=0)
        return (here + timedelta(minutes=self.opens)).time(), (here + timedelta(minutes=self.closes)).time()

    def weekdays(self, now: datetime) -> set[int]:
        today = now.astimezone(ZoneInfo(self.zone)).weekday()
        return {(today + day) % 7 for day in self.days}

    def covers(self, now: datetime) -> bool:
        """By the clock on the wall: today's own hours, or what began yesterday and goes past midnight."""
        here = now.astimezone(ZoneInfo(self.zone))
        (opens, closes), clock, days = self.clocks(now), here.time().replace(tzinfo=None), self.weekdays(now)
        today, yesterday = here.weekday() in days, (here.weekday() - 1) % 7 in days
        if opens < closes:
            return today and opens <= clock < closes
        return (today and clock >= opens) or (yesterday and clock < closes)


TIMES = st.builds(
    Times, st.booleans(), st.sampled_from(ZONES), MINUTES, MINUTES, st.frozensets(st.integers(-1, 1), min_size=1)
)
ALWAYS = frozenset({-1, 0, 1})


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    found = make_promoted(make_component(world), world)
    make_review(found, world.spaces["uat"])
    hold(world, "olli")
    return found


@pytest.mark.slow
@pytest.mark.security("skipped-steps")
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == 15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@example(times=[], holds=[], late=1.0, has_glass=False)
@example(times=[Times(False, "Asia/Shanghai", -3, 3, ALWAYS)], holds=[], late=0.0, has_glass=False)
@example(times=[Times(False, "Asia/Shanghai", -3, 3, ALWAYS)], holds=[61], late=0.0, has_glass=True)
@example(times=[Times(True, "America/New_York", 3, 61, ALWAYS)], holds=[], late=0.0, has_glass=False)
@given(
    times=st.lists(TIMES, max_size=4),
    holds=st.lists(MINUTES, max_size=2),
    late=st.sampled_from([-3600.0, -30.0, 0.0, 2.0, 7.0, 86400.0]),
    has_glass=st.booleans(),
)
def test_nothing_begins_when_it_may_not(
    world: World, order: ReleaseOrder, times: list[Times], holds: list[int], late: float, has_glass: bool
) -> None:
    with transaction.atomic():
        row, now = _scheduled(world, order, late), timezone.now()
        for one in times:
            one.make(world, now)
        for holder, minutes in zip((world.tess, world.petra), holds, strict=False):
            at = {"held_at": now - timedelta(days=2), "ends_at": now + timedelta(minutes=minutes)}
            Hold.objects.create(space=row.space, reason="t", held_by=holder, **at)
        if has_glass:
            break_it(world, order, "uat")
        run_once("schedule", row.pk)
        row.refresh_from_db()
        windows = [one for one in times if one.is_window]
        is_shut = (
            any(one.covers(now) for one in times if not one.is_window)
            or (bool(windows) and not any(one.covers(now) for one in windows))
            or any(minutes > 0 for minutes in holds)
        )
        may_begin = 0 <= late <= 5 and (has_glass or not is_shut)
        began = Deployment.objects.filter(order=order, space=row.space).first()
        assert (began is not None) == may_begin, (row.state, str(row.message))
        expected = RunState.QUEUED if late < 0 else RunState.SUCCEEDED if may_begin else RunState.FAILED
        assert row.state == expected and bool(row.message) == (expected == RunState.FAILED)
        if began is not None:
            assert began == row.deployment and began.created_at - row.due_at < timedelta(seconds=8)
            assert (began.break_glass_id is not None) == is_shut
        transaction.set_rollback(True)


def _scheduled(world: World, order: ReleaseOrder, late: float) -> Schedule:
    """One whose time is so many seconds ago, reviewed once more already."""
    space = world.spaces["uat"]
    review = make_review(order, space)
    assert review.snapshot is not None
    due = timezone.now() + timedelta(days=1)
    row = schedule(actor=world.olli, order=order, space=space, due_at=due, snapshot_hash=review.snapshot.hash)
    at = timezone.now() - timedelta(seconds=late)
    Schedule.objects.filter(pk=row.pk).update(due_at=at, phase="reviewing")
    row.refresh_from_db()
    return row
