"""What left the templates goes after a success, is shown before, and nothing else ever goes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from audit.models import AuditEvent
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Forbidden
from deployer.interfaces import ObjectRef
from deployer.manifests import inventory_selector
from foundation.problems import Refused
from releases.models import Deployment, OrderEvent, Prune
from releases.services import deployments, promotions
from releases.steps.review.inventory import identity_of
from tests.faults.test_crashes import assert_gapless, finish_dying_everywhere
from tests.site import Site

pytestmark = pytest.mark.slow

VERSIONS = {
    "Deployment": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Ingress": "networking.k8s.io/v1",
}
AUTOSCALER = """
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ component.slug }}
spec:
  minReplicas: 1
  maxReplicas: 3
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ component.slug }}
"""


def soon() -> float:
    return time.monotonic() + 20


def there(site: Site, environment: str = "fat") -> set[str]:
    """``Kind/name`` of everything of the component."""
    space = site.space(environment)
    found = site.cluster.inventory(space.namespace, inventory_selector(identity_of(site.component, space)))
    return {f"{one['kind']}/{one['metadata']['name']}" for one in found}


def read(site: Site, name: str) -> Any:
    """The live object ``Kind/name``."""
    kind, _slash, called = name.partition("/")
    return site.cluster.read(site.space("fat").namespace, ObjectRef(VERSIONS.get(kind, "v1"), kind, called))


def put(site: Site, manifest: dict[str, Any]) -> Any:
    """Apply as the platform does: what an earlier deployment left behind."""
    return site.cluster.apply(site.space("fat").namespace, manifest, force=True, deadline=soon()).manifest


def patch(site: Site, name: str, change: dict[str, Any]) -> None:
    """A person's ``kubectl edit``."""
    kind, _slash, called = name.partition("/")
    version = VERSIONS.get(kind, "v1")
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = {"Ingress": "ingresses"}.get(kind, f"{kind.lower()}s")
    path = f"{base}/namespaces/{site.space('fat').namespace}/{plural}/{called}"
    query = [("fieldManager", "kubectl-edit")]
    content_type = "application/merge-patch+json"
    site.cluster._session.write("PATCH", path, query, change, deadline=soon(), content_type=content_type)


