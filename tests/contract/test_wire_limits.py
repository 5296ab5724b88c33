"""What a namespace allows: quotas, limit ranges, pod security, and the autoscaler's own rules."""

from typing import Any

import pytest

from tests.contract.cluster_stand_in import quota
from tests.contract.wire import CORE, DEPLOYMENTS, PODS, SCALERS, Wire, bare_pod, steady
from tests.patience import wait_for

pytestmark = pytest.mark.contract


def counted(wire: Wire, **hard: str) -> None:
    assert wire.apply(f"{CORE}/resourcequotas", quota(**hard)).status == 201
    wait_for(lambda: wire.get(f"{CORE}/resourcequotas/prism4k").get("status", {}).get("used"), "it is counted")


def limit_range(wire: Wire, **limit: Any) -> None:
    spec = {"limits": [{"type": "Container", **limit}]}
    body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": spec}
    assert wire.apply(f"{CORE}/limitranges", body).status == 201


def without_resources() -> dict[str, Any]:
    pod = bare_pod()
    del pod["spec"]["containers"][0]["resources"]
    return pod


def test_a_full_quota_names_what_is_asked_used_and_allowed(wire: Wire) -> None:
    counted(wire, pods="0")
    answer = wire.call("POST", PODS, bare_pod(), dryRun="All")
    assert answer.refusal == (
        403, "Forbidden",
        'pods "p" is forbidden: exceeded quota: prism4k, requested: pods=1, used: pods=0, limited: pods=0',
    )  # fmt: skip


def test_a_quota_of_cpu_asks_for_requests(wire: Wire) -> None:
    counted(wire, requests_cpu="4", limits_memory="4Gi")
    answer = wire.call("POST", PODS, without_resources(), dryRun="All")
    assert answer.refusal == (
        403, "Forbidden",
        'pods "p" is forbidden: failed quota: prism4k: must specify limits.memory for: web; requests.cpu for: web',
    )  # fmt: skip


def test_the_use_of_a_quota_is_counted(wire: Wire) -> None:
    counted(wire, requests_cpu="4", pods="9")
    wire.deploy(replicas=2)
    wire.complete()

    def used() -> dict[str, str]:
        return dict(wire.get(f"{CORE}/resourcequotas/prism4k")["status"]["used"])

    wait_for(lambda: used() == {"pods": "2", "requests.cpu": "200m"}, "both are counted")


def test_a_quota_of_objects_refuses_the_object_itself(wire: Wire) -> None:
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "prism4k"}}
    body["spec"] = {"hard": {"count/deployments.apps": "1"}}
    assert wire.apply(f"{CORE}/resourcequotas", body).status == 201
    wait_for(lambda: wire.get(f"{CORE}/resourcequotas/prism4k").get("status", {}).get("used"), "it is counted")
    wire.deploy(replicas=0)
    second = steady(replicas=0)
    second["metadata"]["name"] = "second"
    status, reason, message = wire.apply(DEPLOYMENTS, second).refusal
    assert (status, reason) == (403, "Forbidden")
    assert "exceeded quota: prism4k, requested: count/deployments.apps=1, used: count/deployments.apps=1" in message


def test_a_pod_outside_the_scope_of_a_quota_is_not_counted(wire: Wire) -> None:
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "prism4k"}}
    body["spec"] = {"hard": {"pods": "0"}, "scopes": ["BestEffort"]}
    assert wire.apply(f"{CORE}/resourcequotas", body).status == 201
    wait_for(lambda: wire.get(f"{CORE}/resourcequotas/prism4k").get("status", {}).get("used"), "it is counted")
    assert wire.call("POST", PODS, bare_pod(), dryRun="All").status == 201
    assert "exceeded quota" in wire.call("POST", PODS, without_resources(), dryRun="All").body["message"]


