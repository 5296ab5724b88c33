"""What others added to the workload before our deployment: shown with owner and time, kept, or taken over."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Conflict
from foundation.problems import Refused
from releases.models import Approval, Deployment, ReleaseOrder, Review
from releases.services import approvals, deployments, promotions, reviews
from tests.faults.test_outside_hands import add_variable, containers, patch
from tests.faults.test_rollouts import good_first, write_outside
from tests.faults.test_take_over import WHY, deploy, edited, take_over
from tests.site import Site

pytestmark = pytest.mark.slow
SIDECAR = {"name": "spy", "image": "spy@sha256:" + "0" * 64}


def path_of(site: Site) -> str:
    return f'.spec.template.spec.containers[name="{site.component.slug}"].env[name="A"]'


def added_first(site: Site, **policy: Any) -> tuple[ReleaseOrder, Review]:
    """Somebody set a variable on what runs; the review of the next order."""
    good_first(site)
    add_variable(site)
    site.change_space("fat", asks_review=True, **policy)
    order = site.order_with_image("slow 1")
    promotions.promote(actor=site.world.dana, order=order, space=site.space("fat"))
    return order, site.review(order)


def has_addition(site: Site) -> bool:
    env = site.live()["spec"]["template"]["spec"]["containers"][0].get("env", [])
    return "A" in [one["name"] for one in env]


def test_the_review_names_it_and_deploying_leaves_it_as_drift(site: Site) -> None:
    order, review = added_first(site)
    assert review.state == "succeeded", review.message
    (field,) = review.findings["additions"]
    assert (field["path"], field["manager"], field["is_added"]) == (path_of(site), "kubectl-edit", True)
    run = deploy(site, order, review)
    assert run.state == "succeeded" and has_addition(site)
    place = site.observe("fat", lambda row: row.drift)
    (row,) = place.drift
    assert (row["path"], row["manager"], row["before"], str(row["after"])) == (
        field["path"],
        "kubectl-edit",
        "",
        "added",
    )
    assert place.last_succeeded_id == run.pk


def test_it_is_seen_while_the_deployment_settles(site: Site) -> None:
    order, review = added_first(site, settle_seconds=600)
    deploy(site, order, review)
    place = site.observe("fat", lambda row: row.drift)
    assert place.settled_at is None and place.unsettled_reason == ""


def test_a_sidecar_a_volume_and_a_label_of_the_pods_are_told_each(site: Site) -> None:
    good_first(site)
    patch(site, {"spec": {"template": {"metadata": {"labels": {"mesh": "on"}}}}}, "merge-patch+json", "mesh")
    boxes = [*site.live()["spec"]["template"]["spec"]["containers"], SIDECAR]
    patch(site, {"spec": {"template": {"spec": {"containers": boxes}}}}, "merge-patch+json", "kubectl-edit")
    site.deploy(site.order_with_image("slow 1"))
    place = site.observe("fat", lambda row: row.drift)
    found = {(row["path"], row["manager"]) for row in place.drift}
    assert {
        (".spec.template.metadata.labels.mesh", "mesh"),
        ('.spec.template.spec.containers[name="spy"]', "kubectl-edit"),
    } <= found


def test_a_take_over_removes_it_once_and_asks_for_approval_again(site: Site) -> None:
    order, review = added_first(site, approvals=1)
    assert review.snapshot is not None
    approvals.approve(actor=site.world.oskar, snapshot=review.snapshot)
    again = take_over(site, review)
    assert again.state == "succeeded" and again.snapshot_id != review.snapshot_id
    assert Approval.objects.get(snapshot=review.snapshot).state == "void"
    (row,) = [row for row in again.findings["diff"] if row["kind"] == "Deployment"]
    assert any(change["path"].startswith(path_of(site).rpartition("[")[0]) for change in row["changes"])
    approvals.approve(actor=site.world.oskar, snapshot=again.snapshot)
    run = deploy(site, order, again)
    assert run.state == "succeeded", run.message
    assert not has_addition(site)
    assert site.settle("fat").settled_at
    assert site.observe("fat", lambda row: row.drift_checked_at).drift == []
    add_variable(site)
    restarted = site.finish(
        deployments.restart(actor=site.world.olli, space=site.space("fat"), placement=site.place("fat"))
    )
    assert restarted.state == "succeeded" and has_addition(site), "a take over is for one deployment"


def test_a_conflict_and_an_addition_are_taken_over_together(site: Site) -> None:
    good_first(site)
    add_variable(site)
    edited(site)
    site.change_allocation("fat", replicas=2)
    site.change_space("fat", asks_review=True)
    order = site.order_with_image("slow 1")
    promotions.promote(actor=site.world.dana, order=order, space=site.space("fat"))
    again = take_over(site, site.review(order))
    assert again.state == "succeeded", again.message
    assert {field["path"] for field in again.snapshot.take_over["fields"]} == {".spec.replicas", path_of(site)}
    assert deploy(site, order, again).state == "succeeded"
    assert (has_addition(site), site.live()["spec"]["replicas"]) == (False, 2)


def test_what_comes_after_the_take_over_stays_and_can_be_taken_over_too(site: Site) -> None:
    order, review = added_first(site)
    taken = take_over(site, review)
    with pytest.raises(Refused):
        reviews.take_over(actor=site.world.olli, review=taken, reason=WHY)
    write_outside(site, {"spec": {"template": {"spec": {"hostname": "odd"}}}})
    later = site.review(order)
    assert {field["path"] for field in later.findings["additions"]} == {path_of(site), ".spec.template.spec.hostname"}
    both = take_over(site, later)
    assert len(both.snapshot.take_over["fields"]) == 2
    assert deploy(site, order, both).state == "succeeded"
    assert not has_addition(site) and "hostname" not in site.live()["spec"]["template"]["spec"]


def test_stopped_between_the_two_writes_it_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the fields became ours and before the apply somebody else writes: read again, and send again."""
    order, review = added_first(site)
    again = take_over(site, review)
    adopt, seen = KubernetesCluster.adopt, []

    def and_somebody_writes(self: KubernetesCluster, *given: Any, **named: Any) -> Any:
        answer = adopt(self, *given, **named)
        if not seen:
            seen.append(answer)
            patch(site, {"metadata": {"annotations": {"team": "night"}}}, "merge-patch+json", "kubectl-annotate")
        return answer

    monkeypatch.setattr(KubernetesCluster, "adopt", and_somebody_writes)
    run = deploy(site, order, again)
    assert run.state == "succeeded", run.message
    assert seen and not has_addition(site)


