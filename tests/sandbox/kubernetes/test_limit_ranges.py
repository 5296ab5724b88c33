"""A LimitRange fills in what pods leave out and refuses what is beyond its bounds, in dry runs too."""

from __future__ import annotations

from .conftest import Kube, Obj
from .test_quota import pod, quota


def limit_range(**item: Obj) -> Obj:
    spec = {"limits": [{"type": "Container", **item}]}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": spec}


def tried(kube: Kube, body: Obj) -> tuple[int, Obj]:
    return kube.call(kube.core.create_namespaced_pod, kube.namespace, body, dry_run="All")


def test_a_pod_without_resources_gets_the_defaults_and_leaves_best_effort(kube: Kube, image: str) -> None:
    kube.apply(limit_range(default={"cpu": "0.5"}, defaultRequest={"cpu": "100m"}, max={"memory": "1Gi"}))
    status, made = tried(kube, pod(image))
    assert status == 201
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "1Gi"},
    }
    assert made["status"]["qosClass"] == "Burstable"


def test_a_limit_of_its_own_becomes_the_request(kube: Kube, image: str) -> None:
    kube.apply(limit_range(default={"cpu": "500m"}, defaultRequest={"cpu": "100m"}))
    _status, made = tried(kube, pod(image, limits={"cpu": "300m"}))
    assert made["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "300m"


def test_what_is_beyond_the_bounds_is_refused(kube: Kube, image: str) -> None:
    kube.apply(limit_range(max={"cpu": "1"}))
    status, refusal = tried(kube, pod(image, limits={"cpu": "2"}))
    assert (status, refusal["reason"]) == (403, "Forbidden")
    assert refusal["message"] == 'pods "probe" is forbidden: maximum cpu usage per Container is 1, but limit is 2'


def test_defaults_are_what_a_quota_counts(kube: Kube, image: str) -> None:
    kube.apply(limit_range(defaultRequest={"cpu": "600m"}))
    kube.apply(quota(requests_cpu="500m"))
    status, refusal = tried(kube, pod(image))
    assert status == 403
    assert "requested: requests.cpu=600m" in refusal["message"]


def test_a_sidecar_counts_beside_the_containers(kube: Kube, image: str) -> None:
    kube.apply(quota(requests_cpu="500m"))
    body = pod(image, requests={"cpu": "300m"})
    helper = {"name": "helper", "image": image, "resources": {"requests": {"cpu": "250m"}}}
    body["spec"]["initContainers"] = [helper]
    assert tried(kube, body)[0] == 201
    body["spec"]["initContainers"] = [helper | {"restartPolicy": "Always"}]
    assert "requested: requests.cpu=550m" in tried(kube, body)[1]["message"]


def test_a_quota_counts_only_pods_of_its_scopes(kube: Kube, image: str) -> None:
    kube.apply(quota(pods="0") | {"spec": {"hard": {"pods": "0"}, "scopes": ["BestEffort"]}})
    assert tried(kube, pod(image, requests={"cpu": "100m"}))[0] == 201
    assert tried(kube, pod(image))[0] == 403


def test_a_quota_for_a_priority_class_leaves_other_pods_alone(kube: Kube, image: str) -> None:
    term = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
    kube.apply(quota() | {"spec": {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [term]}}})
    assert tried(kube, pod(image))[0] == 201
    body = pod(image)
    body["spec"]["priorityClassName"] = "high"
    assert tried(kube, body)[0] == 403
