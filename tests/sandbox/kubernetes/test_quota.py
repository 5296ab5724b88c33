"""Quota is checked when pods are made, in dry runs too."""

from __future__ import annotations

from collections.abc import Callable

from .conftest import Kube, Obj, Registry

Web = Callable[..., Obj]


def quota(**hard: str) -> Obj:
    named = {name.replace("_", "."): value for name, value in hard.items()}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "prism4k"}, "spec": {"hard": named}}


def used(kube: Kube) -> Obj:
    return kube.call(kube.core.read_namespaced_resource_quota, "prism4k", kube.namespace)[1]["status"]["used"]


def pod(image: str, **resources: Obj) -> Obj:
    container = {"name": "app", "image": image, "resources": resources}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": {"containers": [container]}}


def test_a_full_quota_holds_a_rolling_update_up_until_some_is_free(kube: Kube, web: Web, registry: Registry) -> None:
    kube.apply(quota(pods="3"))
    spec = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    kube.apply(web(replicas=3, spec=spec))
    kube.complete()
    assert used(kube) == {"pods": "3"}
    kube.apply(web(replicas=3, spec=spec, image=registry.push("site/web", "q", {"a": b"q"})))

    def failure() -> Obj | None:
        conditions = kube.deployment()["status"]["conditions"]
        return next((c for c in conditions if c["type"] == "ReplicaFailure"), None)

    condition = kube.until(failure, 5)
    assert (condition["status"], condition["reason"]) == ("True", "FailedCreate")
    assert condition["message"].startswith('pods "web-')
    assert condition["message"].endswith(
        "is forbidden: exceeded quota: prism4k, requested: pods=1, used: pods=3, limited: pods=3"
    )
    assert kube.until(lambda: kube.events("FailedCreate"))[0]["type"] == "Warning"
    assert kube.deployment()["status"]["availableReplicas"] == 3
    kube.apply(quota(pods="4"))
    kube.complete()
    assert failure() is None
    kube.until(lambda: used(kube) == {"pods": "3"}, 5)


def test_a_dry_run_of_a_pod_meets_the_quota(kube: Kube, image: str) -> None:
    kube.apply(quota(requests_cpu="1", limits_memory="1Gi"))
    body = pod(image, requests={"cpu": "600m"}, limits={"memory": "512Mi"})
    status, made = kube.call(kube.core.create_namespaced_pod, kube.namespace, body, dry_run="All")
    assert status == 201
    assert kube.pods() == []
    body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1200m"}, "limits": {"memory": "2Gi"}}
    status, refusal = kube.call(kube.core.create_namespaced_pod, kube.namespace, body, dry_run="All")
    assert (status, refusal["reason"]) == (403, "Forbidden")
    assert refusal["message"] == (
        'pods "probe" is forbidden: exceeded quota: prism4k, requested: limits.memory=2Gi,requests.cpu=1200m, '
        "used: limits.memory=0,requests.cpu=0, limited: limits.memory=1Gi,requests.cpu=1"
    )


def test_a_quota_makes_requests_and_limits_necessary(kube: Kube, image: str) -> None:
    kube.apply(quota(limits_cpu="1", limits_memory="1Gi"))
    status, refusal = kube.call(kube.core.create_namespaced_pod, kube.namespace, pod(image), dry_run="All")
    assert status == 403
    assert refusal["message"] == (
        'pods "probe" is forbidden: failed quota: prism4k: must specify limits.cpu for: app; limits.memory for: app'
    )


def test_use_is_counted_exactly(kube: Kube, web: Web) -> None:
    kube.apply(quota(requests_cpu="1", requests_memory="1Gi", pods="9"))
    resources = {"requests": {"cpu": "150m", "memory": "96Mi"}}
    kube.apply(web(replicas=2, container={"resources": resources}))
    kube.complete()
    kube.until(lambda: used(kube) == {"requests.cpu": "300m", "requests.memory": "192Mi", "pods": "2"}, 5)


def test_a_real_pod_without_an_owner_runs(kube: Kube, image: str) -> None:
    assert kube.call(kube.core.create_namespaced_pod, kube.namespace, pod(image))[0] == 201
    kube.until(lambda: kube.pods()[0]["status"].get("phase") == "Running", 5)
    assert kube.call(kube.core.create_namespaced_pod, kube.namespace, pod(image))[1]["reason"] == "AlreadyExists"
