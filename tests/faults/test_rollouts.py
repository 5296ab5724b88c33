"""Rollouts that fail, change hands or are changed from outside; roll back, restart, scale."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import transaction

from components.models import ConfigVersion
from deployer.interfaces import ObjectRef
from deployer.manifests import DEPLOYMENT_ANNOTATION, DeploymentMark
from environments.selectors.quota import quotas_seen
from foundation.installation import begin_epoch
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.identity import owner
from releases.locks import lock_placement
from releases.models import Deployment, OrderEvent
from releases.services import deployments
from releases.steps.deployment.ends import end
from tests.site import Site

pytestmark = pytest.mark.slow


def soon() -> float:
    return time.monotonic() + 20


def good_first(site: Site) -> Deployment:
    """Something that runs there already."""
    deployment = site.deploy(site.order_with_image())
    assert deployment.state == "succeeded", deployment.message
    return deployment


def write_outside(site: Site, change: dict[str, Any]) -> None:
    """Another writer: a merge patch under another field manager."""
    path = f"/apis/apps/v1/namespaces/{site.space('fat').namespace}/deployments/{site.component.slug}"
    query = [("fieldManager", "kubectl-edit")]
    content_type = "application/merge-patch+json"
    site.cluster._session.write("PATCH", path, query, change, deadline=soon(), content_type=content_type)


# ---------------------------------------------------------------- verdicts
def test_a_crash_on_start_fails_with_its_cause_and_its_log(site: Site) -> None:
    deployment = site.deploy(site.order_with_image("crash"))
    assert (deployment.state, deployment.reason) == ("failed", "rollout")
    assert deployment.diagnosis["code"] == "crash_loop"
    assert "exits with code 1" in deployment.message
    assert "Traceback" in deployment.diagnosis["log"]
    assert (
        deployment.diagnosis["lines"] and f"Its log ends with: {deployment.diagnosis['lines'][0]}" in deployment.message
    )
    assert deployment.diagnosis["pod"].startswith(site.component.slug)
    place = site.place("fat")
    assert (place.in_progress, place.last_succeeded, place.last_applied_id) == (None, None, deployment.pk)


def test_an_application_that_crashes_is_told_from_its_own_package(site: Site) -> None:
    build = site.build("crash")
    assert build.state == "succeeded", build.message
    build.order.refresh_from_db()
    deployment = site.deploy(build.order)
    assert (deployment.state, deployment.diagnosis["code"]) == ("failed", "crash_loop")


def test_an_image_that_cannot_be_pulled(site: Site) -> None:
    order = site.order_with_image()
    order.image_digest = "sha256:" + "0" * 64
    order.save(update_fields=["image_digest"])
    deployment = site.deploy(order)
    assert (deployment.state, deployment.reason) == ("failed", "rollout")
    assert deployment.diagnosis["code"] == "image_missing" and "0000" in deployment.message


def test_a_pod_that_never_gets_ready_fails_at_the_deadline(site: Site) -> None:
    site.change_space("fat", deploy_deadline_seconds=3)
    deployment = site.finish(site.start(site.order_with_image("never-ready")))
    assert (deployment.state, deployment.reason) == ("failed", "rollout")
    assert deployment.diagnosis["code"] in ("not_ready", "deadline")
    assert deployment.progress["ready"] == 0 and deployment.progress["wanted"] == 1


# ---------------------------------------------------------------- changes from outside
def test_a_deployment_deleted_outside_while_it_rolls(site: Site) -> None:
    run = site.finish(site.start(site.order_with_image("slow 30")), lambda row: row.phase == "rolling")
    live = site.live("fat")
    ref = ObjectRef("apps/v1", "Deployment", site.component.slug)
    site.cluster.remove(site.space("fat").namespace, ref, uid=live["metadata"]["uid"], deadline=soon())
    run = site.finish(run)
    assert (run.state, run.reason) == ("failed", "deleted")
    assert "deleted outside" in run.message


def test_the_quota_in_use_is_seen_once_a_deployment_has_settled(site: Site) -> None:
    site.change_space("fat", pods_ceiling=9)
    site.deploy(site.order_with_image("slow 1"))
    site.settle("fat")
    (seen,) = quotas_seen([site.space("fat")]).values()
    assert seen and {bar.resource: (bar.used, bar.hard) for bar in seen.bars}["pods"] == ("1", "9")


def test_drift_is_named_with_path_and_hand(site: Site) -> None:
    good_first(site)
    site.settle("fat")
    write_outside(site, {"metadata": {"labels": {"team": "night-shift"}}, "spec": {"replicas": 3}})
    place = site.observe("fat", lambda row: row.drift)
    found = {change["path"]: change for change in place.drift}
    replicas = next(change for path, change in found.items() if path.endswith("replicas"))
    assert (replicas["before"], replicas["after"]) in ((1, 3), ("1", "3"))
    assert replicas["manager"] == "kubectl-edit"
    assert OrderEvent.objects.filter(
        order=place.last_succeeded.order, kind="placement.seen", data__drift__gt=0
    ).exists()


@pytest.mark.security("races")
def test_a_deployment_of_something_reviewed_before_a_change_outside_is_refused(site: Site) -> None:
    good_first(site)
    site.change_space("fat", asks_review=True)
    order = site.order_with_image("slow 1")
    run = site.start(order)
    write_outside(site, {"spec": {"replicas": 2}})
    run = site.finish(run)
    assert (run.state, run.reason) == ("failed", "moved")
    assert "review again" in run.message
    assert site.live("fat")["spec"]["replicas"] == 2


def test_a_field_that_somebody_else_owns_is_a_conflict_and_not_overwritten(site: Site) -> None:
    good_first(site)
    write_outside(site, {"spec": {"replicas": 3}})
    site.change_allocation("fat", replicas=2)
    run = site.deploy(site.order_with_image("slow 1"))
    assert (run.state, run.reason) == ("failed", "conflict")
    assert "kubectl-edit" in run.message
    assert site.live("fat")["spec"]["replicas"] == 3


# ---------------------------------------------------------------- the fence
def later_than(run: Deployment) -> Deployment:
    """A row that was made after it, ended already."""
    row = Deployment.objects.get(pk=run.pk)
    row.pk, row.state = None, "cancelled"
    row._state.adding = True
    row.save()
    return row


def test_a_later_deployment_on_the_object_is_never_overwritten(site: Site) -> None:
    good_first(site)
    run = site.finish(site.start(site.order_with_image("slow 1")), lambda row: row.phase == "applying")
    later = str(later_than(run).mark)
    write_outside(site, {"metadata": {"annotations": {DEPLOYMENT_ANNOTATION: later}}})
    before = site.live("fat")
    run = site.finish(run)
    assert (run.state, run.reason) == ("cancelled", "superseded")
    after = site.live("fat")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"][DEPLOYMENT_ANNOTATION] == later
    assert site.place("fat").in_progress is None


@pytest.mark.parametrize("distance", [-1, 0, 7])
def test_a_deployment_that_the_database_lost_is_never_overwritten(site: Site, distance: int) -> None:
    good_first(site)
    run = site.finish(site.start(site.order_with_image("slow 1")), lambda row: row.phase == "applying")
    # After a restore the same row id is given again: the nonce tells the two apart.
    lost = str(DeploymentMark(run.epoch, run.pk + distance, "0000dead"))
    write_outside(site, {"metadata": {"annotations": {DEPLOYMENT_ANNOTATION: lost}}})
    before = site.live("fat")
    run = site.finish(run)
    assert (run.state, run.reason) == ("failed", "unknown_mark")
    assert "manage.py after_restore" in run.message
    assert site.live("fat")["spec"] == before["spec"]
    assert site.live("fat")["metadata"]["annotations"][DEPLOYMENT_ANNOTATION] == lost


def test_what_an_earlier_epoch_left_behind_is_replaced(site: Site) -> None:
    lost = good_first(site)
    Deployment.objects.filter(pk=lost.pk).update(nonce="0000dead")
    refused = site.deploy(site.order_with_image("slow 1"))
    assert (refused.state, refused.reason) == ("failed", "unknown_mark")
    begin_epoch()
    run = site.deploy(site.order_with_image("slow 2"))
    assert run.state == "succeeded", run.message
    assert site.live("fat")["metadata"]["annotations"][DEPLOYMENT_ANNOTATION] == str(run.mark)


def test_a_deployment_is_superseded_while_it_rolls(site: Site) -> None:
    run = site.finish(site.start(site.order_with_image("slow 30")), lambda row: row.phase == "rolling")
    write_outside(site, {"metadata": {"annotations": {DEPLOYMENT_ANNOTATION: str(later_than(run).mark)}}})
    run = site.finish(run)
    assert (run.state, run.reason) == ("cancelled", "superseded")


# ---------------------------------------------------------------- what people do next
def test_two_clicks_at_once_name_who_was_first(site: Site) -> None:
    order = site.order_with_image("slow 5")
    run = site.start(order, by=site.world.olli)
    with pytest.raises(Exception) as refused:
        site.start(order, by=site.world.oskar)
    assert getattr(refused.value, "status", 0) == 409
    assert "Olli" in str(getattr(refused.value, "message", ""))
    assert list(Deployment.objects.filter(state__in=["queued", "running"]).values_list("pk", flat=True)) == [run.pk]


def test_roll_back_restores_image_and_configuration(site: Site) -> None:
    configuration = {"component": site.component, "environment": site.world.environments["fat"]}
    ConfigVersion.objects.create(**configuration, number=1, env=[{"name": "LEVEL", "value": "old"}])
    first = good_first(site)
    names_before = config_maps(site)
    before = site.live("fat")["spec"]
    ConfigVersion.objects.create(**configuration, number=2, env=[{"name": "LEVEL", "value": "new"}])
    second = site.deploy(site.order_with_image("slow 1"))
    assert second.state == "succeeded", second.message
    assert config_maps(site) != names_before and site.image_running() == second.order.image_by_digest

    back = site.finish(deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=first))
    assert (back.state, back.kind, back.snapshot_id) == ("succeeded", "roll_back", first.snapshot_id), back.message
    assert site.image_running() == first.order.image_by_digest
    assert config_maps(site) == names_before
    (name,) = names_before
    assert site.live("fat", "ConfigMap", name)["data"] == {"LEVEL": "old"}
    assert site.live("fat")["spec"] == before
    assert site.place("fat").last_succeeded_id == back.pk


def config_maps(site: Site) -> set[str]:
    container = site.live("fat")["spec"]["template"]["spec"]["containers"][0]
    return {source["configMapRef"]["name"] for source in container.get("envFrom") or ()}


def test_restart_replaces_the_pods_and_scale_keeps_them(site: Site) -> None:
    good_first(site)
    pods = {pod["uid"] for pod in site.place("fat").pods}
    who = {"actor": site.world.olli, "space": site.space("fat")}
    restarted = site.finish(deployments.restart(**who, placement=site.place("fat")))
    assert (restarted.state, restarted.kind) == ("succeeded", "restart"), restarted.message
    fresh = {pod["uid"] for pod in site.place("fat").pods if not pod["is_leaving"]}
    assert fresh and not fresh & pods

    scaled = site.finish(deployments.scale(**who, placement=site.place("fat"), replicas=3))
    assert (scaled.state, scaled.overlay["replicas"], scaled.progress["ready"]) == ("succeeded", 3, 3), scaled.message
    assert site.live("fat")["spec"]["replicas"] == 3
    assert scaled.overlay["restarted_at"] == restarted.overlay["restarted_at"]
    assert fresh <= {pod["uid"] for pod in site.place("fat").pods}
    # The overlay ends with the next snapshot.
    last = site.deploy(site.order_with_image("slow 1"))
    assert last.state == "succeeded" and site.live("fat")["spec"]["replicas"] == 1, last.message


def test_a_failure_rolls_back_by_policy_once(site: Site) -> None:
    first = good_first(site)
    site.change_space("fat", auto_rollback=True)
    failed = site.deploy(site.order_with_image("crash"))
    assert failed.state == "failed" and failed.diagnosis["code"] == "crash_loop"
    back = Deployment.objects.get(cause=failed)
    assert (back.kind, back.is_automatic, back.snapshot_id) == ("roll_back", True, first.snapshot_id)
    back = site.finish(back)
    assert back.state == "succeeded", back.message
    assert site.image_running() == first.order.image_by_digest
    assert Deployment.objects.count() == 3


def test_cancel_stops_following_and_says_what_stays(site: Site) -> None:
    run = site.finish(site.start(site.order_with_image("slow 30")), lambda row: row.phase == "rolling")
    deployments.cancel_deployment(actor=site.world.olli, deployment=run)
    run = site.finish(run)
    assert (run.state, run.reason) == ("cancelled", "cancelled")
    assert "stays as it is" in run.message
    assert site.live("fat") is not None and site.place("fat").in_progress is None


def test_an_order_that_changes_the_database_is_never_rolled_back_by_itself(site: Site) -> None:
    good_first(site)
    site.change_space("fat", auto_rollback=True)
    order = site.order_with_image("crash")
    order.changes_database = True
    order.save(update_fields=["changes_database"])
    failed = site.deploy(order)
    assert failed.state == "failed" and "changes the database" in failed.message
    assert not Deployment.objects.filter(kind="roll_back").exists()
    assert site.place("fat").in_progress is None


def test_an_automatic_roll_back_brings_back_the_replicas_of_the_last_success(site: Site) -> None:
    good_first(site)
    who = {"actor": site.world.olli, "space": site.space("fat")}
    scaled = site.finish(deployments.scale(**who, placement=site.place("fat"), replicas=2))
    assert scaled.state == "succeeded", scaled.message
    site.change_space("fat", auto_rollback=True)
    failed = site.deploy(site.order_with_image("crash"))
    back = site.finish(Deployment.objects.get(cause=failed))
    assert (back.state, back.overlay) == ("succeeded", scaled.overlay), back.message
    assert site.live("fat")["spec"]["replicas"] == 2


def test_a_roll_back_that_fails_is_not_rolled_back(site: Site) -> None:
    good_first(site)
    site.change_space("fat", auto_rollback=True, deploy_deadline_seconds=3)
    failed = site.deploy(site.order_with_image("crash"))
    back = Deployment.objects.get(cause=failed)
    with transaction.atomic():
        Deployment.objects.filter(pk=back.pk).update(applied=[{"kind": "Deployment", "name": "x"}])
        back.refresh_from_db()
        lock_placement(back.order, back.space)
    (lease,) = claim(kinds.get("deployment"), owner=owner(), limit=1, pk=back.pk, grace=1e7)
    end(lease, back, "failed", "rollout", "It failed.")
    assert Deployment.objects.filter(is_automatic=True).count() == 1