def left_behind(site: Site, kind: str, name: str, spec: dict[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    """An object of the component with the platform's labels and annotations."""
    identity = identity_of(site.component, site.space("fat"))
    own = dict(pair.split("=") for pair in inventory_selector(identity).split(","))
    own |= {"app.kubernetes.io/name": identity.component}
    annotations = {"prism4k.io/project": identity.project, "prism4k.io/component": identity.component}
    metadata = {"name": name, "labels": own | labels, "annotations": annotations}
    manifest = {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": metadata}
    return manifest | ({"spec": spec} if spec else {"data": {"a": "b"}})


def finish_prune(site: Site, deployment: Deployment) -> Prune:
    """The run after the success, driven to its end."""
    found: Prune = site.finish(Prune.objects.get(deployment=deployment))
    return found


def good(site: Site, **fields: Any) -> Deployment:
    """A deployment of a new image that succeeds, and what is removed after it."""
    deployment: Deployment = site.deploy(site.order_with_image(), **fields)
    assert deployment.state == "succeeded", deployment.message
    return deployment


def rename(site: Site, field: str, before: str, after: str) -> None:
    """Another name in a template; only where an object is called."""
    body = site.template_body(field)
    assert f"  name: {before}" in body
    site.change_template(field, body.replace(f"  name: {before}", f"  name: {after}", 1))


def ticked(site: Site, removals: list[str]) -> Deployment:
    """A reviewed deployment of a new order with these ticks, driven to its verdict."""
    site.change_space("fat", asks_review=True)
    order = site.order_with_image()
    space = site.space("fat")
    promotions.promote(actor=site.world.dana, order=order, space=space)
    review = site.review(order)
    assert review.state == "succeeded" and review.snapshot, review.message
    run = deployments.start_deployment(
        actor=site.world.olli, order=order, space=space, snapshot_hash=review.snapshot.hash, removals=removals
    )
    done: Deployment = site.finish(run)
    return done


# ---------------------------------------------------------------- what goes
def test_a_service_that_left_the_templates_is_shown_and_goes_after_the_success(site: Site) -> None:
    good(site)
    assert "Service/proxy-gw" in there(site)
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    review = site.review(site.order_with_image())
    assert [(row["kind"], row["name"], row["needs_tick"]) for row in review.findings["removals"]] == [
        ("Service", "proxy-gw", False)
    ]
    assert ("Service", "proxy-gw", "remove") in {
        (row["kind"], row["name"], row["action"]) for row in review.findings["diff"]
    }
    second = good(site)
    assert {"Service/proxy-gw", "Service/proxy-gw-next"} <= there(site)
    prune = finish_prune(site, second)
    assert prune.state == "succeeded", prune.message
    assert there(site) == {f"Deployment/{site.component.slug}", "Service/proxy-gw-next"}
    (event,) = OrderEvent.objects.filter(order=second.order, kind="prune.succeeded")
    assert event.data["removed"] == ["Service/proxy-gw"]
    assert AuditEvent.objects.filter(verb="prune.succeeded", object_name=second.order.number).count() == 1


def test_an_autoscaler_and_an_ingress_go_before_the_service(site: Site) -> None:
    body = site.template_body("deployment_template")
    # An autoscaler and a number of replicas together are refused.
    site.change_template("deployment_template", body.replace("  replicas: {{ replicas }}\n", "") + AUTOSCALER)
    good(site)
    rule = {"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {
        "service": {"name": "proxy-gw", "port": {"number": 80}}}}]}}  # fmt: skip
    put(site, left_behind(site, "Ingress", "proxy-gw", {"rules": [rule]}))
    site.change_template("deployment_template", body)
    run = good(site)
    prune = finish_prune(site, run)
    assert [(row["kind"], row["state"]) for row in prune.found] == [
        ("Ingress", "removed"),
        ("HorizontalPodAutoscaler", "removed"),
    ]
    assert there(site) == {f"Deployment/{site.component.slug}", "Service/proxy-gw"}


def test_where_nothing_left_nothing_is_done(site: Site) -> None:
    good(site)
    good(site)
    assert not Prune.objects.exists()


def test_a_failed_deployment_removes_nothing(site: Site) -> None:
    good(site)
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    failed = site.deploy(site.order_with_image("crash"))
    assert failed.state == "failed"
    assert {"Service/proxy-gw", "Service/proxy-gw-next"} <= there(site)
    assert not Prune.objects.exists()


def test_a_roll_back_brings_back_and_removes_the_same_way(site: Site) -> None:
    first = good(site)
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    finish_prune(site, good(site))
    back = site.finish(deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=first))
    assert back.state == "succeeded", back.message
    assert {"Service/proxy-gw", "Service/proxy-gw-next"} <= there(site)
    assert finish_prune(site, back).state == "succeeded"
    assert there(site) == {f"Deployment/{site.component.slug}", "Service/proxy-gw"}


# ---------------------------------------------------------------- what must be ticked
def test_a_workload_goes_only_with_a_tick(site: Site) -> None:
    good(site)
    slug = site.component.slug
    rename(site, "deployment_template", "{{ component.slug }}", "{{ component.slug }}-next")
    run = site.deploy(site.order_with_image())
    assert (run.state, run.reason, run.applied) == ("failed", "gate", [])
    assert f"Deployment/{slug}" in run.message and "tick" in run.message
    with pytest.raises(Refused) as refused:
        ticked(site, [])
    assert refused.value.code == "removals-not-ticked" and f"Deployment/{slug}" in str(refused.value.message)
    run = ticked(site, [f"Deployment/{slug}"])
    assert run.state == "succeeded", run.message
    assert {f"Deployment/{slug}", f"Deployment/{slug}-next"} <= there(site)
    assert finish_prune(site, run).state == "succeeded"
    assert there(site) == {f"Deployment/{slug}-next", "Service/proxy-gw"}
    queued = OrderEvent.objects.get(order=run.order, kind="deployment.queued")
    assert queued.data["removals"] == [f"Deployment/{slug}"]
    audited = AuditEvent.objects.get(verb="deployment.queued", object_name=run.order.number)
    assert audited.after["removals"] == [f"Deployment/{slug}"]


