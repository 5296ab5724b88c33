"""While a freeze is in force nothing is deployed there; only a second person ends one over production early."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import AuditEvent
from environments import freezes
from environments.access import Rights
from environments.models import Freeze, Membership, Space
from environments.services.freezes import confirm_end, end_freeze, make_freeze, upload_calendar
from foundation.problems import Denied, Invalid, Missing, Refused
from foundation.runs.choices import RunState
from releases import gates, transitions
from releases.gate import Gate
from releases.models import Deployment, Placement, ReleaseOrder
from releases.services import deployments
from releases.services.break_glass import open_break_glass
from releases.steps.deployment.start import refusal_of
from releases.waiting import promoted_orders
from releases.when_gates import waiting_under
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_promoted, make_review, make_success
from tests.releases.test_api import Caller
from tests.releases.test_holds import create, deploy

pytestmark = pytest.mark.security("skipped-steps")
HOUR = timedelta(hours=1)
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Shanghai"]
IN_2026 = (datetime(2026, 1, 1), datetime(2026, 12, 31))


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    return make_promoted(make_component(world), world)


def freeze(world: World, *, by: str = "petra", **more: Any) -> Freeze:
    """Of the project, in force for two hours."""
    now = timezone.now()
    values: dict[str, Any] = {
        "name": "Month end", "reason": "accounts are closed", "kind": "once", "begins_at": now - HOUR,
        "ends_at": now + HOUR, "project": world.project, "only_production": False,
    }  # fmt: skip
    return make_freeze(actor=world.people[by], **values | more)


def gate_of(order: ReleaseOrder, space: Space) -> Gate:
    found = gates.deployment_gates(order, space, snapshot=None, deployer=None)
    return next(gate for gate in found if gate.code == "freeze")


# ---------------------------------------------------------------- who may, and what is asked
def test_a_project_is_frozen_by_its_administrators_and_the_site_by_the_platforms(world: World) -> None:
    for username in ("dana", "tess", "olli", "ada", "uma"):
        with pytest.raises(Denied):
            freeze(world, by=username)
    with pytest.raises(Missing):
        freeze(world, by="otto")
    with pytest.raises(Denied):
        freeze(world, project=None)
    assert freeze(world, by="ada", project=None).whose is None
    assert freeze(world, space=world.spaces["prd"]).whose == world.project
    event = AuditEvent.objects.filter(verb="freeze.created").latest("pk")
    assert (event.actor_name, event.project, event.environment) == ("Petra", "sis-omm", "prd")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"reason": ""}, "reason"),
        ({"kind": "never"}, "kind"),
        ({"begins_at": None}, "begins_at"),
        ({"ends_at": datetime(2020, 1, 1, tzinfo=UTC)}, "ends_at"),
        ({"kind": "weekly", "opens": time(9), "closes": time(10)}, "weekdays"),
        ({"kind": "weekly", "weekdays": [1]}, "opens"),
        ({"kind": "weekly", "weekdays": [1], "opens": time(9), "closes": time(10), "zone": "Mars/Olympus"}, "zone"),
        ({"kind": "dates", "opens": time(9), "closes": time(10)}, "calendar"),
    ],
)
def test_what_does_not_fit_is_said_by_its_field(world: World, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        freeze(world, **values)
    assert field in refusal.value.fields and not Freeze.objects.exists()


def test_the_database_keeps_what_cannot_be(world: World) -> None:
    row = freeze(world)
    for values in ({"ends_at": row.begins_at}, {"space": world.spaces["prd"]}, {"kind": "weekly"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Freeze.objects.filter(pk=row.pk).update(**values)


# ---------------------------------------------------------------- what it stops
def test_click_api_and_step_say_the_same(world: World, order: ReleaseOrder) -> None:
    waiting = deploy(world, order)
    row = freeze(world)
    said = str(refusal_of(waiting))
    assert said.startswith("Frozen by “Month end” until") and said.endswith("accounts are closed")
    transitions.end_run(waiting, RunState.CANCELLED, actor=None)
    with pytest.raises(Refused) as refusal:
        deploy(world, order)
    assert (refusal.value.code, str(refusal.value.message)) == ("gate-freeze", said)
    assert str(refusal.value.who_can_help) == "Petra"
    snapshot = make_review(order, world.spaces["uat"]).snapshot
    assert snapshot
    body = {"environment": "uat", "snapshot": snapshot.hash}
    answer = Caller(world, "olli").post(f"orders/{order.number}/deployments/", body)
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (409, "gate-freeze", said)
    assert promoted_orders(Rights(world.olli)).to_deploy == []
    Freeze.objects.filter(pk=row.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert deploy(world, order).pk, "its end counts at once"


def test_where_it_is_in_force(world: World, order: ReleaseOrder) -> None:
    def closed() -> set[str]:
        return {slug for slug, space in world.spaces.items() if not gate_of(order, space).is_open}

    for values, expected in (
        ({}, {"fat", "uat", "prd", "drp"}),
        ({"only_production": True}, {"prd", "drp"}),
        ({"space": world.spaces["uat"], "only_production": True}, {"uat"}),
        ({"by": "ada", "project": None, "only_production": True}, {"prd", "drp"}),
        ({"begins_at": timezone.now() + HOUR, "ends_at": timezone.now() + 2 * HOUR}, set()),
    ):
        row = freeze(world, **values)  # type: ignore[arg-type]
        assert closed() == expected, values
        Freeze.objects.filter(pk=row.pk).delete()
    assert closed() == set()


def test_the_last_success_restart_scale_and_an_automatic_way_back_pass(world: World, order: ReleaseOrder) -> None:
    space = world.spaces["uat"]
    oldest = make_success(make_built(order.component, world.dana), space, world.olli)
    make_success(make_built(order.component, world.dana), space, world.olli)
    second = make_success(order, space, world.olli)
    place = Placement.objects.select_related("space__environment", "space__project").get(space=space)
    freeze(world)
    older = gates.roll_back_gates(oldest.order, space, snapshot=oldest.snapshot, deployer=world.olli)  # type: ignore[arg-type]
    assert not next(gate for gate in older if gate.code == "freeze").is_open
    removal = gates.removal_gates(order, space, snapshot=None, deployer=None)
    assert not next(gate for gate in removal if gate.code == "freeze").is_open
    for act in (
        lambda: deployments.roll_back(actor=world.olli, space=space, to=second),
        lambda: create(order, space, second, is_automatic=True),
        lambda: deployments.restart(actor=world.olli, space=space, placement=place),
        lambda: deployments.scale(actor=world.olli, space=space, placement=place, replicas=3),
    ):
        row = act()
        assert refusal_of(row) == ""
        transitions.end_run(row, RunState.SUCCEEDED, actor=None)


def test_break_glass_opens_it_for_one_order(world: World, order: ReleaseOrder) -> None:
    Membership.objects.create(user=world.olli, role="break_glass", project=world.project, granted_by=world.petra)
    freeze(world)
    row = open_break_glass(
        actor=world.olli, order=order, space=world.spaces["uat"], reason="trading stands still", minutes=60
    )
    deployment = deploy(world, order)
    assert deployment.break_glass == row and refusal_of(deployment) == ""
    assert not gate_of(make_built(order.component, world.dana), world.spaces["uat"]).is_open


def test_trading_hours_go_by_an_uploaded_calendar(world: World, order: ReleaseOrder) -> None:
    calendar = upload_calendar(actor=world.ada, name="SSE 2026", text="2026-12-02\n2026-12-03\n")
    row = freeze(
        world, by="ada", project=None, only_production=True, kind="dates", calendar=calendar, zone="Asia/Shanghai",
        opens=time(9), closes=time(15, 30),
    )  # fmt: skip
    found = freezes.Freezes([row], datetime(2026, 12, 2, 3, tzinfo=UTC))
    assert [one.span.ends_at for one in found.over(world.spaces["prd"])] == [datetime(2026, 12, 2, 7, 30, tzinfo=UTC)]
    assert found.over(world.spaces["uat"]) == []
    assert found.over(world.spaces["prd"], datetime(2026, 12, 4, 3, tzinfo=UTC)) == []
    with pytest.raises(Denied):
        upload_calendar(actor=world.petra, name="x", text="2026-12-02")


def test_before_it_is_saved_one_sees_what_waits_there(world: World, order: ReleaseOrder) -> None:
    assert [one.order for one in waiting_under(freeze(world))] == [order]
    assert waiting_under(freeze(world, only_production=True)) == []
    assert [one.order for one in waiting_under(freeze(world, space=world.spaces["uat"]))] == [order]


# ---------------------------------------------------------------- its end
def test_outside_of_production_one_person_ends_it(world: World, order: ReleaseOrder) -> None:
    row = freeze(world, space=world.spaces["uat"])
    with pytest.raises(Invalid):
        end_freeze(actor=world.petra, row=row, reason=" ")
    with pytest.raises(Denied):
        end_freeze(actor=world.olli, row=row, reason="now")
    assert end_freeze(actor=world.petra, row=row, reason="done earlier").ended_by == world.petra
    assert gate_of(order, world.spaces["uat"]).is_open
    with pytest.raises(Refused, match="over already"):
        end_freeze(actor=world.petra, row=row, reason="again")


def test_over_production_it_takes_two(world: World, order: ReleaseOrder) -> None:
    row = freeze(world)
    asked = end_freeze(actor=world.petra, row=row, reason="done earlier")
    assert asked.ended_at is None and not gate_of(order, world.spaces["prd"]).is_open
    with pytest.raises(Refused, match="waits for a second person"):
        end_freeze(actor=world.petra, row=row, reason="again")
    for username in ("petra", "olli", "dana"):
        with pytest.raises(Denied):
            confirm_end(actor=world.people[username], row=row)
    assert freezes.who_confirms(asked) == "Ada"
    assert confirm_end(actor=world.ada, row=row).ended_by == world.ada
    assert gate_of(order, world.spaces["prd"]).is_open
    assert [event.verb for event in AuditEvent.objects.filter(object_type="freeze").order_by("pk")] == [
        "freeze.created", "freeze.end_asked", "freeze.ended"
    ]  # fmt: skip


def test_what_nobody_confirms_within_a_day_is_asked_no_more(world: World) -> None:
    row = freeze(world, ends_at=timezone.now() + timedelta(days=3))
    end_freeze(actor=world.petra, row=row, reason="done earlier")
    Freeze.objects.filter(pk=row.pk).update(end_asked_at=timezone.now() - timedelta(hours=25))
    with pytest.raises(Refused, match="Nobody asks"):
        confirm_end(actor=world.ada, row=row)


def test_what_a_former_administrator_asked_nobody_confirms(world: World) -> None:
    row = freeze(world)
    end_freeze(actor=world.petra, row=row, reason="done earlier")
    Membership.objects.filter(user=world.petra).update(ends_at=timezone.now())
    with pytest.raises(Refused, match="Nobody asks"):
        confirm_end(actor=world.ada, row=row)
    Membership.objects.create(user=world.otto, role="project_admin", project=world.project)
    asked_anew = end_freeze(actor=world.otto, row=row, reason="done earlier")
    assert asked_anew.end_asked_by == world.otto


def test_two_names_behind_which_one_person_stands_are_one(world: World) -> None:
    row = freeze(world)
    end_freeze(actor=world.petra, row=row, reason="done earlier")
    fresh = type(world.ada).objects.create_user("fred", "correct horse battery", name="Fred", name_en="Fred")
    Membership.objects.create(user=fresh, role="project_admin", project=world.project, granted_by=world.petra)
    with pytest.raises(Denied):
        confirm_end(actor=fresh, row=row)


# ---------------------------------------------------------------- at random
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sets(st.integers(0, 6)), st.times(), st.times(), st.sampled_from(ZONES)), max_size=3,
    ),
    st.lists(st.datetimes(*IN_2026, timezones=st.just(UTC)), min_size=1, max_size=8),
)  # fmt: skip
def test_nothing_starts_while_any_of_them_is_in_force(
    world: World, order: ReleaseOrder, drawn: list[Any], moments: list[datetime]
) -> None:
    space = world.spaces["uat"]
    with transaction.atomic():
        rows = [
            freeze(world, kind="weekly", weekdays=sorted(days), opens=opens, closes=closes, zone=zone)
            for days, opens, closes, zone in drawn if days
        ]  # fmt: skip
        all_of_them = freezes.read()
        for moment in moments:
            order.__dict__["_freezes"] = freezes.Freezes(all_of_them.found, moment)
            is_covered = any(row.window.covering(moment) for row in rows)
            assert gate_of(order, space).is_open != is_covered
        order.__dict__.pop("_freezes")
        transaction.set_rollback(True)


def test_a_page_reads_them_once(world: World, order: ReleaseOrder) -> None:
    for _n in range(4):
        freeze(world)
    with CaptureQueriesContext(connection) as caught:
        found = freezes.read()
        assert all(len(found.over(space)) == 4 for space in world.spaces.values())
    assert len(caught.captured_queries) == 1
    assert Deployment.objects.count() == 1


def test_the_api_makes_lists_and_ends(world: World, order: ReleaseOrder) -> None:
    petra, ada = Caller(world, "petra"), Caller(world, "ada")
    made = ada.post("calendars/", {"name": "SSE", "text": "2026-12-02\n"})
    assert made.status_code == 201, made.content
    body = {
        "project": "sis-omm", "name": "Trading", "reason": "the exchange trades", "kind": "dates", "opens": "09:00",
        "closes": "15:30", "zone": "Asia/Shanghai", "calendar": made.json()["id"],
    }  # fmt: skip
    row = petra.post("freezes/", body)
    assert row.status_code == 201, row.content
    assert row.json()["zone"] == "Asia/Shanghai" and row.json()["waits_for_second"] is False
    assert petra.post("freezes/", body | {"calendar": 999}).status_code == 400
    assert petra.post("freezes/", body | {"project": ""}).status_code == 403
    assert [one["id"] for one in petra.get("freezes/?active=true").json()["items"]] == [row.json()["id"]]
    assert len(petra.get("calendars/").json()["items"]) == 1
    asked = petra.post(f"freezes/{row.json()['id']}/end/", {"reason": "early close"})
    assert asked.json()["waits_for_second"] is True
    assert petra.post(f"freezes/{row.json()['id']}/confirm/").status_code == 403
    assert ada.post(f"freezes/{row.json()['id']}/confirm/").json()["state"] == "over"
