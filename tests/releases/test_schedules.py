"""A scheduled deployment begins at its time as a click would, or says why not; nothing makes up for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import AuditEvent
from environments.models import Membership
from environments.services import people
from foundation.problems import Denied, Invalid, Refused, Stale
from foundation.runs import kinds
from foundation.runs.choices import RunState
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from foundation.runs.lease import LeaseLost
from notifications.models import Notice
from releases import transitions
from releases.locks import lock_placement
from releases.models import Deployment, Expiry, OrderEvent, ReleaseOrder, Review, Schedule, Turn
from releases.placing import create_deployment
from releases.presenters.activity import happenings
from releases.services import orders, promotions
from releases.services.restores import begin_after_restore
from releases.services.schedules import schedule, withdraw_schedule
from releases.steps import schedule as steps
from tests.cast import World, browse
from tests.notifications.telling import told
from tests.releases.rows import make_built, make_component, make_promoted, make_review, make_success
from tests.releases.test_api import Caller
from tests.releases.test_contact_deadline import run_once
from tests.releases.test_freezes import freeze
from tests.releases.test_holds import take

pytestmark = pytest.mark.security("skipped-steps")
HOUR = timedelta(hours=1)


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    found = make_promoted(make_component(world), world)
    make_review(found, world.spaces["uat"])
    return found


def plan(world: World, order: ReleaseOrder, *, by: str = "olli", place: str = "uat", **more: Any) -> Schedule:
    space = world.spaces[place]
    review = Review.objects.filter(order=order, space=space).exclude(snapshot=None).last()
    seen = {"snapshot_hash": review.snapshot.hash} if review and review.snapshot else {}
    values: dict[str, Any] = {"due_at": timezone.now() + HOUR, **seen} | more
    return schedule(actor=world.people[by], order=order, space=space, **values)


def pass_at(row: Schedule, late: float = 0.0) -> Schedule:
    """One pass, so many seconds after its time (before it where negative)."""
    Schedule.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(seconds=late), phase="reviewing")
    run_once("schedule", row.pk)
    row.refresh_from_db()
    return row


def missed(row: Schedule, why: str, late: float = 0.0) -> None:
    pass_at(row, late)
    assert (row.state, row.deployment, row.turn) == (RunState.FAILED, None, None)
    assert why in str(row.message), row.message
    assert not Deployment.objects.filter(order=row.order, space=row.space).exists()
    assert OrderEvent.objects.filter(order=row.order, kind="schedule.failed").count() == 1
    assert AuditEvent.objects.filter(verb="schedule.failed", object_name=row.order.number).count() == 1
    assert any(why in one.text for one in happenings(row.order))


# ---------------------------------------------------------------- what may be scheduled
@pytest.mark.parametrize(
    ("ahead", "said"),
    [(timedelta(0), "has passed"), (-HOUR, "has passed"), (timedelta(days=30, minutes=1), "At most 30 days ahead")],
)
def test_a_time_that_has_passed_or_is_far_away_is_refused(
    world: World, order: ReleaseOrder, ahead: timedelta, said: str
) -> None:
    with pytest.raises(Invalid) as refused:
        plan(world, order, due_at=timezone.now() + ahead)
    assert said in str(refused.value.fields["due_at"][0])


def test_who_may_not_deploy_there_schedules_nothing_and_withdraws_nothing(world: World, order: ReleaseOrder) -> None:
    for name in ("dana", "tess", "petra", "uma"):
        with pytest.raises(Denied):
            plan(world, order, by=name)
    row = plan(world, order)
    with pytest.raises(Denied):
        withdraw_schedule(actor=world.tess, row=row)
    assert withdraw_schedule(actor=world.oskar, row=row).state == RunState.CANCELLED, "operations may, as a deployment"


def test_only_what_is_promoted_and_reviewed_and_only_once(world: World, order: ReleaseOrder) -> None:
    with pytest.raises(Stale):
        plan(world, order, snapshot_hash="0" * 64)
    with pytest.raises(Stale):
        plan(world, order, live_fingerprint="0" * 64)
    row = plan(world, order)
    with pytest.raises(Stale) as again:
        plan(world, order, by="oskar")
    assert again.value.code == "already-scheduled" and "Olli" in str(again.value)
    with pytest.raises(IntegrityError), transaction.atomic():
        Schedule.objects.create(order=order, space=row.space, due_at=row.due_at, asked_by=world.olli)
    promotion = order.promotions.get(space=world.spaces["uat"])
    promotions.withdraw_promotion(actor=world.petra, promotion=promotion)
    withdraw_schedule(actor=world.olli, row=row)
    with pytest.raises(Refused) as refused:
        plan(world, order)
    assert refused.value.code == "gate-promoted"


def test_a_freeze_or_a_missing_approval_does_not_stop_who_schedules(world: World, order: ReleaseOrder) -> None:
    freeze(world)
    take(world)
    assert plan(world, order).state == RunState.QUEUED


# ---------------------------------------------------------------- at its time
def test_it_begins_at_its_time_as_its_persons_click_and_not_before(world: World, order: ReleaseOrder) -> None:
    row = plan(world, order)
    run_once("schedule", row.pk)
    row.refresh_from_db()
    assert row.state == RunState.QUEUED and row.phase == "start", "more than a minute is left"
    Schedule.objects.filter(pk=row.pk).update(due_at=timezone.now() + timedelta(seconds=30))
    Review.objects.filter(order=order).update(seen_at=timezone.now() - HOUR)
    run_once("schedule", row.pk)
    row.refresh_from_db()
    assert row.state == RunState.QUEUED and row.phase == "reviewing"
    assert Review.objects.filter(order=order, space=row.space, state="queued", requested_by=world.olli).count() == 1
    make_review(order, world.spaces["uat"])
    pass_at(row)
    deployment = row.deployment
    assert row.state == RunState.SUCCEEDED and deployment is not None
    assert (deployment.deployed_by, deployment.snapshot, deployment.space) == (world.olli, row.snapshot, row.space)
    assert deployment.created_at - row.due_at < timedelta(seconds=5)
    with pytest.raises(Refused) as late:
        withdraw_schedule(actor=world.olli, row=row)
    assert late.value.code == "time-came"


def test_another_order_in_the_place_is_waited_for_in_line(world: World, order: ReleaseOrder) -> None:
    first = make_built(order.component, world.dana)
    make_success(first, world.spaces["fat"], world.olli)
    row = plan(world, order)
    being_deployed(world, first)
    pass_at(row)
    assert row.state == RunState.SUCCEEDED and row.deployment is None
    assert Turn.objects.get(order=order) == row.turn


def being_deployed(world: World, order: ReleaseOrder) -> None:
    """To UAT, by somebody else."""
    review = make_review(order, world.spaces["uat"])
    with transaction.atomic():
        place = lock_placement(order, world.spaces["uat"])
        create_deployment(order, world.spaces["uat"], place, actor=world.oskar, snapshot=review.snapshot, review=review)


@pytest.mark.parametrize("what", ["freeze", "hold", "promotion", "right", "snapshot", "live", "reviewing", "late"])
def test_what_is_in_the_way_at_its_time_is_said_and_told(world: World, order: ReleaseOrder, what: str) -> None:
    row, late = plan(world, order), 0.0
    if what == "freeze":
        freeze(world)
        why = "Frozen by “Month end”"
    elif what == "hold":
        take(world)
        why = "holds UAT"
    elif what == "promotion":
        promotions.withdraw_promotion(actor=world.petra, promotion=order.promotions.get(space=world.spaces["uat"]))
        why = "It is not promoted to UAT"
    elif what == "right":
        Membership.objects.filter(user=world.olli).update(ends_at=timezone.now())
        why = "Olli may no longer deploy to UAT"
    elif what == "snapshot":
        make_review(order, world.spaces["uat"], salt="newer")
        why = "What would be deployed has changed since it was scheduled"
    elif what == "live":
        make_review(order, world.spaces["uat"])
        Review.objects.filter(order=order, space=row.space).update(live_fingerprint="0" * 64)
        why = "What runs there has changed since the review"
    elif what == "reviewing":
        Review.objects.filter(order=order, space=row.space).update(state="running")
        pass_at(row, 1.0)
        assert row.state == RunState.QUEUED, "a review may take some seconds"
        why, late = "Its last review had not ended", 6.0
    else:
        why, late = "too late", 3600.0
    assert told(world) is not None
    Notice.objects.all().delete()
    missed(row, why, late)
    assert told(world)["schedule_missed"] >= {"dana"}, "its author"
    page = browse(world, "oskar").get(f"/orders/{order.number}/?panel=uat").content.decode()
    assert "missed" in page and "Nothing makes up for it" in page


def test_a_withdrawal_and_its_time_at_once_have_one_winner(world: World, order: ReleaseOrder) -> None:
    row = plan(world, order)
    Schedule.objects.filter(pk=row.pk).update(due_at=timezone.now(), phase="reviewing")
    (lease,) = claim(kinds.get("schedule"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    withdraw_schedule(actor=world.olli, row=row)
    before = Schedule.objects.get(pk=row.pk)
    before.state = RunState.QUEUED
    with pytest.raises(LeaseLost):
        steps._begin(before, lease)
    assert not Deployment.objects.filter(order=order, space=row.space).exists()
    run_step(lease)
    row.refresh_from_db()
    assert row.state == RunState.CANCELLED


# ---------------------------------------------------------------- before its time
def test_it_ends_with_the_order_the_person_the_right_and_the_database(world: World, order: ReleaseOrder) -> None:
    def ended(row: Schedule, to: str, why: str) -> None:
        row.refresh_from_db()
        assert (row.state, str(row.message)) == (to, why)

    row = plan(world, order)
    people.deactivate_person(actor=world.ada, person=world.olli)
    ended(row, RunState.FAILED, "Olli may not sign in any more.")
    row = plan(world, order, by="oskar")
    run_once("expiry", Expiry.objects.get_or_create(singleton=True)[0].pk)
    row.refresh_from_db()
    assert row.state == RunState.QUEUED
    Membership.objects.filter(user=world.oskar).update(ends_at=timezone.now())
    run_once("expiry", Expiry.objects.get(singleton=True).pk)
    ended(row, RunState.FAILED, "Oskar may no longer deploy to UAT.")
    Membership.objects.filter(user=world.oskar).update(ends_at=None)
    row = plan(world, order, by="oskar")
    orders.return_order(actor=world.tess, order=order, reason="wrong sums")
    ended(row, RunState.CANCELLED, "The order was closed.")
    other = make_promoted(order.component, world)
    make_review(other, world.spaces["uat"])
    row = plan(world, other, by="oskar")
    begin_after_restore(audit_head="")
    row.refresh_from_db()
    assert row.state == RunState.FAILED and "restored" in str(row.message)


def test_what_the_engine_gave_up_is_missed_and_told(world: World, order: ReleaseOrder) -> None:
    row = plan(world, order)
    assert told(world)
    (lease,) = claim(kinds.get("schedule"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    transitions.give_up_schedule(lease, "engine")
    assert told(world) == {"schedule_missed": {"dana", "olli"}}


# ---------------------------------------------------------------- page and API
def test_the_page_says_what_comes_saves_shows_and_withdraws(world: World, order: ReleaseOrder) -> None:
    olli = browse(world, "olli")
    url = f"/orders/{order.number}/review/uat/schedule/"
    page = olli.get(url)
    form = page.context["form"]
    assert page.status_code == 200 and timezone.get_current_timezone_name() in page.content.decode()
    at = timezone.localtime(timezone.now() + timedelta(minutes=30))
    freeze(world)
    given = {
        "due_at": at.strftime("%Y-%m-%dT%H:%M"), "snapshot": form["snapshot"].value(),
        "live_fingerprint": form["live_fingerprint"].value(),
    }  # fmt: skip
    assert "Frozen by" in olli.post(url, given | {"preview": "1"}).content.decode()
    assert not Schedule.objects.exists(), "it only looked"
    done = olli.post(url, given, follow=True)
    row = Schedule.objects.get()
    assert row.due_at == at.replace(second=0, microsecond=0) and "scheduled for" in done.content.decode()
    assert "Frozen by" in done.content.decode(), "warned of what is known today"
    review = browse(world, "tess").get(f"/orders/{order.number}/review/uat/").content.decode()
    assert "scheduled for" in review and "Deploy at…" not in review, "who approves sees the time"
    assert olli.post(url, given).status_code == 409
    olli.post(f"/schedules/{row.pk}/withdraw/")
    row.refresh_from_db()
    assert row.state == RunState.CANCELLED and row.ended_by == world.olli
    past = given | {"due_at": (at - HOUR).strftime("%Y-%m-%dT%H:%M")}
    assert "This time has passed" in olli.post(url, past).content.decode()


def test_production_asks_for_the_last_four(world: World, order: ReleaseOrder) -> None:
    make_success(order, world.spaces["uat"], world.olli)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot is not None
    url, at = f"/orders/{order.number}/review/prd/schedule/", timezone.localtime(timezone.now() + HOUR)
    given = {"due_at": at.strftime("%Y-%m-%dT%H:%M"), "snapshot": snapshot.hash}
    olli = browse(world, "olli")
    assert olli.post(url, given).status_code == 400
    assert olli.post(url, given | {"preview": "1"}).status_code == 200
    assert olli.post(url, given | {"last_four": order.number[-4:]}).status_code == 302
    missed(Schedule.objects.get(), "approv")


def test_the_api_schedules_says_what_comes_lists_and_withdraws(world: World, order: ReleaseOrder) -> None:
    olli, at = Caller(world, "olli"), (timezone.now() + HOUR).isoformat()
    snapshot = Review.objects.get(order=order, space=world.spaces["uat"]).snapshot
    assert snapshot is not None
    body = {"environment": "uat", "due_at": at, "snapshot": snapshot.hash}
    assert olli.post(f"orders/{order.number}/schedules/", body | {"due": at}).status_code == 400
    made = olli.post(f"orders/{order.number}/schedules/", body)
    assert made.status_code == 201 and (made.json()["state"], made.json()["asked_by"]) == ("scheduled", "olli")
    assert olli.post(f"orders/{order.number}/schedules/", body).status_code == 409
    freeze(world, ends_at=timezone.now() + 2 * HOUR)
    ask = f"orders/{order.number}/schedules/gates/?environment=uat&due_at="
    seen = {gate["code"]: gate["is_open"] for gate in olli.get(ask + at.replace("+", "%2B")).json()["gates"]}
    assert seen == {"hold": True, "freeze": False, "window": True}
    assert olli.get(ask + "soon").status_code == 400
    pk = made.json()["id"]
    listed = olli.get("schedules/?waiting=true&project=sis-omm&environment=uat").json()["items"]
    assert [row["id"] for row in listed] == [pk] and Caller(world, "otto").get(f"schedules/{pk}/").status_code == 404
    assert Caller(world, "dana").post(f"schedules/{pk}/withdrawal/").status_code == 403
    assert olli.post(f"schedules/{pk}/withdrawal/").json()["state"] == "withdrawn"
    assert olli.get("schedules/?waiting=true").json()["items"] == []