def test_a_service_that_is_reached_from_outside_goes_only_with_a_tick(site: Site) -> None:
    good(site)
    patch(site, "Service/proxy-gw", {"spec": {"type": "NodePort"}})
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    with pytest.raises(Refused, match=r"Service/proxy-gw"):
        ticked(site, [])
    run = ticked(site, ["Service/proxy-gw"])
    finish_prune(site, run)
    assert "Service/proxy-gw" not in there(site)


def test_what_is_not_removed_cannot_be_ticked(site: Site) -> None:
    good(site)
    with pytest.raises(Exception) as refused:
        ticked(site, ["Service/another"])
    assert getattr(refused.value, "status", 0) == 400 and "another" in str(getattr(refused.value, "fields", ""))


def test_an_automatic_roll_back_removes_the_workload_that_the_failure_brought(site: Site) -> None:
    good(site)
    slug = site.component.slug
    rename(site, "deployment_template", "{{ component.slug }}", "{{ component.slug }}-next")
    site.change_space("fat", auto_rollback=True, asks_review=True)
    order = site.order_with_image("crash")
    promotions.promote(actor=site.world.dana, order=order, space=site.space("fat"))
    review = site.review(order)
    failed = site.finish(
        deployments.start_deployment(
            actor=site.world.olli, order=order, space=site.space("fat"), snapshot_hash=review.snapshot.hash,
            removals=[f"Deployment/{slug}"],
        )
    )  # fmt: skip
    assert failed.state == "failed"
    back = site.finish(Deployment.objects.get(cause=failed))
    assert back.state == "succeeded", back.message
    assert back.removals == [f"Deployment/{slug}-next"]
    assert finish_prune(site, back).state == "succeeded"
    assert there(site) == {f"Deployment/{slug}", "Service/proxy-gw"}


def test_an_automatic_roll_back_leaves_what_was_there_before_and_says_so(site: Site) -> None:
    """Nobody ticked it, and somebody may use it: the deployment that failed did not make it."""
    good(site)
    slug = site.component.slug
    spec = read(site, f"Deployment/{slug}")["spec"]
    site.change_space("fat", auto_rollback=True)
    failed = site.finish(site.start(site.order_with_image("crash")), lambda row: row.phase == "rolling")
    put(site, left_behind(site, "Deployment", f"{slug}-old", spec))
    failed = site.finish(failed)
    assert failed.state == "failed"
    back = site.finish(Deployment.objects.get(cause=failed))
    prune = finish_prune(site, back)
    (row,) = [row for row in prune.found if row["name"] == f"{slug}-old"]
    assert row["state"] == "kept" and "Nobody ticked it" in str(row["message"])
    assert f"Deployment/{slug}-old" in there(site)


# ---------------------------------------------------------------- whose it is
def test_nothing_of_anybody_else_ever_goes(site: Site) -> None:
    good(site)
    space = site.space("fat")
    # Another component's, one with copied labels that a person made, and one whose labels a person took away.
    put(site, left_behind(site, "ConfigMap", "other", **{"app.kubernetes.io/instance": "sis-omm-other-fat"}))
    copied = left_behind(site, "ConfigMap", "copied")
    path = f"/api/v1/namespaces/{space.namespace}/configmaps"
    site.cluster._session.write("POST", path, [("fieldManager", "kubectl-create")], copied, deadline=soon())
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    patch(site, "Service/proxy-gw", {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}})
    review = site.review(site.order_with_image())
    assert review.findings["removals"] == []
    stays = {f"{row['kind']}/{row['name']}": row["why"].in_english for row in review.findings["stays"]}
    assert "labels" in stays["Service/proxy-gw"] and "somebody made it" in stays["ConfigMap/copied"]
    good(site)
    assert not Prune.objects.exists()
    assert all(read(site, name) for name in ("ConfigMap/other", "ConfigMap/copied", "Service/proxy-gw"))


