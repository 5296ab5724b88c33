"""Harmless spellings that are taken as meant, kinds that are refused, and the order of applying."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.manifests import check, find_workload, prepare
from tests.deployer.manifest_samples import (
    IDENTITY,
    POLICY,
    autoscaler,
    container,
    ingress,
    plus,
    service,
    set_at,
)
from tests.deployer.test_manifest_rules import GRANTED, WITH_INGRESS, budget, claim, full_set, said


def test_harmless_spellings_are_taken_as_meant() -> None:
    manifests = full_set()
    for manifest in manifests:
        manifest["metadata"]["creationTimestamp"] = None
        manifest["metadata"]["annotations"] = None
    manifests[0]["status"] = {}
    manifests[1]["status"] = {"loadBalancer": {}}
    manifests[0]["spec"]["strategy"] = {"type": "Recreate", "rollingUpdate": None}
    manifests[0]["spec"]["template"]["metadata"]["creationTimestamp"] = None
    container(manifests)["resources"] = {
        "requests": {"cpu": 0.5, "memory": 1073741824},
        "limits": {"cpu": 1, "memory": "2Gi", "ephemeral-storage": None},
    }
    assert check(manifests, GRANTED) == ()
    made = {manifest["kind"]: manifest for manifest in prepare(manifests, IDENTITY)}
    assert "status" not in made["Deployment"] and "status" not in made["Service"]
    assert "creationTimestamp" not in made["Deployment"]["metadata"]
    assert made["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    box = made["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert box["resources"] == {
        "requests": {"cpu": "0.5", "memory": "1073741824"},
        "limits": {"cpu": "1", "memory": "2Gi"},
    }


def test_a_null_in_a_config_map_is_somebody_s_value() -> None:
    assert "text" in said(set_at("2.data.B", None))


def test_selectors_keep_only_what_the_pods_will_have() -> None:
    manifests = [*full_set(), budget()]
    labels = {"app.kubernetes.io/name": "chart", "app.kubernetes.io/component": "server", "tier": "front"}
    manifests[0]["spec"]["selector"] = {"matchLabels": labels}
    manifests[0]["spec"]["template"]["metadata"]["labels"] = dict(labels)
    manifests[1]["spec"]["selector"] = dict(labels)
    assert check(manifests, POLICY) == ()
    made = {manifest["kind"]: manifest for manifest in prepare(manifests, IDENTITY)}
    pods = made["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    for selector in (
        made["Deployment"]["spec"]["selector"]["matchLabels"],
        made["Service"]["spec"]["selector"],
        made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= pods
        assert "app.kubernetes.io/instance" in selector
    assert made["Service"]["spec"]["selector"]["tier"] == "front"


def test_the_strategy_is_written_out_so_that_a_later_recreate_takes_it_away() -> None:
    plain = find_workload(prepare(full_set(), IDENTITY))
    rolling = {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert plain["spec"]["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    manifests = full_set()
    manifests[0]["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1}}
    given = find_workload(prepare(manifests, IDENTITY))["spec"]["strategy"]
    assert given == {"type": "RollingUpdate", "rollingUpdate": rolling | {"maxSurge": 1}}


@pytest.mark.parametrize(
    ("kind", "version", "words"),
    [
        ("StatefulSet", "apps/v1", "one Deployment"),
        ("DaemonSet", "apps/v1", "one Deployment"),
        ("CronJob", "batch/v1", "one Deployment"),
        ("Secret", "v1", "component's configuration"),
        ("List", "v1", "---"),
        ("NetworkPolicy", "networking.k8s.io/v1", "administrators"),
        ("Namespace", "v1", "platform makes it"),
        ("VirtualService", "networking.istio.io/v1", "Ingress"),
    ],
)
def test_another_kind_is_refused_with_the_reason(kind: str, version: str, words: str) -> None:
    text = said(plus({"apiVersion": version, "kind": kind, "metadata": {"name": "gw"}}))
    assert kind in text and "PodDisruptionBudget" in text and words in text


def test_every_kind_is_applied_after_what_it_needs() -> None:
    policy = replace(WITH_INGRESS, claims=frozenset({"gw-data"}))
    manifests = [ingress(), budget(), autoscaler(), *full_set(), claim()]
    del manifests[3]["spec"]["replicas"]
    manifests[4]["spec"]["ports"][0]["port"] = 8080
    assert check(manifests, policy) == ()
    kinds = [manifest["kind"] for manifest in prepare(manifests, IDENTITY)]
    assert kinds == [
        "ConfigMap",
        "PersistentVolumeClaim",
        "Service",
        "Deployment",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "Ingress",
    ]


def test_a_service_beside_the_own_one_is_fine() -> None:
    assert said(plus(service() | {"metadata": {"name": "gw-admin"}, "spec": {"ports": [{"port": 9090}]}})) == ""
