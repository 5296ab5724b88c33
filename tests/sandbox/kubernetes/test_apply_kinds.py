"""Server-side apply of every kind, and what only some fields do."""

from __future__ import annotations

import pytest

from tests.sandbox.kubernetes.test_apply import Web

from .conftest import Kube, Obj


def test_quantities_come_back_as_the_server_spells_them(kube: Kube, web: Web) -> None:
    resources = {"requests": {"cpu": "0.1", "memory": "1.5Gi"}, "limits": {"cpu": 1, "memory": "2048Mi"}}
    kube.apply(web(replicas=0, container={"resources": resources}))
    live = kube.complete()
    shown = live["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert shown == {"requests": {"cpu": "100m", "memory": "1536Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
    assert kube.apply(web(replicas=0, container={"resources": resources}))[1] == live


def test_the_other_kinds_are_taken(kube: Kube, web: Web) -> None:
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 3},
    }
    status, made = kube.apply(scaler)
    assert (status, made["spec"]["minReplicas"]) == (201, 1)
    scaler["spec"]["minReplicas"] = 4
    assert kube.apply(scaler)[1]["details"]["causes"][0]["field"] == "spec.maxReplicas"
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {
            "rules": [{"host": "a.b", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
        },
    }
    assert kube.apply(ingress)[0] == 201
    ingress["spec"]["rules"][0]["http"]["paths"][0].pop("pathType")
    assert kube.apply(ingress)[0] == 422


def test_budgets_and_claims_are_taken(kube: Kube) -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    status, made = kube.apply(budget)
    assert (status, made["metadata"]["generation"]) == (201, 1)
    budget["spec"]["minAvailable"] = "50%"
    assert kube.apply(budget)[0] == 422
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "web"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    status, made = kube.apply(claim)
    assert (status, made["spec"]["volumeMode"], made["status"]) == (201, "Filesystem", {"phase": "Pending"})
    claim["spec"]["resources"]["requests"]["storage"] = "2Gi"
    assert kube.apply(claim)[0] == 200
    claim["spec"]["accessModes"] = ["ReadOnlyMany"]
    assert kube.apply(claim)[1]["details"]["causes"][0]["field"] == "spec"


def test_recreate_is_refused_beside_defaults_that_nobody_owns_and_taken_where_they_were_ours(
    kube: Kube, web: Web
) -> None:
    kube.apply(web(replicas=0))
    bare = web(replicas=0)
    bare["spec"]["strategy"] = {"type": "Recreate"}
    status, refusal = kube.apply(bare)
    assert (status, refusal["details"]["causes"][0]["field"]) == (422, "spec.strategy.rollingUpdate")
    owned = web(replicas=0)
    owned["spec"]["strategy"] = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert kube.apply(owned)[0] == 200
    assert kube.apply(bare)[1]["spec"]["strategy"] == {"type": "Recreate"}


def test_an_immutable_config_map_stays(kube: Kube) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1"}, "immutable": True}
    assert kube.apply(body)[0] == 201
    body["data"] = {"a": "2"}
    status, refusal = kube.apply(body)
    assert (status, refusal["details"]["causes"][0]["reason"]) == (422, "FieldValueForbidden")
    big = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "big"}, "data": {"a": "x" * (1024 * 1024 + 1)}}
    assert kube.apply(big)[0] == 422


def test_a_namespace_goes_with_what_is_in_it(kube: Kube, web: Web) -> None:
    kube.apply(web())
    kube.complete()
    status, answer = kube.call(kube.core.delete_namespace, kube.namespace)
    assert (status, answer["status"]["phase"]) == (200, "Terminating")
    status, refusal = kube.apply(web("late"))
    assert (status, refusal["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    kube.until(lambda: kube.call(kube.core.read_namespace, kube.namespace)[0] == 404, 5)
    assert kube.sets() == []


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("metadata", None, 200),
        ("metadata", "x", 400),
        ("metadata", [{}], 400),
        ("spec", 5, 400),
        ("spec.template.spec.containers", [None], 422),
        ("spec.template.spec.containers", [{"name": None, "image": "x"}], 400),
        ("spec.strategy", {"rollingUpdate": {"maxSurge": 1.5}}, 400),
        ("spec.replicas", 10**12, 422),
    ],
)
def test_odd_merge_patches_get_an_answer(kube: Kube, web: Web, path: str, value: object, status: int) -> None:
    kube.apply(web(replicas=0))
    patch: Obj = {}
    at = patch
    *parents, last = path.split(".")
    for name in parents:
        at = at.setdefault(name, {})
    at[last] = value
    answer = kube.call(
        kube.apps.patch_namespaced_deployment,
        "web",
        kube.namespace,
        patch,
        _content_type="application/merge-patch+json",
    )
    assert answer[0] == status, answer


def test_an_unknown_field_of_an_ordinary_write_is_dropped_with_a_warning(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=0))
    answer = kube.apps.patch_namespaced_deployment(
        "web",
        kube.namespace,
        {"spec": {"replicaz": 1}},
        _content_type="application/merge-patch+json",
        _preload_content=False,
    )
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.replicaz\\""'
    options = {"_content_type": "application/merge-patch+json", "field_validation": "Strict"}
    body = {"spec": {"replicaz": 1}}
    status, refusal = kube.call(kube.apps.patch_namespaced_deployment, "web", kube.namespace, body, **options)
    assert (status, refusal["message"]) == (400, 'strict decoding error: unknown field "spec.replicaz"')