def test_a_limit_range_fills_in_what_is_missing(wire: Wire) -> None:
    limit_range(wire, default={"cpu": "300m"}, defaultRequest={"cpu": "100m"})
    made = wire.call("POST", PODS, without_resources(), dryRun="All")
    assert made.status == 201
    assert made.body["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "300m"}, "requests": {"cpu": "100m"},
    }  # fmt: skip


def test_a_limit_range_refuses_too_much_and_too_little(wire: Wire) -> None:
    limit_range(wire, max={"cpu": "100m"}, min={"memory": "256Mi"})
    status, reason, message = wire.call("POST", PODS, bare_pod(), dryRun="All").refusal
    assert (status, reason) == (403, "Forbidden")
    assert "maximum cpu usage per Container is 100m, but limit is 200m" in message
    assert "minimum memory usage per Container is 256Mi, but request is 64Mi" in message


def test_a_restricted_namespace_refuses_a_root_pod(wire: Wire) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wire.namespace, "labels": labels}}
    assert wire.apply("/api/v1/namespaces", body, force="true").status == 200
    status, reason, message = wire.call("POST", PODS, bare_pod(), dryRun="All").refusal
    assert (status, reason) == (403, "Forbidden")
    assert message.startswith('pods "p" is forbidden: violates PodSecurity "restricted:latest": ')
    assert "runAsNonRoot != true" in message and "seccompProfile" in message


def test_a_warning_namespace_warns_already_at_the_deployment(wire: Wire) -> None:
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wire.namespace, "labels": labels}}
    assert wire.apply("/api/v1/namespaces", body, force="true").status == 200
    answer = wire.apply(DEPLOYMENTS, steady(replicas=0), dryRun="All")
    assert answer.status == 201
    assert answer.headers["Warning"].startswith('299 - "would violate PodSecurity \\"restricted:latest\\": ')


def test_an_autoscaler_has_no_minimum_above_its_maximum(wire: Wire) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
    body["spec"] = {"scaleTargetRef": target, "minReplicas": 5, "maxReplicas": 3}
    answer = wire.apply(SCALERS, body)
    assert answer.refusal[:2] == (422, "Invalid") and answer.causes == [("FieldValueInvalid", "spec.maxReplicas")]


def test_an_autoscaler_keeps_the_number_between_its_bounds(wire: Wire) -> None:
    wire.deploy(replicas=5)
    wire.complete()
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
    body["spec"] = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3}
    assert wire.apply(SCALERS, body).status == 201
    wait_for(lambda: wire.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 3, "it is cut to the maximum", 60)


def test_nothing_is_made_in_a_namespace_that_is_going(wire: Wire) -> None:
    wire.deploy(replicas=1)
    wire.complete()
    assert wire.call("DELETE", "/api/v1/namespaces/{ns}").status == 200
    answer = wire.call("POST", PODS, bare_pod())
    assert answer.refusal[:2] == (403, "Forbidden")
    assert ("NamespaceTerminating", "metadata.namespace") in answer.causes
    assert "because it is being terminated" in answer.body["message"]


def test_a_secret_is_kept_and_its_text_form_is_folded_in(wire: Wire) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "1"}}
    assert wire.apply(f"{CORE}/secrets", body).status == 201
    live = wire.get(f"{CORE}/secrets/s")
    assert live["data"] == {"a": "MQ=="} and "stringData" not in live and live["type"] == "Opaque"


def test_a_pod_that_names_no_service_account_has_the_default_one(wire: Wire) -> None:
    answer = wait_for(
        lambda: made if (made := wire.call("POST", PODS, bare_pod(), dryRun="All")).status == 201 else None,
        "the namespace's own account is there",
    )
    assert answer is not None and answer.body["spec"]["serviceAccountName"] == "default"


def test_a_service_account_that_is_not_there_refuses_the_pod(wire: Wire) -> None:
    answer = wire.call("POST", PODS, bare_pod(serviceAccountName="robot"), dryRun="All")
    assert answer.refusal[:2] == (403, "Forbidden")
    assert (
        f'error looking up service account {wire.namespace}/robot: serviceaccount "robot" not found'
        in (answer.body["message"])
    )
