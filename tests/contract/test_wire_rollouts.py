"""Rollouts: the states of a Deployment in their order, its ReplicaSets, its pods, and how they end."""

from typing import Any

import pytest

from tests.contract.wire import DEPLOYMENTS, MERGE, PODS, Wire, bare_pod, steady
from tests.patience import wait_for

pytestmark = pytest.mark.contract
SETS = "/apis/apps/v1/namespaces/{ns}/replicasets"


def condition(live: dict[str, Any], kind: str) -> dict[str, Any]:
    found = [one for one in live["status"].get("conditions", []) if one["type"] == kind]
    return dict(found[0]) if found else {}


def until(wire: Wire, what: str, test: Any) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        live = wire.get(f"{DEPLOYMENTS}/web")
        return live if test(live) else None

    made = wait_for(found, what)
    assert made is not None
    return made


def test_a_rollout_ends_available(wire: Wire) -> None:
    wire.deploy(replicas=2)
    live = wire.complete()
    assert live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert live["status"]["readyReplicas"] == 2
    progressing, available = condition(live, "Progressing"), condition(live, "Available")
    assert (progressing["status"], progressing["reason"]) == ("True", "NewReplicaSetAvailable")
    assert (available["status"], available["reason"]) == ("True", "MinimumReplicasAvailable")
    assert "unavailableReplicas" not in live["status"]


def test_a_second_version_is_another_replica_set_and_the_first_stays_empty(wire: Wire) -> None:
    wire.deploy(replicas=2)
    wire.complete()
    wire.deploy(replicas=2, tag="2")
    live = wire.complete()
    assert live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    sets = {one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: one for one in wire.items(SETS)}
    assert sorted(sets) == ["1", "2"]
    assert (sets["1"]["spec"]["replicas"], sets["2"]["spec"]["replicas"]) == (0, 2)
    owner = sets["2"]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Deployment", live["metadata"]["uid"], True)
    digest = sets["2"]["metadata"]["labels"]["pod-template-hash"]
    assert sets["2"]["metadata"]["name"] == f"web-{digest}"
    pods = wire.items(PODS, labelSelector=f"pod-template-hash={digest}")
    assert {pod["metadata"]["ownerReferences"][0]["uid"] for pod in pods} == {sets["2"]["metadata"]["uid"]}


def test_going_back_to_an_old_template_takes_its_replica_set_again(wire: Wire) -> None:
    wire.deploy(replicas=1)
    wire.complete()
    (first,) = wire.items(SETS)
    wire.deploy(replicas=1, tag="2")
    wire.complete()
    wire.deploy(replicas=1)
    live = wire.complete()
    assert live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    again = wire.get(f"{SETS}/{first['metadata']['name']}")
    assert again["metadata"]["uid"] == first["metadata"]["uid"] and again["spec"]["replicas"] == 1
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


