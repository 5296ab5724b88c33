"""A hold keeps a space, or one component in it, as it is: at the click, over the API and at the step, until it ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from environments.access import Rights
from environments.models import Membership, Space
from environments.services import people
from foundation.problems import Denied, Invalid, Missing, Refused, Stale
from foundation.runs.choices import RunState
from releases import gates, holds, transitions
from releases.choices import DeploymentKind
from releases.gate import Gate
from releases.locks import lock_placement
from releases.models import Deployment, Expiry, Hold, Placement, Promotion, ReleaseOrder
from releases.placing import create_deployment
from releases.services import deployments, promotions
from releases.services.break_glass import open_break_glass
from releases.services.holds import expire_holds, hold, lift_hold
from releases.steps.deployment.start import refusal_of
from releases.waiting import orders_to_test, promoted_orders
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_promoted, make_review, make_success
from tests.releases.test_api import Caller
from tests.releases.test_contact_deadline import run_once

pytestmark = pytest.mark.security("skipped-steps")


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    return make_promoted(make_component(world), world)


def soon(hours: float = 2) -> datetime:
    return timezone.now() + timedelta(hours=hours)


def take(world: World, place: str = "uat", *, by: str = "tess", **more: Any) -> Hold:
    values: dict[str, Any] = {"reason": "six cases left", "ends_at": soon()} | more
    return hold(actor=world.people[by], space=world.spaces[place], **values)


def age(row: Hold, hours: float = 5) -> None:
    """As if it had been made so long ago."""
    past = timedelta(hours=hours)
    Hold.objects.filter(pk=row.pk).update(held_at=row.held_at - past, ends_at=row.ends_at - past)


def deploy(world: World, order: ReleaseOrder, place: str = "uat") -> Deployment:
    snapshot = make_review(order, world.spaces[place]).snapshot
    assert snapshot
    return deployments.start_deployment(
        actor=world.olli, order=order, space=world.spaces[place], snapshot_hash=snapshot.hash
    )


def gate_of(order: ReleaseOrder, space: Space) -> Gate:
    found = gates.deployment_gates(order, space, snapshot=None, deployer=None)
    return next(gate for gate in found if gate.code == "hold")


def pass_once() -> None:
    """One pass of the engine."""
    run_once("expiry", Expiry.objects.get_or_create(singleton=True)[0].pk)


# ---------------------------------------------------------------- who may, and what is asked
@pytest.mark.parametrize(("username", "may"), [("tess", True), ("olli", True), ("petra", True), ("dana", False),
                                               ("ada", False), ("uma", False)])  # fmt: skip
def test_testers_operations_and_project_administrators_hold(world: World, username: str, may: bool) -> None:
    if may:
        assert take(world, by=username).held_by == world.people[username]
        return
    with pytest.raises(Denied) as refusal:
        take(world, by=username)
    assert "Olli" in str(refusal.value.who_can_help)
    assert not Hold.objects.exists()


def test_it_is_not_there_for_who_has_no_access(world: World) -> None:
    with pytest.raises(Missing):
        take(world, by="otto")
    row = take(world)
    with pytest.raises(Missing):
        holds.find_hold(world.otto, row.pk)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"ends_at": timedelta(minutes=-1)}, "ends_at"),
        ({"ends_at": timedelta(days=7, minutes=5)}, "ends_at"),
    ],
)
def test_a_reason_and_an_end_within_a_week(world: World, values: dict[str, Any], field: str) -> None:
    if "ends_at" in values:
        values = {"ends_at": timezone.now() + values["ends_at"]}
    with pytest.raises(Invalid) as refusal:
        take(world, **values)
    assert list(refusal.value.fields) == [field]
    assert take(world, ends_at=timezone.now() + timedelta(days=6, hours=23)).pk


def test_a_component_of_another_project_is_not_held_here(world: World, order: ReleaseOrder) -> None:
    other = make_component(world, "SIS-OMM-MOP")
    type(other.project).objects.create(organisation=world.organisation, slug="other", name="O")
    other.project_id = type(other.project).objects.get(slug="other").pk
    with pytest.raises(Invalid):
        take(world, component=other)


def test_one_person_holds_a_place_once_and_again_when_it_is_over(world: World, order: ReleaseOrder) -> None:
    row = take(world)
    with pytest.raises(Stale, match="You hold it already"):
        take(world)
    assert take(world, component=order.component).pk and take(world, by="olli").pk
    age(row)
    assert take(world).pk, "over by its time, which the engine has not told yet"
    row.refresh_from_db()
    assert row.ended_at is not None and AuditEvent.objects.filter(verb="hold.expired").count() == 1


def test_the_database_keeps_what_cannot_be(world: World) -> None:
    row = take(world)
    for values in ({"ends_at": row.held_at}, {"ended_by": world.olli}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Hold.objects.filter(pk=row.pk).update(**values)


# ---------------------------------------------------------------- what it stops
def test_click_api_and_step_say_the_same(world: World, order: ReleaseOrder) -> None:
    waiting = deploy(world, order)
    assert refusal_of(waiting) == ""
    row = take(world)
    said = str(refusal_of(waiting))
    assert said.startswith("Tess holds UAT until") and said.endswith("six cases left")
    transitions.end_run(waiting, RunState.CANCELLED, actor=None)
    with pytest.raises(Refused) as refusal:
        deploy(world, order)
    assert (refusal.value.code, str(refusal.value.message)) == ("gate-hold", said)
    assert str(refusal.value.who_can_help).startswith("Tess") and "Olli" in str(refusal.value.who_can_help)
    api = Caller(world, "olli")
    answer = api.post(f"orders/{order.number}/deployments/", {
        "environment": "uat", "snapshot": make_review(order, world.spaces["uat"]).snapshot.hash  # type: ignore[union-attr]
    })  # fmt: skip
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (409, "gate-hold", said)
    lift_hold(actor=world.tess, row=row)
    assert deploy(world, order).pk


def test_nothing_is_promoted_there(world: World, order: ReleaseOrder) -> None:
    later = make_built(order.component, world.dana)
    make_success(later, world.spaces["fat"], world.olli)
    take(world)
    with pytest.raises(Refused, match="Tess holds UAT until"):
        promotions.promote(actor=world.tess, order=later, space=world.spaces["uat"], test_verdict="passed")
    assert promotions.promote(actor=world.dana, order=later, space=world.spaces["fat"]).pk, "other spaces go on"


def test_a_hold_of_a_component_leaves_the_others_free(world: World, order: ReleaseOrder) -> None:
    other = make_built(make_component(world, "SIS-OMM-MOP"), world.dana)
    take(world, component=order.component)
    assert not gate_of(order, world.spaces["uat"]).is_open
    assert "holds SIS-OMM-PROXY-GW in UAT" in str(gate_of(order, world.spaces["uat"]).message)
    assert gate_of(other, world.spaces["uat"]).is_open and gate_of(order, world.spaces["prd"]).is_open


def test_what_is_held_by_two_is_free_when_both_have_gone(world: World, order: ReleaseOrder) -> None:
    first, second = take(world), take(world, by="olli", component=order.component, ends_at=soon(5))
    gate = gate_of(order, world.spaces["uat"])
    assert "Olli and 1 more hold SIS-OMM-PROXY-GW in UAT" in str(gate.message)
    lift_hold(actor=world.olli, row=second)
    assert "Tess holds UAT" in str(gate_of(order, world.spaces["uat"]).message)
    lift_hold(actor=world.tess, row=first)
    assert gate_of(order, world.spaces["uat"]).is_open


def test_its_end_counts_at_once_by_the_clock_of_the_database(world: World, order: ReleaseOrder) -> None:
    row = take(world)
    age(row)
    row.refresh_from_db()
    assert row.ended_at is None and gate_of(order, world.spaces["uat"]).is_open


def test_roll_back_and_removal_wait_and_restart_scale_and_an_automatic_way_back_do_not(
    world: World, order: ReleaseOrder
) -> None:
    space = world.spaces["uat"]
    first = make_success(make_built(order.component, world.dana), space, world.olli)
    second = make_success(order, space, world.olli)
    place = Placement.objects.select_related("space__environment", "space__project").get(space=space)
    take(world)
    for to in (first, second):
        with pytest.raises(Refused, match="Tess holds UAT"):
            deployments.roll_back(actor=world.olli, space=space, to=to)
    removal = gates.removal_gates(order, space, snapshot=None, deployer=None)
    assert not next(gate for gate in removal if gate.code == "hold").is_open
    back = create(order, space, second, is_automatic=True)
    assert refusal_of(back) == ""
    transitions.end_run(back, RunState.SUCCEEDED, actor=None)
    for again in (
        lambda: deployments.restart(actor=world.olli, space=space, placement=place),
        lambda: deployments.scale(actor=world.olli, space=space, placement=place, replicas=3),
    ):
        row = again()
        assert refusal_of(row) == ""
        transitions.end_run(row, RunState.SUCCEEDED, actor=None)


def create(order: ReleaseOrder, space: Space, to: Deployment, *, is_automatic: bool) -> Deployment:
    with transaction.atomic():
        place = lock_placement(order, space)
        row = create_deployment(
            order, space, place, actor=to.deployed_by, kind=DeploymentKind.ROLL_BACK, snapshot=to.snapshot,
            cause=to if is_automatic else None,
        )  # fmt: skip
    return row


def test_break_glass_opens_it_for_one_order(world: World, order: ReleaseOrder) -> None:
    Membership.objects.create(user=world.olli, role="break_glass", project=world.project, granted_by=world.petra)
    take(world)
    row = open_break_glass(
        actor=world.olli, order=order, space=world.spaces["uat"], reason="trading stands still", minutes=60
    )
    listed = promoted_orders(Rights(world.oskar)).to_deploy
    assert [wait.order for wait in listed] == [order], "held, and let through"
    deployment = deploy(world, order)
    assert deployment.break_glass == row and refusal_of(deployment) == ""
    other = make_built(order.component, world.dana)
    assert not gate_of(other, world.spaces["uat"]).is_open


# ---------------------------------------------------------------- how it ends
def test_its_holder_lifts_it_and_others_with_a_reason(world: World) -> None:
    lift_hold(actor=world.tess, row=take(world))
    row = take(world)
    with pytest.raises(Denied):
        lift_hold(actor=world.dana, row=row, reason="I want to")
    with pytest.raises(Invalid) as refusal:
        lift_hold(actor=world.olli, row=row)
    assert "Tess reads it" in str(refusal.value.fields["reason"][0])
    lifted = lift_hold(actor=world.olli, row=row, reason="the exchange asks for it")
    assert (lifted.ended_by, str(lifted.message)) == (world.olli, "the exchange asks for it")
    with pytest.raises(Refused, match="over already"):
        lift_hold(actor=world.olli, row=row, reason="again")
    event = AuditEvent.objects.filter(verb="hold.lifted").latest("pk")
    assert (event.actor_name, event.project, event.environment, event.reason) == (
        "Olli", "sis-omm", "uat", "the exchange asks for it"
    )  # fmt: skip


def test_another_tester_lifts_nobodys_but_their_own(world: World) -> None:
    other = type(world.tess).objects.create_user("tim", "correct horse battery", name="Tim", name_en="Tim")
    Membership.objects.create(user=other, role="tester", project=world.project, reason="cast")
    row = take(world)
    with pytest.raises(Denied):
        lift_hold(actor=other, row=row, reason="my turn")


def test_the_engine_tells_its_end_once(world: World) -> None:
    row = take(world)
    pass_once()
    row.refresh_from_db()
    assert row.ended_at is None
    age(row)
    pass_once()
    pass_once()
    row.refresh_from_db()
    assert row.ended_at is not None and row.ended_by is None and str(row.message) == "its time has passed"
    assert AuditEvent.objects.filter(verb="hold.expired", object_name=row.name).count() == 1


def test_it_ends_with_the_right_of_its_holder_and_with_the_holder(world: World, order: ReleaseOrder) -> None:
    row = take(world)
    Membership.objects.filter(user=world.tess).update(role="developer")
    pass_once()
    row.refresh_from_db()
    assert row.ended_at is not None and str(row.message) == "its holder has lost the right"
    other = take(world, by="olli")
    people.deactivate_person(actor=world.ada, person=world.olli)
    other.refresh_from_db()
    assert other.ended_at is not None and str(other.message) == "Olli may not sign in any more."
    assert gate_of(order, world.spaces["uat"]).is_open


# ---------------------------------------------------------------- who waits
def test_inboxes_offer_nothing_that_is_held(world: World, order: ReleaseOrder) -> None:
    make_review(order, world.spaces["uat"])
    later = make_built(make_component(world, "SIS-OMM-MOP"), world.dana)
    make_success(later, world.spaces["fat"], world.olli)
    operations, tester = Rights(world.olli), Rights(world.tess)
    assert [wait.order for wait in promoted_orders(operations).to_deploy] == [order]
    assert [wait.order for wait in orders_to_test(tester)] == [later]
    row = take(world)
    assert promoted_orders(Rights(world.olli)).to_deploy == [] and orders_to_test(Rights(world.tess)) == []
    lift_hold(actor=world.tess, row=row)
    assert [wait.order for wait in promoted_orders(Rights(world.olli)).to_deploy] == [order]
    assert Promotion.objects.filter(order=order, ended_at=None).exists()


def test_many_holds_are_read_in_one_query(world: World, order: ReleaseOrder) -> None:
    spaces = [space.pk for space in world.spaces.values()]
    for place in world.spaces:
        take(world, place)
        take(world, place, by="olli", component=order.component)
    with CaptureQueriesContext(connection) as caught:
        held = holds.held_in(spaces)
        assert all(len(held.over(order.component_id, pk)) == 2 for pk in spaces)
        assert all(str(holds.words_of(row)) for rows in held.found.values() for row in rows)
    assert len(caught.captured_queries) == 1


def test_the_api_holds_lists_and_lifts(world: World, order: ReleaseOrder) -> None:
    api = Caller(world, "tess")
    body = {"component": order.component.slug, "reason": "six cases left", "ends_at": soon().isoformat()}
    made = api.post("projects/sis-omm/spaces/uat/holds/", body)
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["component"], row["state"], row["held_by"]) == (order.component.slug, "in_force", "tess")
    assert api.post("projects/sis-omm/spaces/uat/holds/", body | {"component": "none"}).status_code == 400
    listed = api.get("holds/?in_force=true&project=sis-omm&environment=UAT").json()["items"]
    assert [one["id"] for one in listed] == [row["id"]]
    assert api.get("holds/?environment=prd").json()["items"] == []
    assert Caller(world, "olli").post(f"holds/{row['id']}/lift/", {}).status_code == 400
    lifted = api.post(f"holds/{row['id']}/lift/", {}).json()
    assert (lifted["state"], lifted["ended_by"]) == ("lifted", "tess")
    assert api.get("holds/?in_force=true").json()["items"] == []
    assert api.post(f"holds/{row['id']}/lift/", {}).status_code == 409


def test_a_pass_asks_for_the_rights_of_all_holders_at_once(world: World) -> None:
    counts = []
    for by in ("tess", "olli", "petra"):
        take(world, by=by)
        with CaptureQueriesContext(connection) as caught:
            expire_holds()
        counts.append(len(caught))
    assert counts[0] == counts[2] and Hold.objects.filter(ended_at=None).count() == 3, counts
