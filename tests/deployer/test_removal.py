"""Whose an object is, what must be ticked, in which order things go, and what outlives every deployment."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from deployer.interfaces import ObjectRef
from deployer.manifests import Identity, lasting_references, needs_tick, removal_order, why_not_ours

IDENTITY = Identity("", "", "sis-omm", "proxy-gw", "fat", "sis-omm-fat")
OURS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "proxy-gw",
        "labels": {
            "app.kubernetes.io/name": "proxy-gw",
            "app.kubernetes.io/instance": "sis-omm-proxy-gw-fat",
            "app.kubernetes.io/managed-by": "prism4k",
        },
        "annotations": {"prism4k.io/project": "sis-omm", "prism4k.io/component": "proxy-gw"},
        "managedFields": [{"manager": "prism4k", "operation": "Apply"}],
    },
    "spec": {"ports": [{"port": 80}]},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The same object with another value there."""
    manifest = copy.deepcopy(OURS)
    *parents, last = path.split("|")
    place = manifest
    for name in parents:
        place = place[name]
    place[last] = value
    return manifest


def test_what_the_platform_applied_is_its_own() -> None:
    assert why_not_ours(OURS, IDENTITY) is None


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("kind", "Secret", "never removes a Secret"),
        ("kind", "PersistentVolumeClaim", "never removes"),
        ("kind", "Namespace", "never removes"),
        ("kind", "ServiceAccount", "never removes"),
        ("metadata|labels|app.kubernetes.io/managed-by", "Helm", "labels"),
        ("metadata|labels|app.kubernetes.io/instance", "sis-omm-proxy-gw-uat", "labels"),
        ("metadata|labels|app.kubernetes.io/name", "proxy", "labels"),
        ("metadata|labels", None, "labels"),
        ("metadata|annotations|prism4k.io/component", "proxy", "annotations"),
        ("metadata|annotations|prism4k.io/project", "sis", "annotations"),
        ("metadata|annotations", None, "annotations"),
        ("metadata|managedFields", [], "somebody made it"),
        ("metadata|managedFields", [{"manager": "kubectl", "operation": "Apply"}], "somebody made it"),
        ("metadata|managedFields", [{"manager": "prism4k", "operation": "Update"}], "somebody made it"),
        ("metadata|ownerReferences", [{"kind": "Chart", "name": "x", "controller": True}], "belongs to Chart x"),
    ],
)
def test_what_is_anybody_elses_says_why(path: str, value: Any, says: str) -> None:
    why = why_not_ours(changed(path, value), IDENTITY)
    assert why is not None and says in why.in_english


@pytest.mark.parametrize(
    ("kind", "spec", "is_needed"),
    [
        ("Deployment", {}, True),
        ("Service", {"type": "ClusterIP", "ports": [{"port": 80}]}, False),
        ("Service", {}, False),
        ("Service", {"type": "NodePort"}, True),
        ("Service", {"type": "LoadBalancer"}, True),
        ("Service", {"externalIPs": ["10.0.0.1"]}, True),
        ("Service", {"ports": [{"port": 80, "nodePort": 30080}]}, True),
        ("HorizontalPodAutoscaler", {}, False),
        ("ConfigMap", {}, False),
        ("Ingress", {"rules": [{"host": "a"}]}, False),
    ],
)
def test_what_must_be_ticked(kind: str, spec: dict[str, Any], is_needed: bool) -> None:
    assert needs_tick({"kind": kind, "metadata": {"name": "x"}, "spec": spec}) is is_needed


def test_what_leads_to_a_workload_goes_first_and_its_configuration_last() -> None:
    kinds = ["ConfigMap", "Service", "Deployment", "HorizontalPodAutoscaler", "Ingress"]
    refs = [ObjectRef("v1", kind, "x") for kind in kinds]
    assert [ref.kind for ref in removal_order(refs)] == kinds[::-1]


def test_claims_and_secrets_of_a_pod() -> None:
    pod = {
        "imagePullSecrets": [{"name": "pull"}],
        "initContainers": [{"envFrom": [{"secretRef": {"name": "init"}}, {"configMapRef": {"name": "no"}}]}],
        "containers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}}]}],
        "volumes": [
            {"name": "a", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "b", "secret": {"secretName": "tls"}},
            {"name": "c", "projected": {"sources": [{"secret": {"name": "part"}}, {"configMap": {"name": "no"}}]}},
        ],
    }
    secrets = {name for kind, name in lasting_references(pod) if kind == "Secret"}
    claims = {name for kind, name in lasting_references(pod) if kind == "PersistentVolumeClaim"}
    assert (secrets, claims) == ({"pull", "init", "db", "tls", "part"}, {"data"})
