"""A place with release windows takes deployments only while one of them is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from environments import freezes
from environments.access import Rights
from environments.models import Freeze, Membership, Space
from environments.services.freezes import confirm_end, end_freeze
from foundation.problems import Refused
from foundation.runs.choices import RunState
from releases import gates, transitions
from releases.gate import Gate
from releases.models import ReleaseOrder
from releases.services.break_glass import open_break_glass
from releases.steps.deployment.start import refusal_of
from releases.waiting import promoted_orders
from tests.cast import World
from tests.releases.rows import make_component, make_promoted
from tests.releases.test_api import Caller
from tests.releases.test_freezes import HOUR, IN_2026, ZONES, freeze
from tests.releases.test_holds import deploy

pytestmark = pytest.mark.security("skipped-steps")


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    return make_promoted(make_component(world), world)


def window(world: World, *, hours: float = 2, **more: Any) -> Freeze:
    """It opens so many hours from now, for an hour."""
    begins = timezone.now() + timedelta(hours=hours)
    values = {"name": "Friday night", "is_window": True, "begins_at": begins, "ends_at": begins + HOUR}
    return freeze(world, **values | more)


def gate_of(order: ReleaseOrder, space: Space) -> Gate:
    found = gates.deployment_gates(order, space, snapshot=None, deployer=None)
    return next(gate for gate in found if gate.code == "window")


def test_click_api_and_step_wait_for_it(world: World, order: ReleaseOrder) -> None:
    waiting = deploy(world, order)
    row = window(world)
    said = str(refusal_of(waiting))
    assert said.startswith("Outside of the release window “Friday night”: the next one opens")
    transitions.end_run(waiting, RunState.CANCELLED, actor=None)
    with pytest.raises(Refused) as refusal:
        deploy(world, make_other(world, order))
    assert refusal.value.code == "gate-window" and str(refusal.value.who_can_help) == "Petra"
    assert promoted_orders(Rights(world.olli)).to_deploy == []
    Freeze.objects.filter(pk=row.pk).update(begins_at=timezone.now() - HOUR)
    assert gate_of(order, world.spaces["uat"]).is_open, "it has opened"


def make_other(world: World, order: ReleaseOrder) -> ReleaseOrder:
    return make_promoted(make_component(world, "SIS-OMM-MOP"), world)


def test_one_open_window_is_enough_and_a_freeze_in_it_shuts(world: World, order: ReleaseOrder) -> None:
    space = world.spaces["uat"]
    assert gate_of(order, space).is_open, "a place without windows is always open"
    window(world)
    assert not gate_of(order, space).is_open
    assert gate_of(order, world.spaces["prd"]).is_open is False, "of the whole project"
    window(world, hours=-0.5, space=space)
    assert gate_of(order, space).is_open and not gate_of(order, world.spaces["prd"]).is_open
    freeze(world)
    found = gates.deployment_gates(order, space, snapshot=None, deployer=None)
    assert [gate.code for gate in found if gate.code in ("freeze", "window") and not gate.is_open] == ["freeze"]


def test_break_glass_opens_it(world: World, order: ReleaseOrder) -> None:
    Membership.objects.create(user=world.olli, role="break_glass", project=world.project, granted_by=world.petra)
    window(world)
    row = open_break_glass(
        actor=world.olli, order=order, space=world.spaces["uat"], reason="trading stands still", minutes=60
    )
    deployment = deploy(world, order)
    assert deployment.break_glass == row and refusal_of(deployment) == ""


def test_over_production_its_end_takes_two(world: World, order: ReleaseOrder) -> None:
    row = window(world)
    assert end_freeze(actor=world.petra, row=row, reason="not needed").ended_at is None
    assert confirm_end(actor=world.ada, row=row).ended_at is not None
    assert gate_of(order, world.spaces["prd"]).is_open


def test_the_api_says_which_it_is(world: World, order: ReleaseOrder) -> None:
    body = {
        "project": "sis-omm", "environment": "uat", "name": "Fridays", "reason": "agreed with the exchange",
        "is_window": True, "kind": "weekly", "weekdays": [4], "opens": "18:00", "closes": "22:00",
        "zone": "Asia/Shanghai",
    }  # fmt: skip
    row = Caller(world, "petra").post("freezes/", body).json()
    assert row["is_window"] is True and row["environment"] == "uat" and len(row["windows"]) == 8


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sets(st.integers(0, 6), min_size=1), st.times(), st.times(), st.sampled_from(ZONES)), max_size=3
    ),
    st.lists(st.datetimes(*IN_2026, timezones=st.just(UTC)), min_size=1, max_size=8),
)  # fmt: skip
def test_nothing_starts_outside_of_all_of_them(
    world: World, order: ReleaseOrder, drawn: list[Any], moments: list[datetime]
) -> None:
    space = world.spaces["uat"]
    with transaction.atomic():
        for days, opens, closes, zone in drawn:
            freeze(world, is_window=True, kind="weekly", weekdays=sorted(days), opens=opens, closes=closes, zone=zone)
        rows = freezes.read().found
        for moment in moments:
            order.__dict__["_freezes"] = freezes.Freezes(rows, moment)
            is_inside = not rows or any(row.window.covering(moment) for row in rows)
            assert gate_of(order, space).is_open == is_inside
        order.__dict__.pop("_freezes")
        transaction.set_rollback(True)
