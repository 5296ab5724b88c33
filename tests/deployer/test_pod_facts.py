"""What is told of a pod and of a ReplicaSet beside the verdict: address, ports, image, how it ended last."""

from __future__ import annotations

from typing import Any

from deployer.interfaces import Manifest, Observation, PodView, ReplicaSetView, Verdict
from deployer.verdict import judge
from tests.deployer.test_verdict import NOW, deployment, pod, replica_set

DIGEST = "sha256:" + "4f" * 32


def judged(workload: Manifest, sets: list[Manifest], pods: list[Manifest]) -> Verdict:
    return judge(
        Observation((workload,), tuple(sets), tuple(pods), "9"), name="web", applied_generation=3,
        deployment_mark="1.7.0000abcd", now=NOW, started_at=NOW, last_progress_at=NOW, deadline_seconds=900,
    )  # fmt: skip


def view(**more: Any) -> PodView:
    (found,) = judged(deployment(wanted=1), [replica_set("new", "2")], [pod(**more)]).pods
    return found


def ended(reason: str, code: int, at: str) -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": code, "finishedAt": at}}


def status(**container: Any) -> dict[str, Any]:
    image = f"docker-pullable://r.example/app@{DIGEST}"
    box = {"name": "web", "imageID": image, "restartCount": 2, "state": {"running": {}}, "lastState": {}} | container
    return {"podIP": "10.0.0.7", "containerStatuses": [box]}


def test_a_pod_tells_its_address_its_image_and_its_replica_set() -> None:
    found = view(status=status())
    assert (found.ip, found.digest, found.replica_set) == ("10.0.0.7", DIGEST, "web-new")
    assert (found.end_reason, found.end_code, found.end_at) == ("", None, "")
    bare = view()
    assert (bare.ip, bare.digest, bare.end_code) == ("", "", None)
    assert view(status=status(imageID="r.example/app:1")).digest == "", "a tag is no digest"


def test_ports_are_those_of_all_containers() -> None:
    ports = [{"name": "http", "containerPort": 8080}, {"containerPort": 9000, "protocol": "UDP"}]
    found = pod()
    found["spec"]["containers"][0]["ports"] = ports
    found["spec"]["containers"].append({"name": "side", "ports": [{"containerPort": 1}]})
    (shown,) = judged(deployment(wanted=1), [replica_set("new", "2")], [found]).pods
    assert shown.ports == "http 8080/TCP, 9000/UDP, 1/TCP"


def test_the_end_that_is_told_is_the_last_one() -> None:
    before, now = ended("OOMKilled", 137, "2026-11-20T11:00:00Z"), ended("Error", 1, "2026-11-20T11:30:00Z")
    found = view(status=status(lastState=before))
    assert (found.end_reason, found.end_code, found.end_at) == ("OOMKilled", 137, "2026-11-20T11:00:00Z")
    assert view(status=status(lastState=before, state=now)).end_code == 1
    done = {"name": "fetch", "state": ended("Completed", 0, "2026-11-20T11:59:00Z"), "lastState": {}}
    assert view(status={**status(), "initContainerStatuses": [done]}).end_reason == "", "it has prepared the pod"


def test_replica_sets_are_told_with_the_new_one_first() -> None:
    new, old, done = (replica_set(uid, revision) for uid, revision in (("new", "2"), ("old", "1"), ("gone", "0")))
    new |= {"spec": {"replicas": 2}, "status": {}}
    old |= {"spec": {"replicas": 1}, "status": {"replicas": 1, "readyReplicas": 1}}
    old["spec"]["template"] = {"metadata": {"labels": {"prism4k.io/order": "K8S1"}}}
    done |= {"spec": {"replicas": 0}, "status": {}}
    assert judged(deployment(), [done, old, new], []).replica_sets == (
        ReplicaSetView("web-new", is_new=True, wanted=2, pods=0, ready=0),
        ReplicaSetView("web-old", is_new=False, wanted=1, pods=1, ready=1, order="K8S1"),
    )
