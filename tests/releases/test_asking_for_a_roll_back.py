"""A roll back to something older waits for its approval in the inboxes of those who may give it, and of who asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from desk.selectors import my_work
from environments.access import Rights
from environments.models import Membership, Space
from foundation.problems import Denied, Invalid, Missing, Refused, Stale
from foundation.runs.choices import RunState
from notifications.models import Notice
from releases import transitions
from releases.models import Deployment, Hold, Placement, Promotion, Review
from releases.roll_back_asks import find_ask, waiting_ask_of
from releases.services import approvals, deployments
from releases.services.roll_back_reviews import ask_roll_back, withdraw_roll_back
from releases.waiting import roll_backs
from releases.waiting.whom import open_in
from tests.cast import World, browse
from tests.desk.test_inbox import EIGHT
from tests.notifications.telling import tell, told
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_component, make_success
from tests.releases.test_api import Caller
from tests.releases.test_freezes import freeze
from tests.releases.test_roll_back_to_older import PLACE, promote

pytestmark = [pytest.mark.django_db, pytest.mark.security("skipped-steps")]
ADDRESS = f"/runtime/{PLACE}/prd/roll-back/"


@pytest.fixture
def older(world: World) -> Deployment:
    """The first of three orders that served in PRD one after the other, promoted there again."""
    component = make_component(world)
    rows = [make_success(make_built(component, world.dana), world.spaces["prd"], world.olli) for _number in range(3)]
    Deployment.objects.update(applied_at=timezone.now())
    promote(world, rows[0])
    return rows[0]


def ask(world: World, to: Deployment, who: str = "olli") -> Review:
    return ask_roll_back(actor=world.people[who], space=world.spaces["prd"], to=to, reason="it counts wrong")


def reviewed(review: Review, to: RunState = RunState.SUCCEEDED, **found: Any) -> None:
    """As the step ends it: its snapshot is the one that was asked for."""
    with transaction.atomic():
        snapshot = review.wanted_snapshot if to == RunState.SUCCEEDED else None
        transitions.end_run(review, to, actor=None, snapshot=snapshot, seen_at=timezone.now(), **found)


def inboxes(world: World) -> dict[str, set[str]]:
    """Of what is a roll back, by pile the names of those who have it there."""
    found: dict[str, set[str]] = {}
    for name in EIGHT:
        work = my_work(world.people[name], Rights(world.people[name]))
        for pile in ("to_deploy", "to_approve", "to_test", "running", "failed"):
            if any("roll-back" in task.url for task in getattr(work, pile).found):
                found.setdefault(pile, set()).add(name)
    return found


def test_through_the_eyes_of_all_eight(world: World, older: Deployment) -> None:
    assert inboxes(world) == {}
    review = ask(world, older)
    assert review.wanted_snapshot == older.snapshot and review.requested_by == world.olli
    assert inboxes(world) == {"running": {"olli"}}, "who asked sees that it is being reviewed"
    reviewed(review)
    others = {"olli", "oskar", "petra"}
    assert inboxes(world) == {"running": {"olli"}, "to_approve": others}
    assert older.snapshot is not None
    word = approvals.approve(actor=world.oskar, snapshot=older.snapshot)
    assert inboxes(world) == {"to_deploy": {"olli"}}, "who approved it does not roll back; nobody is asked for more"
    approvals.withdraw_approval(actor=world.oskar, approval=word)
    approvals.reject(actor=world.oskar, snapshot=older.snapshot, comment="it lost orders")
    assert inboxes(world) == {}
    with pytest.raises(Refused, match="it lost orders"):
        ask(world, older)
    approvals.withdraw_approval(actor=world.oskar, approval=older.snapshot.approvals.latest("pk"))
    approvals.approve(actor=world.petra, snapshot=older.snapshot)
    assert inboxes(world) == {"to_deploy": {"olli", "oskar"}}
    row = deployments.roll_back(actor=world.oskar, space=world.spaces["prd"], to=older)
    assert inboxes(world) == {}, "it is under way"
    Deployment.objects.filter(pk=row.pk).update(applied_at=timezone.now())
    Placement.objects.update(last_applied=row)
    with transaction.atomic():
        transitions.end_run(row, RunState.SUCCEEDED, actor=None)
    assert inboxes(world) == {}


def test_those_are_told_whose_inbox_has_it(world: World, older: Deployment) -> None:
    tell()
    Notice.objects.all().delete()
    review = ask(world, older, "petra")
    assert told(world) == {}
    reviewed(review)
    assert told(world) == {"approval": {"olli", "oskar", "petra"}}
    notice = Notice.objects.latest("pk")
    assert notice.path == f"{ADDRESS}?to={older.pk}" and "roll back to" in str(notice.message)
    assert older.snapshot is not None
    approvals.approve(actor=world.oskar, snapshot=older.snapshot)
    assert told(world) == {"approved": {"olli", "petra"}}, "who may do it now, and who asked"
    approvals.withdraw_approval(actor=world.oskar, approval=older.snapshot.approvals.get())
    approvals.reject(actor=world.oskar, snapshot=older.snapshot, comment="it lost orders")
    assert told(world) == {"rejected": {"petra"}}


@pytest.mark.parametrize("why", ["applied", "promoted elsewhere", "no policy", "lost", "closed"])
def test_what_has_moved_on_is_asked_for_no_more(world: World, older: Deployment, why: str) -> None:
    review = ask(world, older)
    reviewed(review)
    assert inboxes(world)
    if why == "applied":
        Deployment.objects.filter(pk=Placement.objects.get().last_applied_id).update(applied_at=timezone.now())
    elif why == "promoted elsewhere":
        Promotion.objects.all().delete()
    elif why == "no policy":
        Space.objects.filter(pk=world.spaces["prd"].pk).update(approvals=0)
    elif why == "lost":
        Placement.objects.update(unknown_since=timezone.now())
    else:
        type(older.order).objects.filter(pk=older.order_id).update(state="closed", closed_reason="done")
    assert inboxes(world) == {}


def test_it_is_asked_once_and_again_after_a_review_that_found_problems(world: World, older: Deployment) -> None:
    review = ask(world, older)
    with pytest.raises(Refused, match="Olli has asked for it already"):
        ask(world, older, "petra")
    reviewed(review, RunState.FAILED, reason="quota", message="short by 2 cores")
    assert inboxes(world) == {}
    page = browse(world, "petra").get(f"{ADDRESS}?to={older.pk}")
    assert "short by 2 cores" in words(page) and "Ask for approval" in words(page)
    again = ask(world, older, "petra")
    assert again.pk != review.pk and older.snapshot and waiting_ask_of(older.snapshot) == again


def test_who_may_not_review_there_may_not_ask_and_what_needs_no_approval_is_not_asked_for(
    world: World, older: Deployment
) -> None:
    for name in ("dana", "tess", "uma", "ada"):
        with pytest.raises(Denied):
            ask(world, older, name)
    with pytest.raises(Missing):
        ask(world, older, "otto")
    last = Deployment.objects.filter(space=world.spaces["prd"]).order_by("-pk")[1]
    with pytest.raises(Refused, match="needs no approval"):
        ask(world, last)
    Promotion.objects.all().delete()
    with pytest.raises(Refused, match="not promoted") as refusal:
        ask(world, older)
    assert refusal.value.who_can_help and refusal.value.asked and refusal.value.asked.kind == "roll_back"
    assert not Review.objects.filter(wanted_snapshot__isnull=False).exists()


def test_the_pages_lead_to_it(world: World, older: Deployment) -> None:
    olli, oskar = browse(world, "olli"), browse(world, "oskar")
    here = f"{ADDRESS}?to={older.pk}"
    assert "Ask for approval" in words(olli.get(here)) and "Ask for approval" not in words(browse(world).get(here))
    answer = olli.post(f"{ADDRESS}ask/", {"to": older.pk, "reason": "it counts wrong"})
    assert answer.status_code == 302 and answer["Location"].endswith(f"?to={older.pk}")
    assert "being reviewed" in words(olli.get(here))
    reviewed(Review.objects.get(wanted_snapshot=older.snapshot))
    for client in (olli, oskar):
        assert "waits for approval" in words(client.get(here)) and "asked for by Olli" in words(client.get(here))
        assert 'disabled aria-describedby="why-runtime' not in client.get(here).content.decode()
    row = words(oskar.get("/approvals/"))
    assert "rolls back" in row and "roll back asked for by Olli" in row and "replaces" in row
    assert f"/prd/roll-back/?to={older.pk}" in oskar.get("/approvals/").content.decode()
    panel = words(oskar.get(f"/orders/{older.order.number}/?panel=prd"))
    assert f"Roll back to {older.order.short_name}" in panel and "waits for approval" in panel
    runtime = words(oskar.get(f"/runtime/{PLACE}/prd/"))
    assert f"Roll back to {older.order.short_name}" in runtime
    project = words(browse(world, "dana").get("/projects/sis-omm/"))
    assert "to be approved by" in project
    assert 'class="decide deploy"' in oskar.get(here).content.decode(), "the approver's answer is in the foot"


def test_the_api_asks_and_says_the_same(world: World, older: Deployment) -> None:
    olli, base = Caller(world, "olli"), f"components/{PLACE}/environments/prd/"
    wanted = {"deployment": older.pk, "reason": "it counts wrong"}
    preview = f"{base}roll-backs/?deployment={older.pk}"
    assert olli.get(preview).json()["review"] is None
    asked = olli.post(f"{base}roll-back-reviews/", wanted)
    assert asked.status_code == 202 and asked.json()["state"] == "queued", asked.content
    assert olli.post(f"{base}roll-back-reviews/", wanted).status_code == 409
    assert Caller(world, "dana").post(f"{base}roll-back-reviews/", wanted).status_code == 403
    assert olli.post(f"{base}roll-back-reviews/", {**wanted, "deployment": 999_999}).status_code == 404
    reviewed(Review.objects.get(pk=asked.json()["id"]))
    told_by_preview = olli.get(preview).json()["review"]
    assert told_by_preview["state"] == "blocked" and told_by_preview["asked_by"] == "olli"
    order = olli.get(f"orders/{older.order.number}/").json()
    there = next(row for row in order["environments"] if row["environment"] == "prd")
    assert there["roll_back"] == told_by_preview
    said = {"environment": "prd", "snapshot": told_by_preview["snapshot"], "decision": "approve", "comment": ""}
    assert Caller(world, "oskar").post(f"orders/{older.order.number}/approvals/", said).status_code == 201
    assert olli.get(preview).json()["review"]["state"] == "succeeded"
    assert olli.post(f"{base}roll-backs/", {"deployment": older.pk}).status_code == 202


def test_a_returned_order_waits_only_under_break_glass(world: World, older: Deployment) -> None:
    from releases.services.break_glass import end_break_glass, open_break_glass

    Promotion.objects.all().delete()
    type(older.order).objects.filter(pk=older.order_id).update(state="closed", closed_reason="returned")
    with pytest.raises(Refused):
        ask(world, older)
    Membership.objects.create(user=world.petra, project=world.project, role="break_glass", reason="night")
    older.order.refresh_from_db()
    glass = open_break_glass(
        actor=world.petra, order=older.order, space=world.spaces["prd"], reason="the market opens", minutes=60
    )
    reviewed(ask(world, older))
    assert inboxes(world)["to_approve"] == {"olli", "oskar", "petra"}
    end_break_glass(actor=world.petra, row=glass)
    assert inboxes(world) == {}


def test_while_somebody_holds_the_place_it_may_be_approved_and_not_done(world: World, older: Deployment) -> None:
    reviewed(ask(world, older))
    row = Hold.objects.create(
        space=world.spaces["prd"], reason="counting", held_by=world.tess, held_at=timezone.now(),
        ends_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    assert inboxes(world)["to_approve"] == {"olli", "oskar", "petra"}
    assert older.snapshot is not None
    approvals.approve(actor=world.petra, snapshot=older.snapshot)
    assert "to_deploy" not in inboxes(world)
    row.delete()
    assert inboxes(world)["to_deploy"] == {"olli", "oskar"}
    frozen = freeze(world)
    assert "to_deploy" not in inboxes(world), "nothing goes there while it is frozen"
    frozen.delete()
    assert inboxes(world)["to_deploy"] == {"olli", "oskar"}


def test_it_waits_for_others_in_its_project(world: World, older: Deployment) -> None:
    reviewed(ask(world, older))
    waits = [one for one in open_in(world.project) if one.wait.roll_back_to]
    assert [(one.act, {person.username for person in one.people}) for one in waits] == [
        ("approve", {"olli", "oskar", "petra"})
    ]


def test_any_number_costs_the_same_queries(world: World, older: Deployment) -> None:
    def count() -> int:
        rights = Rights(world.oskar)
        with CaptureQueriesContext(connection) as caught:
            assert roll_backs(rights).to_approve
        return len(caught.captured_queries)

    reviewed(ask(world, older))
    few = count()
    for number in range(3):
        component = make_component(world, f"SIS-OMM-C{number}")
        rows = [make_success(make_built(component, world.dana), world.spaces["prd"], world.olli) for _n in range(3)]
        Deployment.objects.filter(component=component).update(applied_at=timezone.now())
        promote_in(world, rows[0])
        reviewed(ask(world, rows[0]))
    assert count() == few


def promote_in(world: World, row: Deployment) -> None:
    Promotion.objects.create(order=row.order, component=row.order.component, space=row.space, promoted_by=world.tess)


def withdraw(world: World, review: Review, who: str = "olli") -> Review:
    return withdraw_roll_back(actor=world.people[who], review=find_ask(review.component, review.space, review.pk))


def test_a_reason_is_given_and_shown_to_who_approves(world: World, older: Deployment) -> None:
    for blank in ("", "  "):
        with pytest.raises(Invalid) as refusal:
            ask_roll_back(actor=world.olli, space=world.spaces["prd"], to=older, reason=blank)
        assert "reason" in refusal.value.fields
    olli, base = Caller(world, "olli"), f"components/{PLACE}/environments/prd/"
    refused = olli.post(f"{base}roll-back-reviews/", {"deployment": older.pk})
    assert refused.status_code == 400 and "reason" in refused.content.decode()
    page = browse(world, "olli").post(f"{ADDRESS}ask/", {"to": older.pk, "reason": ""})
    assert page.status_code == 400 and "This field is required" in words(page)
    assert not Review.objects.filter(wanted_snapshot__isnull=False).exists()
    tell()
    review = ask(world, older)
    reviewed(review)
    assert told(world)["approval"] >= {"oskar"}
    assert Notice.objects.latest("pk").detail == "it counts wrong"
    row = AuditEvent.objects.get(verb="review.roll_back_asked")
    assert row.reason == "it counts wrong"
    assert "it counts wrong" in words(browse(world, "oskar").get(f"{ADDRESS}?to={older.pk}"))
    assert "it counts wrong" in words(browse(world, "oskar").get(f"/orders/{older.order.number}/"))
    assert olli.get(f"{base}roll-backs/?deployment={older.pk}").json()["review"]["reason"] == "it counts wrong"


@pytest.mark.parametrize("is_reviewed", [False, True])
@pytest.mark.parametrize("who", ["olli", "oskar"])
def test_who_asked_or_operations_withdraw_it(world: World, older: Deployment, who: str, is_reviewed: bool) -> None:
    review = ask(world, older)
    if is_reviewed:
        reviewed(review)
    for other in ("dana", "tess", "petra", "uma", "ada"):
        with pytest.raises(Denied):
            withdraw(world, review, other)
    withdraw(world, review, who)
    assert inboxes(world) == {}
    row = AuditEvent.objects.get(verb="review.roll_back_withdrawn")
    assert (row.actor_name, row.before["reason"]) == (who.title(), "it counts wrong")
    assert "asked for no more" in words(browse(world, "dana").get(f"/orders/{older.order.number}/"))
    assert "Ask for approval" in words(browse(world, "olli").get(f"{ADDRESS}?to={older.pk}"))
    with pytest.raises(Stale):
        withdraw(world, review)
    again = ask(world, older, "oskar")
    assert again.pk != review.pk and inboxes(world) == {"running": {"oskar"}}
    with pytest.raises(Stale):
        withdraw(world, review)


def test_what_was_approved_for_it_is_void_once_it_is_withdrawn(world: World, older: Deployment) -> None:
    review = ask(world, older)
    reviewed(review)
    assert older.snapshot is not None
    approval = approvals.approve(actor=world.oskar, snapshot=older.snapshot)
    withdraw(world, review)
    approval.refresh_from_db()
    assert approval.state == "void"
    with pytest.raises(Refused, match="0 of 1 approvals"):
        deployments.roll_back(actor=world.olli, space=world.spaces["prd"], to=older)


def test_what_is_being_done_is_withdrawn_no_more(world: World, older: Deployment) -> None:
    review = ask(world, older)
    reviewed(review)
    assert older.snapshot is not None
    approvals.approve(actor=world.petra, snapshot=older.snapshot)
    deployments.roll_back(actor=world.olli, space=world.spaces["prd"], to=older)
    with pytest.raises(Stale):
        withdraw(world, review)


def test_page_and_api_withdraw_it(world: World, older: Deployment) -> None:
    olli, base = Caller(world, "olli"), f"components/{PLACE}/environments/prd/"
    path = f"{base}roll-back-reviews/{ask(world, older).pk}/withdrawal/"
    assert Caller(world, "dana").post(path).status_code == 403
    assert Caller(world, "otto").post(path).status_code == 404
    assert olli.post(path).json()["state"] == "cancelled"
    assert olli.post(path).status_code == 409
    assert olli.post(f"{base}roll-back-reviews/999999/withdrawal/").status_code == 404
    review = ask(world, older)
    page = browse(world, "olli").get(f"{ADDRESS}?to={older.pk}").content.decode()
    assert f"{ADDRESS}{review.pk}/withdraw/" in page
    others = browse(world, "dana").get(f"{ADDRESS}?to={older.pk}").content.decode()
    assert f"{ADDRESS}{review.pk}/withdraw/" not in others
    assert browse(world, "olli").post(f"{ADDRESS}{review.pk}/withdraw/").status_code == 302
    review.refresh_from_db()
    assert review.withdrawn_at is not None