def test_an_object_of_the_same_name_that_came_after_the_review_stays(site: Site) -> None:
    good(site)
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    run = good(site)
    old = read(site, "Service/proxy-gw")
    ref = ObjectRef("v1", "Service", "proxy-gw")
    site.cluster.remove(site.space("fat").namespace, ref, uid=old["metadata"]["uid"], deadline=soon())
    put(site, left_behind(site, "Service", "proxy-gw", {"ports": [{"port": 80}]}))
    assert finish_prune(site, run).state == "succeeded"
    assert "Service/proxy-gw" in there(site)


def test_an_account_that_may_not_list_removes_nothing_and_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    good(site)
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")

    def refuse(*_args: Any, **_named: Any) -> None:
        raise Forbidden("The platform's account in the cluster lacks the right to list services.")

    monkeypatch.setattr(KubernetesCluster, "inventory", refuse)
    review = site.review(site.order_with_image())
    assert review.state == "succeeded" and review.findings["removals"] == []
    assert any("cannot be listed" in str(warning) for warning in review.findings["warnings"])


# ---------------------------------------------------------------- in the middle
def test_a_prune_whose_worker_dies_at_every_statement(site: Site) -> None:
    good(site)
    put(site, left_behind(site, "ConfigMap", "left-1"))
    put(site, left_behind(site, "ConfigMap", "left-2"))
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    run = good(site)
    prune, deaths = finish_dying_everywhere(Prune.objects.get(deployment=run))
    assert prune.state == "succeeded", (prune.reason, prune.message)
    assert deaths > 10
    assert [row["state"] for row in prune.found] == ["removed"] * 3
    assert there(site) == {f"Deployment/{site.component.slug}", "Service/proxy-gw-next"}
    assert_gapless(prune)


def test_a_later_deployment_makes_it_stop(site: Site) -> None:
    first = good(site)
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    run = good(site)
    back = deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=first)
    prune = site.step(Prune.objects.get(deployment=run))
    assert (prune.state, prune.reason) == ("cancelled", "superseded")
    assert "Service/proxy-gw" in there(site)
    site.finish(back)


def test_a_roll_back_between_the_read_and_the_delete_keeps_its_object(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delete names the version that was read: the roll back has written its mark since."""
    first = good(site)
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    run = good(site)
    uid = read(site, "Service/proxy-gw")["metadata"]["uid"]
    real = KubernetesCluster.remove

    def late(self: KubernetesCluster, *args: Any, **named: Any) -> bool:
        monkeypatch.setattr(KubernetesCluster, "remove", real)
        back = deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=first)
        assert site.finish(back).state == "succeeded"
        return real(self, *args, **named)

    monkeypatch.setattr(KubernetesCluster, "remove", late)
    prune = site.step(Prune.objects.get(deployment=run))
    assert (prune.state, prune.reason) == ("cancelled", "superseded")
    assert read(site, "Service/proxy-gw")["metadata"]["uid"] == uid


def test_what_waits_for_a_finalizer_is_followed_until_it_is_gone(site: Site) -> None:
    good(site)
    patch(site, "Service/proxy-gw", {"metadata": {"finalizers": ["example.com/balancer"]}})
    rename(site, "service_template", "{{ component.service }}", "{{ component.service }}-next")
    run = good(site)
    prune = site.step(Prune.objects.get(deployment=run))
    assert prune.is_active and [row["state"] for row in prune.found] == ["leaving"]
    assert read(site, "Service/proxy-gw")["metadata"]["deletionTimestamp"]
    patch(site, "Service/proxy-gw", {"metadata": {"finalizers": None}})
    assert read(site, "Service/proxy-gw") is None
    prune = finish_prune(site, run)
    assert prune.state == "succeeded" and [row["state"] for row in prune.found] == ["removed"]
