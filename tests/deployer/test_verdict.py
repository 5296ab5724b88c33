"""Verdicts and diagnoses over raw objects, table by table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployer.interfaces import EventFacts, Manifest, Observation, Verdict
from deployer.verdict import (
    cause_message,
    judge,
    next_step_message,
    parse_quota_refusal,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OUTCOMES = {"waiting", "progressing", "paused", "complete", "failed", "superseded", "deleted", "changed", "undone"}


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def deployment(*, wanted: int = 2, observed: int = 3, spec: dict[str, Any] | None = None, **status: Any) -> Manifest:
    return {
        "metadata": {
            "name": "web",
            "uid": "d",
            "generation": 3,
            "annotations": {"prism4k.io/deployment": "1.7.0000abcd", "deployment.kubernetes.io/revision": "2"},
        },
        "spec": {"replicas": wanted} | (spec or {}),
        "status": {"observedGeneration": observed} | status,
    }


def replica_set(uid: str, revision: str, **status: Any) -> Manifest:
    return {
        "metadata": {
            "name": f"web-{uid}",
            "uid": uid,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"uid": "d", "controller": True}],
        },
        "status": status,
    }


def pod(name: str = "p1", owner: str = "new", *, age: float = 5, ready: bool = False, **more: Any) -> Manifest:
    status = {
        "startTime": ago(age),
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True" if ready else "False"},
        ],
    } | more.pop("status", {})
    box = {
        "name": "web",
        "image": "r/app:1",
        "resources": {"limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5, "failureThreshold": 3},
    }
    return {
        "metadata": {"name": name, "uid": name, "ownerReferences": [{"uid": owner, "controller": True}]} | more,
        "spec": {"nodeName": "n1", "containers": [box], "initContainers": [{"name": "init", "image": "r/init:1"}]},
        "status": status,
    }


def boxed(
    state: dict[str, Any], *, age: float = 5, restarts: int = 0, last: dict[str, Any] | None = None, init: bool = False
) -> Manifest:
    container = {"name": "init" if init else "web", "restartCount": restarts, "state": state, "lastState": last or {}}
    part = "initContainerStatuses" if init else "containerStatuses"
    return pod(age=age, status={part: [container]})


def waiting(reason: str, message: str = "", **more: Any) -> Manifest:
    return boxed({"waiting": {"reason": reason, "message": message}}, **more)


def ended(code: int, reason: str = "Error", *, lived: float = 1, **more: Any) -> dict[str, Any]:
    return {
        "terminated": {"exitCode": code, "reason": reason, "startedAt": ago(lived + 1), "finishedAt": ago(1)} | more
    }


FACTS: dict[str, Any] = {
    "name": "web", "applied_generation": 3, "now": NOW, "started_at": NOW, "last_progress_at": NOW,
    "deadline_seconds": 900,
}  # fmt: skip


def verdict_of(
    *pods: Manifest,
    d: Manifest | None = None,
    new: Manifest | None = None,
    elapsed: float = 5,
    idle: float = 5,
    deadline: float = 900,
    applied: int = 3,
    events: tuple[EventFacts, ...] = (),
    is_first: bool = False,
) -> Verdict:
    sets = (new or replica_set("new", "2"), *(() if is_first else (replica_set("old", "1"),)))
    observation = Observation((d or deployment(updatedReplicas=1),), sets, pods, "9")
    return judge(
        observation,
        name="web",
        applied_generation=applied,
        deployment_mark="1.7.0000abcd",
        now=NOW,
        started_at=NOW - timedelta(seconds=elapsed),
        last_progress_at=NOW - timedelta(seconds=idle),
        deadline_seconds=deadline,
        events=events,
    )


def code_of(verdict: Verdict) -> tuple[str, str]:
    """Outcome and code, after its messages were tried."""
    assert verdict.outcome in OUTCOMES
    if verdict.diagnosis is None:
        return verdict.outcome, ""
    for message_for in (cause_message, next_step_message):
        shown = str(message_for(verdict.diagnosis.code, verdict.diagnosis.values))
        assert shown.strip()
        assert "%(" not in shown
    return verdict.outcome, verdict.diagnosis.code


def test_a_workload_that_is_gone_was_deleted() -> None:
    verdict = judge(
        Observation((), (), (), "1"),
        name="web",
        applied_generation=1,
        deployment_mark="1.7.0000abcd",
        now=NOW,
        started_at=NOW,
        last_progress_at=NOW,
        deadline_seconds=9,
    )
    assert code_of(verdict) == ("deleted", "deleted_outside")


def test_another_deployment_s_annotation_supersedes() -> None:
    d = deployment()
    d["metadata"]["annotations"]["prism4k.io/deployment"] = "1.8.0000abcd"
    verdict = verdict_of(d=d)
    assert (verdict.outcome, verdict.message) == ("superseded", "Deployment 8 took its place.")


def test_before_the_controller_saw_it_the_old_status_means_nothing() -> None:
    stale = {
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
        "updatedReplicas": 2,
        "replicas": 2,
        "availableReplicas": 2,
    }
    assert code_of(verdict_of(d=deployment(observed=2, **stale))) == ("waiting", "")
    assert code_of(verdict_of(d=deployment(observed=2, **stale), elapsed=40, idle=40)) == (
        "waiting",
        "controller_silent",
    )
    assert code_of(verdict_of(d=deployment(observed=2, **stale), elapsed=999, idle=999)) == (
        "failed",
        "controller_silent",
    )
    assert code_of(verdict_of(d=deployment(observed=3, **stale | {"updatedReplicas": 1}))) == ("failed", "deadline")


def test_complete_is_when_all_counts_agree() -> None:
    full = {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2, "readyReplicas": 2}
    verdict = verdict_of(pod("a", ready=True), pod("b", ready=True), d=deployment(**full))
    assert (verdict.outcome, verdict.ready, verdict.wanted, verdict.updated) == ("complete", 2, 2, 2)
    for name, value in (("updatedReplicas", 1), ("replicas", 3), ("availableReplicas", 1)):
        assert verdict_of(d=deployment(**full | {name: value})).outcome == "progressing"
    assert verdict_of(d=deployment(wanted=0)).outcome == "complete"


def test_paused_is_named_and_ends_at_the_deadline_of_the_space_alone() -> None:
    paused = deployment(spec={"paused": True, "progressDeadlineSeconds": 60}, updatedReplicas=0)
    assert code_of(verdict_of(d=paused, elapsed=899, idle=899)) == ("paused", "paused")
    assert code_of(verdict_of(d=paused, elapsed=900)) == ("failed", "paused")
    full = {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}
    assert verdict_of(d=deployment(spec={"paused": True}, **full)).outcome == "complete", "as kubectl says"


def templated(uid: str, revision: str, image: str, made: float = 10) -> Manifest:
    """A ReplicaSet with its pod template, as the API has it."""
    template = {
        "metadata": {"labels": {"a": "b", "pod-template-hash": uid}},
        "spec": {"containers": [{"image": image}]},
    }
    found = replica_set(uid, revision)
    found["metadata"]["creationTimestamp"] = ago(made)
    return found | {"spec": {"template": template}}


def test_the_old_pods_of_a_paused_deployment_are_not_taken_for_new_ones() -> None:
    # Its revision stays that of the old ReplicaSet: no new one is made before it is resumed.
    wanted = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"image": "r/app:2"}]}}
    d = deployment(spec={"paused": True, "template": wanted}, replicas=2, availableReplicas=2, readyReplicas=2)
    verdict = verdict_of(pod("a", ready=True), pod("b", ready=True), d=d, new=templated("new", "2", "r/app:1"))
    assert (verdict.outcome, verdict.ready, verdict.updated) == ("paused", 0, 0)
    assert [view.is_new for view in verdict.pods] == [False, False]
    d["spec"]["paused"] = False
    twins = (templated("new", "2", "r/app:2", made=5), templated("older", "1", "r/app:2", made=9))
    seen = Observation((d,), twins, (pod("a"), pod("b", "older")), "1")
    views = judge(seen, **(FACTS | {"deployment_mark": "1.7.0000abcd"})).pods
    assert [(view.name, view.is_new) for view in views] == [("b", True), ("a", False)], "the oldest, as the controller"


def test_a_change_by_others_during_the_rollout_is_told() -> None:
    assert "changed outside" in verdict_of(applied=2).message


def test_scale_only_changes_have_our_deadline() -> None:
    d = deployment(updatedReplicas=1, spec={"progressDeadlineSeconds": 60})
    assert verdict_of(d=d, idle=70).outcome == "progressing"
    assert code_of(verdict_of(d=d, idle=76)) == ("failed", "deadline")
    never = deployment(updatedReplicas=1, spec={"progressDeadlineSeconds": 2**31 - 1})
    assert verdict_of(d=never, idle=10_000).outcome == "progressing"
    assert verdict_of(d=never, idle=10_000, elapsed=901).outcome == "failed"


def test_pods_are_new_or_old_and_outsiders_are_left_out() -> None:
    leaving = pod("c", "old", ready=True, deletionTimestamp=ago(1))
    verdict = verdict_of(pod("b", "old", ready=True), pod("a", ready=True), leaving, pod("x", "foreign", ready=True))
    assert [(p.name, p.is_new, p.is_ready, p.is_leaving, p.state) for p in verdict.pods] == [
        ("a", True, True, False, "ready"),
        ("b", False, True, False, "ready"),
        ("c", False, False, True, "leaving"),
    ]
    assert verdict.ready == 1


PATIENT: list[tuple[Manifest, str, str]] = [
    (waiting("InvalidImageName"), "failed", "image_name_invalid"),
    (waiting("ErrImageNeverPull"), "failed", "image_never_pulled"),
    (waiting("ErrImagePull", "manifest unknown"), "progressing", "image_missing"),
    (waiting("ErrImagePull", "manifest unknown", age=11), "failed", "image_missing"),
    (waiting("ImagePullBackOff", "r/app:1: not found"), "failed", "image_missing"),
    (waiting("ImagePullBackOff", "pull access denied, repository does not exist"), "failed", "image_refused"),
    (waiting("ImagePullBackOff", "401 Unauthorized"), "failed", "image_refused"),
    (waiting("ImagePullBackOff", "dial tcp: i/o timeout"), "progressing", "image_pull_failed"),
    (waiting("ImagePullBackOff", "dial tcp: i/o timeout", age=61), "failed", "image_pull_failed"),
    (waiting("CreateContainerConfigError", 'configmap "a" not found'), "progressing", "config_missing"),
    (waiting("CreateContainerConfigError", 'configmap "a" not found', age=21), "failed", "config_missing"),
    (waiting("RunContainerError", "exec: no such file"), "progressing", "start_failed"),
    (waiting("RunContainerError", "exec: no such file", restarts=1), "failed", "start_failed"),
    (waiting("CrashLoopBackOff", restarts=1, last=ended(1)), "progressing", "crash_loop"),
    (waiting("CrashLoopBackOff", restarts=2, last=ended(1)), "failed", "crash_loop"),
    (waiting("CrashLoopBackOff", restarts=2, last=ended(1, lived=300)), "progressing", "crash_loop"),
    (waiting("CrashLoopBackOff", restarts=3, last=ended(1, lived=300)), "failed", "crash_loop"),
    (waiting("CrashLoopBackOff", restarts=2, last=ended(0, "Completed")), "failed", "crash_loop"),
    (waiting("CrashLoopBackOff", restarts=1, last=ended(137, "OOMKilled")), "failed", "out_of_memory"),
    (waiting("CrashLoopBackOff", restarts=1, last=ended(127, "StartError")), "failed", "start_failed"),
    (waiting("CrashLoopBackOff", restarts=2, last=ended(1), init=True), "failed", "init_failed"),
    (boxed(ended(137, "OOMKilled")), "progressing", "out_of_memory"),
    (boxed(ended(0, "Completed"), init=True), "progressing", ""),
    (waiting("ContainerCreating"), "progressing", ""),
    (waiting("ContainerCreating", age=100), "progressing", "slow_start"),
    (waiting("PodInitializing", age=500), "progressing", ""),
    (waiting("ErrSomethingNew", "x"), "progressing", "container_problem"),
    (waiting("SomethingError", "x", age=61), "failed", "container_problem"),
    (boxed({"running": {"startedAt": ago(5)}}), "progressing", ""),
    (boxed({"running": {"startedAt": ago(20)}}), "progressing", "not_ready"),
    (boxed({"running": {"startedAt": ago(590)}}, age=600), "progressing", "not_ready"),
    (pod(status={"phase": "Failed", "reason": "Evicted", "message": "low on memory"}), "progressing", "evicted"),
]


@pytest.mark.parametrize(("shape", "outcome", "code"), PATIENT)
def test_diagnosis_of_a_new_pod(shape: Manifest, outcome: str, code: str) -> None:
    assert code_of(verdict_of(shape)) == (outcome, code)


@pytest.mark.parametrize(("shape", "_outcome", "_code"), PATIENT)
def test_old_and_leaving_pods_are_not_diagnosed(shape: Manifest, _outcome: str, _code: str) -> None:
    old = shape | {"metadata": shape["metadata"] | {"ownerReferences": [{"uid": "old"}]}}
    leaving = shape | {"metadata": shape["metadata"] | {"deletionTimestamp": ago(1)}}
    assert code_of(verdict_of(old)) == ("progressing", "")
    assert code_of(verdict_of(leaving)) == ("progressing", "")


def unscheduled(seconds: float) -> Manifest:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/5 nodes are available",
        "lastTransitionTime": ago(seconds),
    }
    return pod(status={"conditions": [condition]})


def event(reason: str, message: str, name: str = "p1") -> EventFacts:
    return EventFacts("Pod", name, "Warning", reason, message, 1, ago(1))


def test_no_node_is_waited_for_two_minutes_unless_the_autoscaler_gave_up() -> None:
    assert code_of(verdict_of(unscheduled(60))) == ("progressing", "unschedulable")
    assert code_of(verdict_of(unscheduled(121))) == ("failed", "unschedulable")
    assert code_of(verdict_of(unscheduled(5), events=(event("NotTriggerScaleUp", "no"),))) == (
        "failed",
        "unschedulable",
    )


def test_events_make_causes_exact_and_are_optional() -> None:
    mount = event("FailedMount", 'configmap "cfg" not found')
    assert code_of(verdict_of(waiting("ContainerCreating", age=100), events=(mount,))) == ("failed", "stuck_creating")
    liveness = event("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500")
    crash = waiting("CrashLoopBackOff", restarts=2, last=ended(137))
    assert code_of(verdict_of(crash, events=(liveness,))) == ("failed", "liveness_failed")
    readiness = event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    verdict = verdict_of(boxed({"running": {"startedAt": ago(70)}}), events=(readiness,), elapsed=901)
    assert code_of(verdict) == ("failed", "not_ready")
    assert verdict.diagnosis is not None
    assert "503" in verdict.diagnosis.values["message"]
    assert verdict.diagnosis.values["check"] == "GET /healthz on port 8080"
    other = event("FailedMount", "x", name="other")
    assert code_of(verdict_of(waiting("ContainerCreating", age=100), events=(other,))) == ("progressing", "slow_start")


def test_three_evictions_end_a_rollout() -> None:
    gone = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
    pods = [pod(f"p{n}", status=gone) for n in range(3)]
    assert code_of(verdict_of(*pods)) == ("failed", "evicted")
    verdict = verdict_of(*pods)
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.values["count"] == "3"


EXCEEDED = (
    'pods "web-1" is forbidden: exceeded quota: prism4k, requested: pods=1,requests.cpu=100m, '
    "used: pods=3,requests.cpu=300m, limited: pods=3,requests.cpu=300m"
)


def refused(message: str, seconds: float = 1) -> Manifest:
    condition = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": message,
        "lastTransitionTime": ago(seconds),
    }
    return replica_set("new", "2", conditions=[condition])


def test_a_full_quota_fails_at_once_when_no_old_pod_will_leave() -> None:
    assert code_of(verdict_of(new=refused(EXCEEDED), is_first=True)) == ("failed", "quota_exceeded")
    rolling = {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    stuck = deployment(wanted=3, updatedReplicas=0, availableReplicas=3, spec=rolling)
    assert code_of(verdict_of(pod("o", "old", ready=True), d=stuck, new=refused(EXCEEDED))) == (
        "failed",
        "quota_exceeded",
    )
    moving = deployment(wanted=4, updatedReplicas=1, availableReplicas=3)
    old = pod("o", "old", ready=True)
    assert code_of(verdict_of(old, d=moving, new=refused(EXCEEDED))) == ("progressing", "quota_exceeded")
    assert code_of(verdict_of(old, d=moving, new=refused(EXCEEDED, 61))) == ("failed", "quota_exceeded")


def test_a_full_quota_is_waited_for_when_the_last_old_pod_has_just_left() -> None:
    assert code_of(verdict_of(new=refused(EXCEEDED))) == ("progressing", "quota_exceeded")
    assert code_of(verdict_of(new=refused(EXCEEDED, 61))) == ("failed", "quota_exceeded")


def test_the_quota_s_numbers_are_taken_from_the_text() -> None:
    found = parse_quota_refusal(EXCEEDED)
    assert found is not None
    assert (found.quota, found.requested) == ("prism4k", {"pods": "1", "requests.cpu": "100m"})
    assert found.limited == {"pods": "3", "requests.cpu": "300m"}
    assert parse_quota_refusal("something else") is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('pods "x" is forbidden: failed quota: q: must specify limits.cpu for: app', "quota_needs_resources"),
        ('pods "x" is forbidden: minimum cpu usage per Container is 100m, but request is 10m', "limit_range"),
        ('pods "x" is forbidden: cpu max limit to request ratio per Container is 2', "limit_range"),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot', "pod_security"),
        ('pods "x" is forbidden: error looking up service account ns/a: not found', "service_account_missing"),
        ('admission webhook "v" denied the request', "pod_refused"),
    ],
)
def test_other_refusals_fail_at_once(message: str, code: str) -> None:
    assert code_of(verdict_of(new=refused(message))) == ("failed", code)