def test_a_late_worker_adopts_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer write between the read and the first of the two writes: nothing was done, it reads again."""
    order, review = added_first(site)
    again = take_over(site, review)
    adopt, refused = KubernetesCluster.adopt, []

    def late(self: KubernetesCluster, *given: Any, **named: Any) -> Any:
        if not refused:
            patch(site, {"metadata": {"annotations": {"team": "night"}}}, "merge-patch+json", "kubectl-annotate")
        try:
            return adopt(self, *given, **named)
        except Conflict as conflict:
            refused.append(conflict.is_stale)
            raise

    monkeypatch.setattr(KubernetesCluster, "adopt", late)
    assert deploy(site, order, again).state == "succeeded"
    assert refused == [True] and not has_addition(site)


def test_the_page_says_what_stays_and_offers_to_take_it_over(site: Site, client: Any) -> None:
    order, review = added_first(site)
    client.force_login(site.world.olli)
    address = f"/orders/{order.number}/review/fat/"
    text = client.get(address).content.decode()
    assert "Added outside the platform" in text and "stays" in text and 'id="take-over"' in text
    answer = client.post(f"/orders/{order.number}/reviews/{review.pk}/take-over/", {"is_wanted": "on", "reason": WHY})
    assert answer.status_code == 302
    site.finish(Review.objects.filter(order=order).latest("pk"))
    text = client.get(address).content.decode()
    assert "is removed" in text and WHY in text and 'id="take-over"' not in text
    client.force_login(site.world.dana)
    assert Deployment.objects.filter(order=order).count() == 0


def test_containers_of_ours_are_no_additions(site: Site) -> None:
    good_first(site)
    patch(site, containers(site), "merge-patch+json", "kubectl-edit")
    site.settle("fat")
    assert site.observe("fat", lambda row: row.drift_checked_at).drift == []