def test_a_rollout_that_comes_to_nothing_passes_its_deadline(wire: Wire) -> None:
    body = steady("never-ready", replicas=1)
    body["spec"]["progressDeadlineSeconds"] = 2
    body["spec"]["minReadySeconds"] = 0
    assert wire.apply(DEPLOYMENTS, body).status == 201
    live = until(wire, "the deadline", lambda it: condition(it, "Progressing").get("status") == "False")
    assert condition(live, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert live["status"]["unavailableReplicas"] == 1


def test_a_paused_deployment_keeps_its_old_pods_and_says_so(wire: Wire) -> None:
    wire.deploy(replicas=1)
    wire.complete()
    wire.call("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"paused": True}}, media_type=MERGE, fieldManager="person")
    wire.deploy(replicas=1, tag="2")
    live = until(wire, "it is seen", lambda it: it["status"].get("observedGeneration") == it["metadata"]["generation"])
    assert condition(live, "Progressing")["reason"] == "DeploymentPaused"
    assert live["status"].get("updatedReplicas", 0) == 0 and live["status"]["readyReplicas"] == 1
    wire.call("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"paused": None}}, media_type=MERGE, fieldManager="person")
    assert wire.complete()["status"]["updatedReplicas"] == 1


def test_recreate_takes_the_old_pods_away_first(wire: Wire) -> None:
    def deploy(tag: str) -> None:
        body = steady(replicas=1, tag=tag)
        body["spec"]["strategy"] = {"type": "Recreate"}
        assert wire.apply(DEPLOYMENTS, body).status in (200, 201)

    deploy("1")
    wire.complete()
    version = wire.call("GET", PODS).body["metadata"]["resourceVersion"]
    deploy("2")
    wire.complete()
    order = [one["type"] for one in wire.watch(PODS, resourceVersion=version, timeoutSeconds=1)]
    assert order.index("DELETED") < order.index("ADDED")


def test_a_rolling_update_is_refused_beside_recreate(wire: Wire) -> None:
    wire.deploy(replicas=0)
    body = steady(replicas=0)
    body["spec"]["strategy"] = {"type": "Recreate"}
    answer = wire.apply(DEPLOYMENTS, body)
    assert answer.refusal[:2] == (422, "Invalid")
    assert answer.causes == [("FieldValueForbidden", "spec.strategy.rollingUpdate")]


def test_defaults_are_filled_in(wire: Wire) -> None:
    spec = wire.deploy(replicas=0, ports=[{"containerPort": 8080}])["spec"]
    assert (spec["progressDeadlineSeconds"], spec["revisionHistoryLimit"]) == (600, 10)
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["dnsPolicy"], pod["schedulerName"]) == (
        "Always", "ClusterFirst", "default-scheduler",
    )  # fmt: skip
    assert pod["terminationGracePeriodSeconds"] == 30 and pod["securityContext"] == {}
    container = pod["containers"][0]
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["terminationMessagePath"] == "/dev/termination-log"


def test_a_pod_that_crashes_backs_off_and_keeps_its_last_end(wire: Wire) -> None:
    wire.deploy(replicas=1, scenario="crash")

    def back_off() -> dict[str, Any] | None:
        for pod in wire.items(PODS):
            for status in pod["status"].get("containerStatuses") or []:
                if status["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff":
                    return dict(status)
        return None

    status = wait_for(back_off, "it backs off")
    assert status is not None
    assert status["lastState"]["terminated"]["exitCode"] == 1 and status["lastState"]["terminated"]["reason"] == "Error"
    assert status["state"]["waiting"]["message"].startswith("back-off ")


def test_deleting_a_deployment_takes_its_replica_sets_and_pods(wire: Wire) -> None:
    wire.deploy(replicas=1)
    wire.complete()
    answer = wire.call("DELETE", f"{DEPLOYMENTS}/web", {"propagationPolicy": "Background"})
    assert (answer.status, answer.body["status"]) == (200, "Success")
    assert answer.body["details"]["kind"] == "deployments" and answer.body["details"]["name"] == "web"
    wait_for(lambda: wire.items(SETS) == [] and wire.items(PODS) == [], "they are gone")


def test_deleting_in_the_foreground_shows_the_finalizer(wire: Wire) -> None:
    wire.deploy(replicas=1)
    wire.complete()
    answer = wire.call("DELETE", f"{DEPLOYMENTS}/web", {"propagationPolicy": "Foreground"})
    assert answer.status == 200 and answer.body["kind"] == "Deployment"
    assert answer.body["metadata"]["finalizers"] == ["foregroundDeletion"]
    wait_for(lambda: wire.call("GET", f"{DEPLOYMENTS}/web").status == 404, "it is gone")


def test_deleting_with_another_uid_is_refused(wire: Wire) -> None:
    wire.deploy(replicas=0)
    options = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    answer = wire.call("DELETE", f"{DEPLOYMENTS}/web", options)
    assert answer.refusal[:2] == (409, "Conflict") and "the UID in the precondition" in answer.body["message"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "a container name must be specified for pod p, choose one of: [web side]"),
        ({"container": "none"}, "container none is not valid for pod p"),
        (
            {"container": "web", "previous": "true"},
            'previous terminated container "web" in pod "p" not found',
        ),
    ],
    ids=["which", "unknown", "previous"],
)
def test_a_log_that_cannot_be_had_is_400(wire: Wire, query: dict[str, str], message: str) -> None:
    pod = bare_pod()
    pod["spec"]["containers"].append({**pod["spec"]["containers"][0], "name": "side"})
    assert wire.call("POST", PODS, pod).status == 201

    def runs() -> bool:
        return wire.get(f"{PODS}/p")["status"].get("phase") == "Running"

    wait_for(runs, "it runs")
    assert wire.call("GET", f"{PODS}/p/log", **query).refusal == (400, "BadRequest", message)


def test_a_log_is_text_by_lines(wire: Wire) -> None:
    assert wire.call("POST", PODS, bare_pod()).status == 201
    wait_for(lambda: wire.get(f"{PODS}/p")["status"].get("phase") == "Running", "it runs")
    answer = wire.call("GET", f"{PODS}/p/log", tailLines=1)
    assert (answer.status, answer.media_type) == (200, "text/plain") and answer.body.count("\n") == 1
    stamped = wire.call("GET", f"{PODS}/p/log", timestamps="true").body.splitlines()[0]
    assert stamped.split(" ")[0].endswith("Z")
