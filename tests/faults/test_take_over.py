"""Fields that somebody else set: named with owner and time, and taken over for one deployment by a person's act."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from audit.models import AuditEvent
from foundation.problems import Denied, Invalid, Refused, Stale
from releases.models import Approval, Deployment, OrderEvent, ReleaseOrder, Review
from releases.services import approvals, deployments, promotions, reviews
from tests.faults.test_rollouts import good_first, write_outside
from tests.proxy import PASS, answer
from tests.site import Site

pytestmark = pytest.mark.slow
WHY = "the night shift scaled it up, agreed with them"


def edited(site: Site, replicas: int = 3) -> None:
    """Somebody edits what runs."""
    write_outside(site, {"spec": {"replicas": replicas}})


def conflicting(site: Site, **policy: Any) -> tuple[ReleaseOrder, Review]:
    """A review of an order that wants 2 replicas, where somebody set 3."""
    good_first(site)
    edited(site)
    site.change_allocation("fat", replicas=2)
    site.change_space("fat", asks_review=True, **policy)
    order = site.order_with_image("slow 1")
    promotions.promote(actor=site.world.dana, order=order, space=site.space("fat"))
    return order, site.review(order)


def take_over(site: Site, review: Review, by: Any = None, reason: str = WHY) -> Review:
    made = reviews.take_over(actor=by or site.world.olli, review=Review.objects.get(pk=review.pk), reason=reason)
    return site.finish(made)  # type: ignore[no-any-return]


def deploy(site: Site, order: ReleaseOrder, review: Review) -> Deployment:
    assert review.snapshot is not None
    seen = {"snapshot_hash": review.snapshot.hash, "live_fingerprint": review.live_fingerprint}
    run = deployments.start_deployment(actor=site.world.olli, order=order, space=site.space("fat"), **seen)
    return site.finish(run)  # type: ignore[no-any-return]


def test_a_conflict_names_object_field_owner_and_time(site: Site) -> None:
    _order, review = conflicting(site)
    assert (review.state, review.reason) == ("failed", "conflict")
    (field,) = review.findings["conflicts"]
    name = site.component.slug
    assert (field["object"], field["path"], field["manager"]) == (
        f"Deployment/{name}",
        ".spec.replicas",
        "kubectl-edit",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", field["at"])
    named = rf"Set outside the platform: Deployment/{name} \.spec\.replicas by kubectl-edit at \d{{4}}-\S+ \S+ UTC\."
    assert re.fullmatch(named, str(review.message))


def test_a_deployment_without_review_names_them_too(site: Site) -> None:
    good_first(site)
    edited(site)
    site.change_allocation("fat", replicas=2)
    run = site.deploy(site.order_with_image("slow 1"))
    assert (run.state, run.reason) == ("failed", "conflict")
    assert ".spec.replicas by kubectl-edit at" in run.message


def test_fields_are_taken_over_for_one_deployment_with_event_and_audit(site: Site) -> None:
    order, review = conflicting(site)
    again = take_over(site, review)
    assert again.state == "succeeded", again.message
    assert again.snapshot.take_over["reason"] == WHY and again.snapshot.take_over["by"] == "olli"
    assert again.findings["conflicts"][0]["path"] == ".spec.replicas"
    run = deploy(site, order, again)
    assert run.state == "succeeded", run.message
    assert site.live("fat")["spec"]["replicas"] == 2
    event = OrderEvent.objects.get(order=order, kind="review.take_over")
    assert (event.actor_id, event.data["reason"], event.data["count"]) == (site.world.olli.pk, WHY, 1)
    row = AuditEvent.objects.get(verb="review.take_over")
    assert ".spec.replicas (kubectl-edit)" in str(row.after) and row.reason == WHY


def test_it_ends_with_that_deployment(site: Site) -> None:
    order, review = conflicting(site)
    again = take_over(site, review)
    assert deploy(site, order, again).state == "succeeded"
    edited(site, 4)
    who = {"actor": site.world.olli, "space": site.space("fat")}
    restarted = site.finish(deployments.restart(**who, placement=site.place("fat")))
    assert (restarted.state, restarted.reason) == ("failed", "partial")
    with pytest.raises(Stale):
        deploy(site, order, again)
    later = site.review(order)
    assert (later.state, later.reason, later.take_over) == ("failed", "conflict", {})
    assert site.live("fat")["spec"]["replicas"] == 4


def test_reviewing_again_before_the_click_keeps_it(site: Site) -> None:
    order, review = conflicting(site)
    first = take_over(site, review)
    again = site.review(order)
    assert again.state == "succeeded" and again.snapshot_id == first.snapshot_id
    assert deploy(site, order, again).state == "succeeded"


def test_only_what_was_named_is_taken_over(site: Site) -> None:
    order, review = conflicting(site)
    again = take_over(site, review)
    write_outside(site, {"spec": {"progressDeadlineSeconds": 99}})
    assert again.snapshot is not None
    seen = {"snapshot_hash": again.snapshot.hash, "live_fingerprint": again.live_fingerprint}
    run = deployments.start_deployment(actor=site.world.olli, order=order, space=site.space("fat"), **seen)
    # As though the live state had been read a moment too early.
    Deployment.objects.filter(pk=run.pk).update(live_fingerprint="")
    run = site.finish(run)
    assert (run.state, run.reason) == ("failed", "partial")
    assert "progressDeadlineSeconds by kubectl-edit" in run.message
    assert site.live("fat")["spec"]["replicas"] == 3


def test_where_the_space_asks_for_approval_it_is_asked_for_again(site: Site) -> None:
    order, review = conflicting(site, approvals=1)
    assert review.snapshot is not None
    approvals.approve(actor=site.world.oskar, snapshot=review.snapshot)
    again = take_over(site, review)
    assert again.snapshot_id != review.snapshot_id
    assert Approval.objects.get(snapshot=review.snapshot).state == "void"
    with pytest.raises(Refused) as refused:
        deploy(site, order, again)
    assert refused.value.code == "gate-approved"
    approvals.approve(actor=site.world.oskar, snapshot=again.snapshot)
    assert deploy(site, order, again).state == "succeeded"


# ---------------------------------------------------------------- what is refused
def test_without_a_reason_by_the_wrong_person_or_for_nothing_it_is_refused(site: Site) -> None:
    order, review = conflicting(site)
    with pytest.raises(Invalid):
        take_over(site, review, reason="  ")
    with pytest.raises(Denied):
        take_over(site, review, by=site.world.dana)
    again = site.review(order)
    with pytest.raises(Stale):
        take_over(site, review)
    taken = take_over(site, again)
    with pytest.raises(Refused) as refused:
        take_over(site, taken)
    assert refused.value.code == "no-conflict"
    assert OrderEvent.objects.filter(order=order, kind="review.take_over").count() == 1


# ---------------------------------------------------------------- page and API
def test_the_page_offers_it_to_operations_and_tells_others_who_may(site: Site, client: Any) -> None:
    order, review = conflicting(site)
    address = f"/orders/{order.number}/review/fat/"
    client.force_login(site.world.olli)
    text = client.get(address).content.decode()
    assert 'id="take-over"' in text and "kubectl-edit" in text
    answer = client.post(f"/orders/{order.number}/reviews/{review.pk}/take-over/", {"is_wanted": "on", "reason": ""})
    assert answer.status_code == 400 and Review.objects.filter(order=order).count() == 1
    answer = client.post(f"/orders/{order.number}/reviews/{review.pk}/take-over/", {"is_wanted": "on", "reason": WHY})
    assert answer.status_code == 302
    made = site.finish(Review.objects.filter(order=order).latest("pk"))
    assert made.state == "succeeded"
    text = client.get(address).content.decode()
    assert WHY in text and 'id="take-over"' not in text


def test_the_api_takes_over_with_a_reason(site: Site, client: Any) -> None:
    order, review = conflicting(site)
    client.force_login(site.world.olli)
    path = f"/api/v1/orders/{order.number}/reviews/{review.pk}/take-overs/"
    assert client.post(path, {"reason": ""}, content_type="application/json").status_code == 400
    answer = client.post(path, {"reason": WHY}, content_type="application/json")
    assert answer.status_code == 202 and answer.json()["take_over"]["reason"] == WHY
    client.force_login(site.world.dana)
    assert client.post(path, {"reason": WHY}, content_type="application/json").status_code == 403


# ---------------------------------------------------------------- what stands in the way besides
def status(code: int, reason: str, message: str, *fields: str) -> str:
    """What an API server answers when it refuses."""
    causes = [{"field": field, "reason": "FieldValueInvalid", "message": f"{field} is wrong"} for field in fields]
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": {"causes": causes}}
    return answer(f"{code} {reason}", json.dumps(body), "application/json")


REFUSED = {
    "right": (status(403, "Forbidden", 'User "bot" cannot patch resource "deployments" in API group "apps"'), "right"),
    "object": (status(422, "Invalid", "it is invalid", "spec.a", "spec.b"), "spec.a is wrong"),
    "absent": (status(404, "NotFound", 'namespaces "x" not found'), "no such object"),
    "stale": (status(409, "Conflict", "the object has been modified"), "has changed since it was read"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_server_refuses_besides_is_told_with_the_conflict(site: Site, client: Any, what: str) -> None:
    given, said = REFUSED[what]
    site.stand_ins.cluster.rule = lambda asked: given if "force=true" in asked.path else PASS
    order, review = conflicting(site)
    assert (review.state, review.reason) == ("failed", "conflict"), review.message
    assert [row["path"] for row in review.findings["conflicts"]] == [".spec.replicas"]
    assert {row["kind"] for row in review.findings["diff"]} >= {"Service"}, "the others were reviewed all the same"
    (first, *others) = review.findings["problems"]
    assert first["is_conflict"] and said in str(others[0]["message"]), others
    client.force_login(site.world.olli)
    text = client.get(f"/orders/{order.number}/review/fat/").content.decode()
    assert said in text and 'id="take-over"' in text


def test_a_refusal_is_noted_where_the_space_takes_over_what_others_set(site: Site) -> None:
    given, said = REFUSED["object"]
    site.stand_ins.cluster.rule = lambda asked: given if "force=true" in asked.path else PASS
    _order, review = conflicting(site, force_conflicts=True)
    assert (review.state, review.reason) == ("failed", "manifest"), review.message
    assert [str(row["message"]) for row in review.findings["problems"]] == [said, "spec.b is wrong"]
