"""Somebody with kubectl works on a rollout: what ends as succeeded is what was applied, or it does not succeed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from deployer.interfaces import Manifest, ObjectRef
from releases import gates
from releases.models import Deployment
from releases.services import deployments
from tests.faults.test_rollouts import good_first, soon, write_outside
from tests.site import Site

pytestmark = pytest.mark.slow


def rolling(site: Site, scenario: str = "slow 20") -> Deployment:
    """The second deployment there, under way."""
    found: Deployment = site.finish(site.start(site.order_with_image(scenario)), lambda row: row.phase == "rolling")
    return found


def patch(site: Site, body: Any, kind: str, manager: str, part: str = "") -> None:
    path = f"/apis/apps/v1/namespaces/{site.space('fat').namespace}/deployments/{site.component.slug}{part}"
    query = [("fieldManager", manager)]
    site.cluster._session.write("PATCH", path, query, body, deadline=soon(), content_type=f"application/{kind}")


def containers(site: Site, **changes: Any) -> Any:
    """A merge patch that changes the container; such a patch replaces lists as a whole."""
    box = site.live()["spec"]["template"]["spec"]["containers"][0] | changes
    return {"spec": {"template": {"spec": {"containers": [box]}}}}


def set_image(site: Site) -> None:
    patch(site, containers(site, image="old@sha256:" + "0" * 64), "merge-patch+json", "kubectl-set")


def scale(site: Site) -> None:
    patch(site, {"spec": {"replicas": 3}}, "merge-patch+json", "kubectl", "/scale")


def add_variable(site: Site) -> None:
    patch(site, containers(site, env=[{"name": "A", "value": "b"}]), "merge-patch+json", "kubectl-edit")


def undo(site: Site) -> None:
    """``kubectl rollout undo`` (polymorphichelpers/rollback.go): template and annotations of the ReplicaSet before."""
    live = site.live()
    sets = site.cluster.observe(site.space("fat").namespace, "app.kubernetes.io/managed-by=prism4k").replica_sets
    revision = "deployment.kubernetes.io/revision"
    by_number = sorted(sets, key=lambda found: int(found["metadata"]["annotations"][revision]))
    before: Manifest = copy.deepcopy(by_number[-2])
    template = before["spec"]["template"]
    template["metadata"]["labels"].pop("pod-template-hash")
    kept = {name for name in live["metadata"]["annotations"] if name.startswith("deployment.kubernetes.io/")}
    annotations = {n: v for n, v in before["metadata"]["annotations"].items() if not n.startswith("deployment.k")}
    annotations |= {name: live["metadata"]["annotations"][name] for name in kept}
    body = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]
    patch(site, body, "json-patch+json", "kubectl")


EDITS: dict[str, tuple[Callable[[Site], None], str, str]] = {
    "set image": (set_image, "kubectl-set", ".image ("),
    "scale": (scale, "kubectl", ".spec.replicas (1 → 3)"),
    "edit": (add_variable, "kubectl-edit", ".env["),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_while_it_rolls_is_never_a_success(site: Site, name: str) -> None:
    edit, manager, fields = EDITS[name]
    good_first(site)
    site.change_space("fat", auto_rollback=True)
    run = rolling(site)
    edit(site)
    run = site.finish(run)
    assert (run.state, run.reason, run.diagnosis["code"]) == ("failed", "conflict", "changed_outside")
    assert f"Changed outside the platform by {manager} at 20" in run.message and fields in run.message
    place = site.place("fat")
    assert (place.settled_at, place.in_progress, place.last_succeeded_id) == (None, None, run.pk - 1)
    assert not Deployment.objects.filter(cause=run).exists(), "no roll back over a person's own change"
    assert not gates.promotion_gates(run.order, site.space("uat"))[2].is_open


@pytest.mark.parametrize("act", ["restart", "scale", "roll_back"])
def test_restart_scale_and_roll_back_are_held_to_what_they_applied(site: Site, act: str) -> None:
    site.deploy(site.order_with_image("slow 2"))
    who = {"actor": site.world.olli, "space": site.space("fat")}
    if act == "roll_back":
        first = site.place("fat").last_succeeded
        good_first(site)
        run = deployments.roll_back(**who, to=first)
    elif act == "restart":
        run = deployments.restart(**who, placement=site.place("fat"))
    else:
        run = deployments.scale(**who, placement=site.place("fat"), replicas=4)
    run = site.finish(run, lambda row: row.phase == "rolling")
    set_image(site)
    run = site.finish(run)
    assert (run.state, run.kind, run.diagnosis["code"]) == ("failed", act, "changed_outside"), run.message


def test_an_undo_while_it_rolls_is_told_as_one(site: Site) -> None:
    good_first(site)
    site.settle("fat")
    before = site.image_running()
    run = rolling(site)
    undo(site)
    assert site.image_running() == before
    run = site.finish(run)
    assert (run.state, run.reason, run.diagnosis["code"]) == ("failed", "conflict", "undone_outside")
    assert "Rolled back outside the platform by kubectl at 20" in run.message
    place = site.observe("fat", lambda row: row.drift)
    assert any("image" in change["path"] and change["manager"] == "kubectl" for change in place.drift)
    assert place.settled_at is None


def test_an_undo_while_it_settles_is_told_as_one(site: Site) -> None:
    good_first(site)
    site.change_space("fat", settle_seconds=60)
    run = site.deploy(site.order_with_image("slow 1"))
    assert run.state == "succeeded"
    undo(site)
    place = site.settle("fat")
    assert place.settled_at is None
    assert str(place.unsettled_reason).startswith("Rolled back outside the platform by kubectl at 20")


def test_an_edit_while_it_settles_keeps_it_from_settling(site: Site) -> None:
    site.change_space("fat", settle_seconds=60)
    run = good_first(site)
    scale(site)
    place = site.settle("fat")
    assert place.settled_at is None
    assert "by kubectl at 20" in str(place.unsettled_reason) and ".spec.replicas (1 → 3)" in str(place.unsettled_reason)
    assert not gates.promotion_gates(run.order, site.space("uat"))[2].is_open


def test_labels_and_annotations_of_others_stop_nothing(site: Site) -> None:
    good_first(site)
    run = rolling(site, "slow 3")
    write_outside(site, {"metadata": {"annotations": {"team": "night-shift"}, "labels": {"team": "night-shift"}}})
    again = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
    patch(site, again, "merge-patch+json", "kubectl-rollout")
    run = site.finish(run)
    assert run.state == "succeeded", run.message


def test_a_paused_deployment_is_named_and_goes_on_when_it_is_resumed(site: Site) -> None:
    good_first(site)
    write_outside(site, {"spec": {"paused": True}})
    run = rolling(site, "slow 1")
    assert run.review is not None
    assert any("kubectl rollout resume" in str(warning) for warning in run.review.findings["warnings"])
    run = site.finish(run, lambda row: row.progress.get("outcome") == "paused")
    assert (run.progress["ready"], run.progress["updated"], run.progress["suspicion"]["code"]) == (0, 0, "paused")
    assert not any(pod["is_new"] for pod in run.progress["pods"])
    write_outside(site, {"spec": {"paused": False}})
    run = site.finish(run)
    assert run.state == "succeeded", run.message


def test_a_paused_deployment_gives_its_place_back_at_the_deadline(site: Site) -> None:
    good_first(site)
    write_outside(site, {"spec": {"paused": True}})
    site.change_space("fat", deploy_deadline_seconds=2)
    run = site.deploy(site.order_with_image("slow 1"))
    assert (run.state, run.diagnosis["code"]) == ("failed", "paused")
    assert site.place("fat").in_progress is None


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"spec": {"paused": True}}, ".spec.paused"),
        ({"spec": {"minReadySeconds": 30}}, ".spec.minReadySeconds"),
    ],
    ids=["pause", "slower"],
)
def test_a_field_that_others_added_is_drift_though_no_dry_run_shows_it(
    site: Site, body: dict[str, Any], path: str
) -> None:
    """Server-side apply leaves what it does not own."""
    good_first(site)
    site.settle("fat")
    write_outside(site, body)
    place = site.observe("fat", lambda row: row.drift)
    assert [change["path"] for change in place.drift] == [path]


def test_the_value_of_a_variable_that_others_added_is_not_told(site: Site) -> None:
    good_first(site)
    site.settle("fat")
    add_variable(site)
    place = site.observe("fat", lambda row: row.drift)
    told = [str(change["after"]) for change in place.drift if ".env[" in change["path"]]
    assert told and set(told) <= {"", "added"}


def test_what_is_deleted_again_after_it_was_put_back_is_seen_again(site: Site) -> None:
    def delete() -> None:
        live = site.live()
        ref = ObjectRef("apps/v1", "Deployment", site.component.slug)
        site.cluster.remove(site.space("fat").namespace, ref, uid=live["metadata"]["uid"], deadline=soon())
        site.observe("fat", lambda row: row.drift)

    good_first(site)
    site.settle("fat")
    delete()
    assert site.deploy(site.order_with_image("slow 1")).state == "succeeded"
    site.settle("fat")
    delete()
