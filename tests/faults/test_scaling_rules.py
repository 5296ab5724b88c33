"""A scaling rule from its form to the cluster and back: reviewed, applied, followed, taken away, rolled back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from components.services import save_scaling_rule
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Forbidden
from deployer.interfaces import ObjectRef
from deployer.manifests.replicas import RULE_ANNOTATION
from foundation.messages import verbatim
from foundation.problems import Refused
from releases.models import Deployment, Prune
from releases.presenters.autoscaler import autoscaler_of
from releases.services import deployments
from tests.faults.test_autoscaling import busy, replicas, scale_as, soon, succeeded, with_autoscaler
from tests.patience import wait_for
from tests.site import Site

pytestmark = pytest.mark.slow


def rule(site: Site, *, is_on: bool = True, **numbers: int) -> Any:
    given = {"minimum": 2, "maximum": 5, **numbers}
    return save_scaling_rule(
        actor=site.world.olli,
        component=site.component,
        environment=site.world.environments["fat"],
        is_on=is_on,
        numbers={name: str(value) for name, value in given.items()},
        note="tried",
    )


def autoscaler(site: Site) -> Any:
    ref = ObjectRef("autoscaling/v2", "HorizontalPodAutoscaler", site.component.slug)
    return site.cluster.read(site.space("fat").namespace, ref)


def pruned(site: Site, run: Deployment) -> Prune:
    prune = site.finish(Prune.objects.get(deployment=run))
    assert prune.state == "succeeded", (prune.reason, prune.message)
    return prune


def owners_of_replicas(site: Site) -> list[tuple[str, str]]:
    entries = site.live("fat")["metadata"]["managedFields"]
    return [
        (entry["manager"], entry.get("subresource", ""))
        for entry in entries
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    ]


def test_a_rule_becomes_an_autoscaler_of_the_snapshot(site: Site) -> None:
    site.change_space("fat", asks_review=True)
    saved = rule(site, cpu_percent=60, scale_down_seconds=120).rule
    order = site.order_with_image()
    review = site.review(order)
    assert review.state == "succeeded", review.message
    assert {"kind": "HorizontalPodAutoscaler", "action": "create"}.items() <= next(
        row for row in review.findings["diff"] if row["kind"] == "HorizontalPodAutoscaler"
    ).items()
    assert review.snapshot.scaling_rule == saved
    succeeded(site.deploy(order))
    live = autoscaler(site)
    spec = live["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 120
    assert live["metadata"]["annotations"][RULE_ANNOTATION] == "1"
    assert replicas(site) == 2
    busy(site, 4)
    succeeded(site.deploy(site.order_with_image("slow 1")))
    assert replicas(site) == 4


def test_turning_a_rule_on_keeps_the_pods_that_run(site: Site) -> None:
    site.change_allocation("fat", replicas=3)
    succeeded(site.deploy(site.order_with_image()))
    rule(site, minimum=1)
    succeeded(site.deploy(site.order_with_image("slow 1")))
    assert replicas(site) == 3


@pytest.mark.parametrize(("allocated", "busy_with"), [(1, 4), (3, 0), (4, 2)])
def test_a_rule_that_is_taken_away_hands_the_number_back(site: Site, allocated: int, busy_with: int) -> None:
    """Whether the autoscaler has moved the number or not, and whether there are more or fewer pods afterwards."""
    site.change_allocation("fat", replicas=allocated)
    site.change_space("fat", asks_review=True)
    rule(site)
    succeeded(site.deploy(site.order_with_image()))
    if busy_with:
        busy(site, busy_with)
    before = replicas(site)
    rule(site, is_on=False)
    run = succeeded(site.deploy(site.order_with_image("slow 1")))
    assert any("goes once this has succeeded" in str(said) for said in run.review.findings["warnings"])
    assert replicas(site) == before, "nothing is moved while the autoscaler stands there"
    assert autoscaler(site) is not None
    prune = pruned(site, run)
    assert autoscaler(site) is None
    assert [row["name"] for row in prune.found if row["state"] == "removed"] == [site.component.slug]
    assert replicas(site) == allocated
    assert owners_of_replicas(site) == [("prism4k", "")]
    place = site.settle("fat")
    assert (place.drift, place.unsettled_reason, place.wanted) == ([], "", allocated)
    succeeded(site.deploy(site.order_with_image("slow 2")))
    assert replicas(site) == allocated


def test_an_autoscaler_that_left_the_template_hands_the_number_back_too(site: Site) -> None:
    texts = {name: site.template_body(name) for name in ("deployment_template", "service_template")}
    with_autoscaler(site)
    site.change_space("fat", asks_review=True)
    succeeded(site.deploy(site.order_with_image()))
    busy(site, 4)
    for name, text in texts.items():
        site.change_template(name, text)
    pruned(site, succeeded(site.deploy(site.order_with_image("slow 1"))))
    assert (autoscaler(site), replicas(site)) == (None, 1)


def test_a_roll_back_brings_the_rule_back_and_takes_it_away_again(site: Site) -> None:
    site.change_allocation("fat", replicas=3)
    site.change_space("fat", asks_review=True)
    plain = succeeded(site.deploy(site.order_with_image()))
    rule(site)
    ruled = succeeded(site.deploy(site.order_with_image("slow 1")))
    busy(site, 5)
    who = {"actor": site.world.olli, "space": site.space("fat")}
    back = succeeded(site.finish(deployments.roll_back(**who, to=plain)))
    pruned(site, back)
    assert (autoscaler(site), replicas(site)) == (None, 3)
    succeeded(site.finish(deployments.roll_back(**who, to=ruled)))
    assert autoscaler(site)["spec"]["maxReplicas"] == 5
    assert replicas(site) == 3


def test_a_failed_deployment_takes_no_rule_away(site: Site) -> None:
    site.change_space("fat", asks_review=True)
    rule(site)
    succeeded(site.deploy(site.order_with_image()))
    busy(site, 4)
    rule(site, is_on=False)
    run = site.deploy(site.order_with_image("crash"))
    assert run.state == "failed"
    assert not Prune.objects.filter(deployment=run).exists()
    assert (autoscaler(site)["spec"]["maxReplicas"], replicas(site)) == (5, 4)


def test_a_number_that_a_person_set_is_not_handed_back(site: Site) -> None:
    """It is removed all the same; the removal then says that somebody else owns the number."""
    site.change_space("fat", asks_review=True)
    rule(site)
    succeeded(site.deploy(site.order_with_image()))
    busy(site, 4)
    rule(site, is_on=False)
    run = succeeded(site.deploy(site.order_with_image("slow 1")))
    scale_as(site, "kubectl", 5)
    prune = site.finish(Prune.objects.get(deployment=run))
    assert (prune.state, prune.reason) == ("failed", "refused")
    assert "kubectl" in str(prune.message)
    assert replicas(site) == 5


def test_scaling_by_hand_names_the_rule(site: Site) -> None:
    rule(site)
    succeeded(site.deploy(site.order_with_image()))
    with pytest.raises(Refused) as refused:
        deployments.scale(actor=site.world.olli, space=site.space("fat"), placement=site.place("fat"), replicas=3)
    assert refused.value.code == "gate-autoscaler"
    assert "The scaling rule keeps between 2 and 5 replicas here" in str(refused.value.message)


def test_an_autoscaler_of_the_templates_beside_a_rule_is_refused_by_name(site: Site) -> None:
    with_autoscaler(site)
    saved = rule(site)
    assert [str(said) for said in saved.warnings if "names an autoscaler" in str(said)]
    review = site.review(site.order_with_image())
    assert (review.state, review.reason) == ("failed", "manifest")
    (problem,) = review.findings["problems"]
    assert problem["path"] == f"HorizontalPodAutoscaler/{site.component.slug}"
    assert f"the templates make the autoscaler {site.component.slug}" in str(problem["message"])


def test_the_quota_is_counted_up_to_the_rule_s_maximum(site: Site) -> None:
    rule(site, maximum=5)
    site.change_space("fat", pods_ceiling=3, asks_review=True)
    review = site.review(site.order_with_image())
    assert review.state == "succeeded", review.message
    assert any("An autoscaler may ask for 5 pods" in str(said) for said in review.findings["warnings"])


def test_the_autoscaler_of_a_rule_that_somebody_deleted_is_drift(site: Site) -> None:
    rule(site)
    succeeded(site.deploy(site.order_with_image()))
    live = autoscaler(site)
    site.settle("fat")
    wait_for(lambda: site.observe("fat", lambda row: row.drift_checked_at), "it is compared")
    ref = ObjectRef("autoscaling/v2", "HorizontalPodAutoscaler", site.component.slug)
    site.cluster.remove(site.space("fat").namespace, ref, uid=live["metadata"]["uid"], deadline=soon())
    place = site.place("fat")
    place.drift_checked_at = None
    place.save(update_fields=["drift_checked_at"])
    place = site.observe("fat", lambda row: row.drift)
    assert [row["object"] for row in place.drift] == [f"HorizontalPodAutoscaler/{site.component.slug}"]


def test_the_runtime_says_what_the_autoscaler_decided(site: Site, client: Client) -> None:
    """The stand-in's node is idle here: what it shows are bounds, numbers and a decision, in both languages."""
    rule(site)
    succeeded(site.deploy(site.order_with_image()))
    place = site.observe("fat", lambda row: row.autoscaler.get("conditions"))
    assert (place.autoscaler["minimum"], place.autoscaler["maximum"], place.autoscaler["current"]) == (2, 5, 2)
    client.force_login(site.world.olli)
    names = f"{site.component.project.slug}/{site.component.slug}"
    said = client.get(f"/api/v1/components/{names}/environments/fat/").json()["autoscaler"]
    assert (said["minimum"], said["maximum"], said["target_percent"]) == (2, 5, 70)
    assert said["decision"] and said["seen_at"]
    page = client.get(f"/runtime/{names}/fat/")
    assert page.context["autoscaler"].minimum == 2


def test_an_account_that_may_not_list_autoscalers_keeps_the_rest(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    rule(site)
    succeeded(site.deploy(site.order_with_image()))

    def refuse(*_given: object) -> None:
        raise Forbidden(verbatim("no right to list them"))

    monkeypatch.setattr(KubernetesCluster, "autoscalers", refuse)
    place = site.settle("fat")
    assert (place.ready, place.autoscaler) == (2, {})
    seen = autoscaler_of(place)
    assert seen is not None and (seen.state, seen.minimum, seen.is_missing) == ("unknown", 2, True)


def test_only_spaces_with_an_autoscaler_are_asked_for_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def count(_self: KubernetesCluster, *given: object) -> tuple[()]:
        asked.append(given)
        return ()

    monkeypatch.setattr(KubernetesCluster, "autoscalers", count)
    succeeded(site.deploy(site.order_with_image()))
    site.settle("fat")
    assert asked == []
