"""Rollouts that fail, change hands or are changed from outside; roll back, restart, scale."""

from __future__ import annotations

import time
from typing import Any

import pytest

from components.models import ConfigVersion
from deployer.interfaces import ObjectRef
from deployer.manifests import DEPLOYMENT_ANNOTATION
from environments.selectors.quota import quotas_seen
from foundation.problems import Stale
from foundation.runs.driving import drive
from releases.models import Deployment, OrderEvent
from releases.services import deployments
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
    """Somebody else's hand: a merge patch under another field manager."""
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
    assert deployment.diagnosis["pod"].startswith(site.component.slug)
    place = site.place("fat")
    assert (place.active, place.good, place.applied_id) == (None, None, deployment.pk)


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


# ---------------------------------------------------------------- hands from outside
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
    place = site.place("fat")
    place = drive("observe", place.pk, lambda row: row.drift)
    found = {change["path"]: change for change in place.drift}
    replicas = next(change for path, change in found.items() if path.endswith("replicas"))
    assert (replicas["before"], replicas["after"]) in ((1, 3), ("1", "3"))
    assert replicas["manager"] == "kubectl-edit"
    assert OrderEvent.objects.filter(order=place.good.order, kind="placement.seen", data__drift__gt=0).exists()


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
def test_a_later_deployment_on_the_object_is_never_overwritten(site: Site) -> None:
    good_first(site)
    run = site.finish(site.start(site.order_with_image("slow 1")), lambda row: row.phase == "applying")
    write_outside(site, {"metadata": {"annotations": {DEPLOYMENT_ANNOTATION: str(run.pk + 7)}}})
    before = site.live("fat")
    run = site.finish(run)
    assert (run.state, run.reason) == ("cancelled", "superseded")
    after = site.live("fat")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"][DEPLOYMENT_ANNOTATION] == str(run.pk + 7)
    assert site.place("fat").active is None


def test_a_deployment_is_superseded_while_it_rolls(site: Site) -> None:
    run = site.finish(site.start(site.order_with_image("slow 30")), lambda row: row.phase == "rolling")
    write_outside(site, {"metadata": {"annotations": {DEPLOYMENT_ANNOTATION: str(run.pk + 1)}}})
    run = site.finish(run)
    assert (run.state, run.reason) == ("cancelled", "superseded")


# ---------------------------------------------------------------- what people do next
def test_two_clicks_at_once_name_who_was_first(site: Site) -> None:
    order = site.order_with_image("slow 5")
    run = site.start(order, by=site.world.olli)
    with pytest.raises(Exception) as refused:
        site.start(order, by=site.world.oskar)
    assert getattr(refused.value, "status", 0) == 409
    assert "Olli" in str(getattr(refused.value, "sentence", ""))
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
    assert site.place("fat").good_id == back.pk


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
    assert site.live("fat") is not None and site.place("fat").active is None


def test_cancel_before_the_apply_leaves_nothing(site: Site) -> None:
    run = site.start(site.order_with_image())
    deployments.cancel_deployment(actor=site.world.olli, deployment=run)
    run = site.finish(run)
    assert (run.state, run.applied) == ("cancelled", []) and "before anything was applied" in run.message
    assert site.live("fat") is None


def test_a_second_run_of_the_same_place_waits_for_nobody(site: Site) -> None:
    """After the end of one the next may begin at once, and the row says who is active in between."""
    run = site.start(site.order_with_image())
    assert site.place("fat").active_id == run.pk
    site.finish(run)
    assert site.place("fat").active is None
    with pytest.raises(Stale):
        deployments.start_deployment(
            actor=site.world.olli, order=run.order, space=site.space("fat"), snapshot_hash="0" * 64
        )
