"""Deploying, restarting, scaling and rolling back where an autoscaler decides how many replicas there are."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from deployer.errors import NotFound
from deployer.interfaces import ObjectRef
from deployer.quantities import parse_cpu
from foundation.problems import Refused
from releases.models import Deployment
from releases.services import deployments
from sandbox.kubernetes.controllers.scaling import target_of
from sandbox.kubernetes.metrics import CPU_ANNOTATION
from tests.patience import wait_for
from tests.site import Site

pytestmark = pytest.mark.slow

AUTOSCALER = """
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ component.slug }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ component.slug }}
  minReplicas: LEAST
  maxReplicas: MOST
"""


def soon() -> float:
    return time.monotonic() + 20


def with_autoscaler(site: Site, least: int = 2, most: int = 4, *, replicas: bool = False) -> None:
    """The templates make an autoscaler; the Deployment says its own number only where ``replicas``."""
    text = AUTOSCALER.replace("LEAST", str(least)).replace("MOST", str(most))
    site.change_template("service_template", site.template_body("service_template") + text)
    if not replicas:
        body = site.template_body("deployment_template")
        assert "  replicas: {{ replicas }}\n" in body
        site.change_template("deployment_template", body.replace("  replicas: {{ replicas }}\n", ""))


def scale_as(site: Site, manager: str, count: int) -> None:
    """What ``kubectl scale`` and the autoscaler of a busy component do."""
    path = f"/apis/apps/v1/namespaces/{site.space('fat').namespace}/deployments/{site.component.slug}/scale"
    query, content = [("fieldManager", manager)], {"content_type": "application/merge-patch+json"}
    site.cluster._session.write("PATCH", path, query, {"spec": {"replicas": count}}, deadline=soon(), **content)


def busy(site: Site, count: int) -> None:
    """The pods are under a load that so many of them carry, and the autoscaler has seen it."""
    namespace = site.space("fat").namespace
    scaler = site.cluster.autoscaler(namespace, site.component.slug)
    if scaler is not None:
        pods = site.cluster.observe(namespace, "app.kubernetes.io/managed-by=prism4k").pods
        request = parse_cpu(pods[0]["spec"]["containers"][0]["resources"]["requests"]["cpu"])
        load = f"{request * count * target_of(scaler['spec']) // 100}m"
        for pod in pods:
            path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
            change = {"metadata": {"annotations": {CPU_ANNOTATION: load}}}
            content = {"content_type": "application/merge-patch+json"}
            # One of the rollout before may go just now: it carries nothing any more.
            with suppress(NotFound):
                site.cluster._session.write("PATCH", path, [], change, deadline=soon(), **content)
    scale_as(site, "kube-controller-manager", count)


def foreign_autoscaler(site: Site, least: int, most: int) -> ObjectRef:
    """One that somebody made with kubectl."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": site.component.slug}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}
    ref = ObjectRef("autoscaling/v2", "HorizontalPodAutoscaler", "night-shift")
    manifest = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": ref.name}, "spec": spec}
    site.cluster.apply(site.space("fat").namespace, manifest, force=False, deadline=soon())
    return ref


def replicas(site: Site) -> int:
    return int(site.live("fat")["spec"]["replicas"])


def succeeded(run: Deployment) -> Deployment:
    assert run.state == "succeeded", (run.reason, run.message)
    return run


def test_every_deployment_restart_and_roll_back_leaves_the_number_to_the_autoscaler(site: Site) -> None:
    with_autoscaler(site)
    first = succeeded(site.deploy(site.order_with_image()))
    assert replicas(site) == 2
    busy(site, 4)
    succeeded(site.deploy(site.order_with_image("slow 1")))
    assert replicas(site) == 4
    who = {"actor": site.world.olli, "space": site.space("fat")}
    succeeded(site.finish(deployments.restart(**who, placement=site.place("fat"))))
    assert replicas(site) == 4
    succeeded(site.finish(deployments.roll_back(**who, to=first)))
    assert replicas(site) == 4
    assert site.place("fat").wanted == 4


def test_turning_an_autoscaler_on_keeps_the_pods_that_run(site: Site) -> None:
    site.change_allocation("fat", replicas=3)
    succeeded(site.deploy(site.order_with_image()))
    assert replicas(site) == 3
    with_autoscaler(site, 1, 5)
    succeeded(site.deploy(site.order_with_image("slow 1")))
    assert replicas(site) == 3


