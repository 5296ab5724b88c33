"""Deployments become ReplicaSets and Pods, in the order and with the numbers of the real controllers."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable

from kubernetes import client

from .conftest import Kube, Obj, Registry

Web = Callable[..., Obj]


def reasons(deployment: Obj, kind: str = "Progressing") -> str:
    return next((c["reason"] for c in deployment["status"].get("conditions", []) if c["type"] == kind), "")


def test_an_applied_set_of_objects_becomes_ready(kube: Kube, web: Web, image: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-1"}, "data": {"MODE": "UAT"}}
    assert [kube.apply(body)[0] for body in (settings, service, web(replicas=2))] == [201, 201, 201]
    done = kube.complete()
    assert reasons(done) == "NewReplicaSetAvailable"
    assert reasons(done, "Available") == "MinimumReplicasAvailable"
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    (replica_set,) = kube.sets()
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == done["metadata"]["uid"]
    pods = kube.pods("app=web")
    assert len(pods) == 2
    for pod in pods:
        assert pod["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]
        assert pod["metadata"]["labels"]["pod-template-hash"] in replica_set["metadata"]["name"]
        (status,) = pod["status"]["containerStatuses"]
        assert status["imageID"].split("@")[1] == image.split("@")[1]
        assert status["ready"] and status["restartCount"] == 0
    seen = {event["reason"] for event in kube.events()}
    assert {"Scheduled", "Pulling", "Pulled", "Created", "Started", "SuccessfulCreate", "ScalingReplicaSet"} <= seen


def test_status_is_written_in_the_order_of_the_real_controller(kube: Kube, web: Web) -> None:
    start = kube.call(kube.apps.list_namespaced_deployment, kube.namespace)[1]["metadata"]["resourceVersion"]
    kube.apply(web())
    kube.complete()
    stream = kube.apps.list_namespaced_deployment(
        kube.namespace,
        watch=True,
        resource_version=start,
        timeout_seconds=1,
        _preload_content=False,
        _request_timeout=(5, 10),
    )
    writes = [json.loads(line)["object"] for line in stream.data.splitlines()]
    order = [(w["status"].get("observedGeneration", 0), reasons(w)) for w in writes]
    assert order[0] == (0, "")
    assert order[1] == (0, "NewReplicaSetCreated")
    assert order[2][0] == 1
    assert [reason for _, reason in order][-1] == "NewReplicaSetAvailable"
    positions = [[reason for _, reason in order].index(r) for r in ("NewReplicaSetCreated", "ReplicaSetUpdated")]
    assert positions == sorted(positions)


def test_a_rolling_update_keeps_what_must_stay_available(kube: Kube, web: Web, registry: Registry) -> None:
    spec = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    kube.apply(web(replicas=3, spec=spec))
    kube.complete()
    seen: list[tuple[int, int]] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.wait(0.02):
            status = kube.deployment()["status"]
            seen.append((status.get("availableReplicas", 0), status.get("replicas", 0)))

    reading = threading.Thread(target=read)
    reading.start()
    other = registry.push("site/web", "2", {"app/main.py": b"print(2)"})
    kube.apply(web(replicas=3, spec=spec, image=other))
    done = kube.complete()
    is_over.set()
    reading.join()
    assert min(available for available, _ in seen) >= 3
    assert max(replicas for _, replicas in seen) == 4
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    kube.until(lambda: len(kube.pods()) == 3)
    assert {pod["status"]["containerStatuses"][0]["imageID"] for pod in kube.pods()} == {other}


def test_going_back_reuses_the_old_set_under_a_new_revision(kube: Kube, web: Web, registry: Registry) -> None:
    kube.apply(web())
    kube.complete()
    first = kube.sets()[0]["metadata"]["uid"]
    kube.apply(web(image=registry.push("site/web", "3", {"a": b"3"})))
    kube.complete()
    kube.apply(web())
    kube.complete()
    by_uid = {entry["metadata"]["uid"]: entry for entry in kube.sets()}
    assert len(by_uid) == 2
    assert by_uid[first]["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert by_uid[first]["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert by_uid[first]["spec"]["replicas"] == 1


def test_recreate_ends_the_old_before_it_starts_the_new(kube: Kube, web: Web, registry: Registry) -> None:
    spec = {"strategy": {"type": "Recreate"}}
    kube.apply(web(replicas=2, spec=spec))
    kube.complete()
    old = {pod["metadata"]["name"] for pod in kube.pods()}
    kube.apply(web(replicas=2, spec=spec, image=registry.push("site/web", "4", {"a": b"4"})))
    seen = kube.until(lambda: {pod["metadata"]["name"] for pod in kube.pods()} - old)
    assert seen
    assert not {pod["metadata"]["name"] for pod in kube.pods()} & old
    kube.complete()


def test_a_missed_deadline_is_told_and_a_going_back_clears_it(kube: Kube, web: Web) -> None:
    spec = {"progressDeadlineSeconds": 2}
    kube.apply(web(spec=spec))
    kube.complete()
    kube.apply(web(spec=spec, annotations={"prism4k.io/scenario": "never-ready"}))
    failed = kube.until(lambda: (d := kube.deployment()) and reasons(d) == "ProgressDeadlineExceeded" and d, 8)
    condition = next(c for c in failed["status"]["conditions"] if c["type"] == "Progressing")
    assert condition["status"] == "False"
    assert "has timed out progressing" in condition["message"]
    assert failed["status"]["availableReplicas"] == 1
    kube.apply(web(spec=spec))
    kube.until(lambda: reasons(kube.deployment()) == "NewReplicaSetAvailable")


def test_a_paused_deployment_waits(kube: Kube, web: Web, registry: Registry) -> None:
    kube.apply(web())
    kube.complete()
    other = registry.push("site/web", "5", {"a": b"5"})
    kube.apply(web(image=other, spec={"paused": True}))
    paused = kube.until(lambda: (d := kube.deployment()) and reasons(d) == "DeploymentPaused" and d)
    kube.until(lambda: kube.deployment()["status"]["observedGeneration"] == paused["metadata"]["generation"])
    assert len(kube.sets()) == 1
    kube.apply(web(image=other))
    kube.complete()
    assert len(kube.sets()) == 2


def test_an_undo_brings_back_template_and_annotations_of_the_set_before(kube: Kube, web: Web) -> None:
    """What ``kubectl rollout undo`` sends (polymorphichelpers/rollback.go), and what becomes of the revisions."""
    kube.apply(web(annotations={"prism4k.io/scenario": ""}))
    kube.complete()
    before = copy.deepcopy(kube.sets()[0])
    kube.apply(web(annotations={"prism4k.io/scenario": "slow 1"}))
    kube.complete()
    template = before["spec"]["template"]
    template["metadata"]["labels"].pop("pod-template-hash")
    patch = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "add", "path": "/metadata/annotations/team~1name", "value": "night"},
    ]
    change = (kube.apps.patch_namespaced_deployment, "web", kube.namespace)
    status, answer = kube.call(*change, patch, _content_type="application/json-patch+json", field_manager="kubectl")
    assert (status, answer["metadata"]["annotations"]["team/name"]) == (200, "night")
    assert answer["metadata"]["managedFields"][-1]["manager"] == "kubectl"
    done = kube.complete()
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    for wrong, words in (
        ([{"op": "test", "path": "/spec/replicas", "value": 9}], "testing value /spec/replicas failed"),
        ([{"op": "remove", "path": "/spec/nothing"}], "missing key: /spec/nothing"),
        ([{"op": "replace", "path": "/a/b", "value": 1}], "missing path: /a/b"),
        ([{"op": "jump", "path": "/spec"}], "unexpected kind: jump"),
    ):
        status, refusal = kube.call(*change, wrong, _content_type="application/json-patch+json")
        assert (status, words in refusal["message"]) == (422, True), refusal


def test_minimum_ready_seconds_delay_availability(kube: Kube, web: Web) -> None:
    kube.apply(web(spec={"minReadySeconds": 2}))
    status = kube.until(lambda: (s := kube.deployment()["status"]) and s.get("readyReplicas") == 1 and s)
    assert "availableReplicas" not in status
    kube.complete()


def test_scaling_goes_through_its_subresource(kube: Kube, web: Web) -> None:
    kube.apply(web())
    kube.complete()
    status, answer = kube.call(
        kube.apps.patch_namespaced_deployment_scale,
        "web",
        kube.namespace,
        {"spec": {"replicas": 3}},
        field_manager="prism4k-scale",
        _content_type="application/merge-patch+json",
    )
    assert (status, answer["kind"], answer["spec"]["replicas"]) == (200, "Scale", 3)
    done = kube.complete()
    assert reasons(done) == "NewReplicaSetAvailable"
    # replicas belong to the other manager now: leaving them out keeps them, another value conflicts
    without = web()
    del without["spec"]["replicas"]
    assert kube.apply(without)[1]["spec"]["replicas"] == 3
    status, refusal = kube.apply(web(replicas=1))
    assert (status, refusal["reason"]) == (409, "Conflict")
    (cause,) = refusal["details"]["causes"]
    assert cause["field"] == ".spec.replicas"
    assert cause["message"] == 'conflict with "prism4k-scale" with subresource "scale" using apps/v1'
    assert kube.apply(web(replicas=1), force=True)[1]["spec"]["replicas"] == 1


def test_deleting_a_deployment_takes_its_sets_and_pods(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=2))
    live = kube.complete()
    wrong = {"preconditions": {"uid": "0" * 8}}
    status, refusal = kube.call(kube.apps.delete_namespaced_deployment, "web", kube.namespace, body=wrong)
    assert (status, refusal["reason"], "causes" in refusal["details"]) == (409, "Conflict", False)
    right = {"preconditions": {"uid": live["metadata"]["uid"]}}
    status, answer = kube.call(kube.apps.delete_namespaced_deployment, "web", kube.namespace, body=right)
    assert (status, answer["status"], answer["details"]["name"]) == (200, "Success", "web")
    kube.until(lambda: not kube.sets() and not kube.pods(), 5)


def test_a_foreground_deletion_waits_for_the_pods(kube: Kube, web: Web) -> None:
    kube.apply(web())
    kube.complete()
    status, answer = kube.call(
        kube.apps.delete_namespaced_deployment, "web", kube.namespace, propagation_policy="Foreground"
    )
    assert (status, answer["metadata"]["finalizers"]) == (200, ["foregroundDeletion"])
    kube.until(lambda: kube.call(kube.apps.read_namespaced_deployment, "web", kube.namespace)[0] == 404, 5)
    assert kube.pods() == []


def test_a_deleted_pod_leaves_gently_and_is_replaced(kube: Kube, web: Web) -> None:
    kube.apply(web())
    kube.complete()
    (pod,) = kube.pods()
    status, answer = kube.call(kube.core.delete_namespaced_pod, pod["metadata"]["name"], kube.namespace)
    assert status == 200
    assert answer["metadata"]["deletionTimestamp"]
    kube.until(lambda: [p["metadata"]["name"] for p in kube.pods()] not in ([], [pod["metadata"]["name"]]), 5)
    kube.until(lambda: pod["metadata"]["name"] not in [p["metadata"]["name"] for p in kube.pods()], 3)
    kube.complete()


def test_typed_reads_work_too(kube: Kube, web: Web) -> None:
    kube.apply(web())
    kube.complete()
    deployment = kube.apps.read_namespaced_deployment("web", kube.namespace)
    assert isinstance(deployment, client.V1Deployment)
    assert deployment.status.available_replicas == 1
    assert [pod.status.phase for pod in kube.core.list_namespaced_pod(kube.namespace).items] == ["Running"]
    assert kube.apps.list_namespaced_replica_set(kube.namespace).items[0].spec.replicas == 1
    assert client.VersionApi(kube.api).get_code().major == "1"


def test_many_pods_come_up_together(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=120))
    kube.complete(seconds=20)
    assert len(kube.pods()) == 120
    kube.apply(web(replicas=0))
    kube.until(lambda: not kube.pods())