def test_a_space_that_forces_does_not_cut_the_autoscaler_either(site: Site) -> None:
    site.change_space("fat", force_conflicts=True)
    with_autoscaler(site)
    succeeded(site.deploy(site.order_with_image()))
    busy(site, 4)
    succeeded(site.deploy(site.order_with_image("slow 1")))
    assert replicas(site) == 4


def test_a_number_of_replicas_beside_an_autoscaler_is_refused_with_the_reason(site: Site) -> None:
    with_autoscaler(site, replicas=True)
    review = site.review(site.order_with_image())
    assert (review.state, review.reason) == ("failed", "manifest")
    (problem,) = review.findings["problems"]
    assert problem["path"].endswith(".spec.replicas")
    assert "both would undo each other" in str(problem["message"])


def test_what_the_autoscaler_does_between_review_and_click_is_no_change_of_what_was_reviewed(site: Site) -> None:
    with_autoscaler(site)
    succeeded(site.deploy(site.order_with_image()))
    site.change_space("fat", asks_review=True)
    run = site.start(site.order_with_image("slow 1"))
    busy(site, 4)
    succeeded(site.finish(run))
    assert replicas(site) == 4


def test_the_autoscalers_number_is_no_drift(site: Site) -> None:
    with_autoscaler(site)
    succeeded(site.deploy(site.order_with_image()))
    busy(site, 4)
    place = site.observe("fat", lambda row: row.drift_checked_at)
    assert place.drift == []


def test_the_quota_is_counted_up_to_the_autoscalers_most(site: Site) -> None:
    site.change_space("fat", pods_ceiling=3, asks_review=True)
    with_autoscaler(site, 2, 4)
    review = site.review(site.order_with_image())
    assert review.state == "succeeded", review.message
    assert any("An autoscaler may ask for 4 pods" in str(text) for text in review.findings["warnings"])


def test_a_quota_too_small_for_the_least_is_refused(site: Site) -> None:
    site.change_space("fat", pods_ceiling=1, asks_review=True)
    with_autoscaler(site, 2, 4)
    review = site.review(site.order_with_image())
    assert (review.state, review.reason) == ("failed", "quota")
    assert "short by 1 of pods: 2 wanted, 1 allowed" in str(review.message)


def test_scaling_by_hand_is_refused_and_the_bounds_are_offered(site: Site) -> None:
    with_autoscaler(site)
    succeeded(site.deploy(site.order_with_image()))
    with pytest.raises(Refused) as refused:
        deployments.scale(actor=site.world.olli, space=site.space("fat"), placement=site.place("fat"), replicas=3)
    assert refused.value.code == "gate-autoscaler"
    assert "keeps between 2 and 4 replicas here" in str(refused.value.message)
    assert Deployment.objects.filter(kind="scale").count() == 0


# ---------------------------------------------------------------- an autoscaler that is not ours
def test_a_foreign_autoscaler_is_left_its_number_and_named(site: Site) -> None:
    succeeded(site.deploy(site.order_with_image()))
    foreign_autoscaler(site, 3, 5)
    site.change_space("fat", asks_review=True)
    wait_for(lambda: replicas(site) == 3, "the autoscaler moves it")
    order = site.order_with_image("slow 1")
    run = site.start(order)
    assert any("that these manifests do not make" in str(text) for text in run.review.findings["warnings"])
    succeeded(site.finish(run))
    assert replicas(site) == 3
    who = {"actor": site.world.olli, "space": site.space("fat")}
    scaled = site.finish(deployments.scale(**who, placement=site.place("fat"), replicas=5))
    assert (scaled.state, scaled.reason) == ("failed", "partial")
    assert "keeps between 3 and 5 replicas: ask its maker" in scaled.message
    assert replicas(site) == 3


def test_the_number_of_an_autoscaler_that_is_gone_is_taken_back(site: Site) -> None:
    succeeded(site.deploy(site.order_with_image()))
    ref = foreign_autoscaler(site, 3, 5)
    wait_for(lambda: replicas(site) == 3, "the autoscaler moves it")
    live = site.cluster.read(site.space("fat").namespace, ref)
    assert live is not None
    site.cluster.remove(site.space("fat").namespace, ref, uid=live["metadata"]["uid"], deadline=soon())
    succeeded(site.deploy(site.order_with_image("slow 1")))
    assert replicas(site) == 1


def test_only_the_number_is_taken_back_and_never_what_a_person_changed(site: Site) -> None:
    succeeded(site.deploy(site.order_with_image()))
    busy(site, 3)
    scale_as(site, "kubectl", 4)
    run = site.deploy(site.order_with_image("slow 1"))
    assert (run.state, run.reason) == ("failed", "conflict")
    assert replicas(site) == 4
