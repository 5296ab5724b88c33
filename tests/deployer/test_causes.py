"""Causes by the kubelet's reason and the structure of its message, and how long each is worth waiting for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.interfaces import Diagnosis, EventFacts, Manifest
from deployer.verdict import refine_by_log
from deployer.verdict.evidence import error_lines
from tests.deployer.test_verdict import (
    EXCEEDED,
    NOW,
    ago,
    boxed,
    code_of,
    deployment,
    ended,
    event,
    pod,
    refused,
    verdict_of,
    waiting,
)

REF = "harbor.corp/denied/not-found@sha256:404" + "0" * 61


def pulling(message: str, image: str = REF, reason: str = "ImagePullBackOff", age: float = 5) -> Manifest:
    found = waiting(reason, message, age=age)
    found["spec"]["containers"][0]["image"] = image
    return found


PULLS = [
    # containerd
    (f'failed to pull and unpack image "{REF}": failed to resolve reference "{REF}": {REF}: not found', "missing"),
    (f'rpc error: code = NotFound desc = failed to pull and unpack image "{REF}": no match for platform in manifest: '
     "not found", "architecture"),
    (f'failed to resolve reference "{REF}": pull access denied, repository does not exist or may require '
     "authorization: server message: insufficient_scope: authorization failed", "refused"),
    (f'failed to resolve reference "{REF}": failed to authorize: failed to fetch anonymous token: unexpected status '
     "from GET request to https://harbor.corp/service/token?scope=repository%3Ax: 401 Unauthorized", "refused"),
    (f'failed to resolve reference "{REF}": unexpected status from HEAD request to https://harbor.corp/v2/x: '
     "403 Forbidden", "refused"),
    # containers/image (CRI-O)
    ("reading manifest 1 in harbor.corp/denied/x: manifest unknown", "missing"),
    ("initializing source docker://harbor.corp/a/b:1: reading manifest 1 in harbor.corp/a/b: errors:\n"
     "denied: requested access to the resource is denied\nunauthorized: authentication required", "refused"),
    ('choosing image instance: no image found in image index for architecture arm64, variant "v8", OS linux',
     "architecture"),
    # docker, Harbor
    ("Error response from daemon: manifest for denied:404 not found: manifest unknown: manifest unknown", "missing"),
    ("no matching manifest for linux/arm64/v8 in the manifest list entries", "architecture"),
    ("pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access "
     "to the resource is denied", "refused"),
    ("unauthorized: unauthorized to access repository: a/b, action: pull", "refused"),
    ("name unknown: repository name not known to registry", "missing"),
    # nothing of the sort, against what the names say
    (f'failed to pull and unpack image "{REF}": failed to do request: Head "https://harbor.corp/v2/denied/manifests/'
     'sha256:404": dial tcp 10.0.0.4:404: i/o timeout', "failed"),
    (f'failed to copy: httpReadSeeker: failed open: {REF}: context deadline exceeded', "failed"),
    ("dial tcp: lookup unauthorized.example on 10.96.0.10:53: no such host", "failed"),
    ("failed to authorize: failed to fetch oauth token: Post \"https://x/token\": dial tcp: i/o timeout", "failed"),
    ('Head "https://not-found/v2/": x509: certificate signed by unknown authority', "failed"),
    ("toomanyrequests: You have reached your pull rate limit, see https://www.docker.com/denied", "failed"),
    ("unexpected status from HEAD request to https://r/v2/404/denied: 503 Service Unavailable", "failed"),
]  # fmt: skip
CODES = {
    "missing": "image_missing",
    "refused": "image_refused",
    "architecture": "wrong_architecture",
    "failed": "image_pull_failed",
}


@pytest.mark.parametrize("image", [REF, "denied:404", "manifest-unknown", "localhost:5000/unauthorized:not-found"])
@pytest.mark.parametrize(("message", "kind"), PULLS)
def test_why_an_image_is_not_pulled(message: str, kind: str, image: str) -> None:
    told = message.replace(REF, image)
    for text in (told, f'Back-off pulling image "{image}": ErrImagePull: {told}'):
        outcome, code = code_of(verdict_of(pulling(text, image)))
        assert (outcome, code) == ("progressing" if kind == "failed" else "failed", CODES[kind])


def test_the_reason_goes_before_the_words_of_the_message() -> None:
    for reason in ("RegistryUnavailable", "SignatureValidationFailed", "ImageInspectError"):
        assert code_of(verdict_of(pulling("x: not found", reason=reason)))[1] == "image_pull_failed"


def test_an_event_about_another_image_of_the_pod_is_not_evidence() -> None:
    other = event("Failed", 'Failed to pull image "r/agent:2": r/agent:2: not found')
    shape = pulling("Back-off pulling image", "r/app:1")
    assert code_of(verdict_of(shape, events=(other,)))[1] == "image_pull_failed"
    own = event("Failed", 'Failed to pull image "r/app:1": r/app:1: not found')
    assert code_of(verdict_of(shape, events=(other, own)))[1] == "image_missing"


def test_patience_begins_when_the_init_containers_have_ended() -> None:
    shape = pulling("dial tcp: i/o timeout", age=500)
    shape["status"]["initContainerStatuses"] = [{"name": "init", "state": ended(0, "Completed", lived=498)}]
    assert code_of(verdict_of(shape))[0] == "progressing"
    assert code_of(verdict_of(pulling("dial tcp: i/o timeout", age=500)))[0] == "failed"


def test_a_program_for_another_processor() -> None:
    words = 'failed to create containerd task: runc create failed: exec: "/app": exec format error'
    crash = waiting("CrashLoopBackOff", restarts=1, last=ended(128, "StartError", message=words))
    assert code_of(verdict_of(crash)) == ("failed", "wrong_architecture")
    assert code_of(verdict_of(waiting("RunContainerError", words, restarts=1))) == ("failed", "wrong_architecture")
    found = verdict_of(waiting("CrashLoopBackOff", restarts=2, last=ended(255))).diagnosis
    assert found and found.code == "crash_loop"
    refined = refine_by_log(found, "exec /usr/bin/app: exec format error\n")
    assert code_of(replace(verdict_of(), outcome="failed", diagnosis=refined)) == ("failed", "wrong_architecture")
    said = 'INFO retry after "exec format error" of a child\nValueError: x\n'
    assert refine_by_log(found, said).code == "crash_loop"
    assert refine_by_log(replace(found, code="out_of_memory"), "exec format error").code == "out_of_memory"


# ---------------------------------------------------------------- who ended it
def probed(shape: Manifest, **probes: Any) -> Manifest:
    shape["spec"]["containers"][0] |= probes
    return shape


def told(reason: str, message: str, container: str = "web", at: float = 1) -> EventFacts:
    return replace(event(reason, message), field=f"spec.containers{{{container}}}", at=ago(at))


STARTUP = {"startupProbe": {"httpGet": {"path": "/up", "port": 80}, "periodSeconds": 2, "failureThreshold": 5}}
UNHEALTHY = told("Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503")
KILLING = told("Killing", "Container web failed startup probe, will be restarted")


@pytest.mark.parametrize("code", [137, 143, 0, 1])
def test_a_start_up_check_that_ends_the_container_is_the_cause(code: int) -> None:
    crash = probed(waiting("CrashLoopBackOff", restarts=2, last=ended(code, lived=10)), **STARTUP)
    verdict = verdict_of(crash, events=(UNHEALTHY, KILLING))
    assert code_of(verdict) == ("failed", "startup_failed")
    assert verdict.diagnosis
    assert verdict.diagnosis.values["check"] == "GET /up on port 80"
    assert verdict.diagnosis.values["seconds"] == "10"
    assert "statuscode: 503" in verdict.diagnosis.values["message"]


def test_a_container_that_ends_by_itself_is_not_laid_to_a_check() -> None:
    crash = probed(waiting("CrashLoopBackOff", restarts=2, last=ended(1)), **STARTUP)
    assert code_of(verdict_of(crash, events=(UNHEALTHY,))) == ("failed", "crash_loop")
    earlier = replace(KILLING, at=ago(600))
    assert code_of(verdict_of(crash, events=(earlier,))) == ("failed", "crash_loop"), "that was another run"
    neighbour = told("Unhealthy", "Liveness probe failed: x", "agent")
    killed = waiting("CrashLoopBackOff", restarts=2, last=ended(137))
    assert code_of(verdict_of(killed, events=(neighbour,))) == ("failed", "killed"), "another container's check"
    assert code_of(verdict_of(waiting("CrashLoopBackOff", restarts=2, last=ended(143)))) == ("failed", "killed")


def test_the_last_termination_stays_the_cause_between_crashes() -> None:
    last = {"terminated": ended(1)["terminated"]}
    for state in ({"running": {"startedAt": ago(3)}}, {"waiting": {"reason": "ContainerCreating"}}, {}):
        assert code_of(verdict_of(boxed(state, restarts=4, last=last, age=300))) == ("progressing", "crash_loop")
        late = verdict_of(boxed(state, restarts=4, last=last, age=300), elapsed=901)
        assert code_of(late) == ("failed", "crash_loop"), "not a bare deadline"
    killed = probed(boxed({"running": {"startedAt": ago(4)}}, restarts=1, last=ended(137, lived=10)), **STARTUP)
    assert code_of(verdict_of(killed, events=(KILLING,))) == ("progressing", "startup_failed")
    long_since = boxed({"running": {"startedAt": ago(300)}}, restarts=1, last=last)
    assert code_of(verdict_of(long_since)) == ("progressing", "not_ready"), "it has long outlived that crash"


def test_a_start_up_check_that_has_not_succeeded_yet_is_a_suspicion() -> None:
    shape = probed(boxed({"running": {"startedAt": ago(100)}}), **STARTUP)
    shape["status"]["containerStatuses"][0]["started"] = False
    verdict = verdict_of(shape, events=(UNHEALTHY,))
    assert code_of(verdict) == ("progressing", "starting")
    assert verdict.diagnosis and "503" in verdict.diagnosis.values["message"]


# ---------------------------------------------------------------- sidecars and init containers
def sidecar(state: dict[str, Any], **more: Any) -> Manifest:
    shape = boxed(state, init=True, **more)
    shape["spec"]["initContainers"] = [{"name": "init", "image": "r/mesh:1", "restartPolicy": "Always"}]
    return shape


def test_a_native_sidecar_is_judged_as_a_container_that_must_not_end() -> None:
    for code in (0, 1):
        crash = sidecar({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=2, last=ended(code, "Completed"))
        assert code_of(verdict_of(crash)) == ("failed", "crash_loop")
        assert code_of(verdict_of(sidecar(ended(code)))) == ("progressing", "crash_loop")
    unready = sidecar({"running": {"startedAt": ago(60)}})
    assert code_of(verdict_of(unready)) == ("progressing", "not_ready")
    unready["status"]["initContainerStatuses"][0]["ready"] = True
    assert code_of(verdict_of(unready)) == ("progressing", "")
    last = verdict_of(sidecar({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=2, last=ended(1))).diagnosis
    assert last and last.container == "init"


def test_an_init_container_that_does_not_end_is_named() -> None:
    assert code_of(verdict_of(boxed({"running": {"startedAt": ago(50)}}, init=True))) == ("progressing", "")
    assert code_of(verdict_of(boxed({"running": {"startedAt": ago(70)}}, init=True))) == ("progressing", "init_running")
    late = verdict_of(boxed({"running": {"startedAt": ago(999)}}, init=True), elapsed=999)
    assert code_of(late) == ("failed", "init_running")


# ---------------------------------------------------------------- pods as a whole
@pytest.mark.parametrize("reason", ["OutOfcpu", "OutOfmemory", "OutOfpods", "OutOfexample.com/gpu", "NodeAffinity",
                                    "UnexpectedAdmissionError", "NodePorts"])  # fmt: skip
def test_a_pod_that_its_node_refuses_says_why_and_three_end_the_rollout(reason: str) -> None:
    status = {"phase": "Failed", "reason": reason, "message": "Pod was rejected: Node didn't have enough resource: cpu"}
    verdict = verdict_of(pod(status=status))
    assert code_of(verdict) == ("progressing", "node_refused")
    assert verdict.diagnosis
    assert verdict.diagnosis.values["reason"] == reason and "enough resource" in verdict.diagnosis.values["message"]
    verdict = verdict_of(*(pod(f"p{n}", status=status) for n in range(3)))
    assert code_of(verdict) == ("failed", "node_refused")
    assert verdict.diagnosis and verdict.diagnosis.values["count"] == "3"


def test_a_readiness_gate_is_named_with_its_own_message() -> None:
    words = 'corresponding condition of pod readiness gate "target-health.elbv2.k8s.aws/x" does not exist.'
    condition = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": words}
    box = {"name": "web", "ready": True, "state": {"running": {"startedAt": ago(90)}}}
    shape = pod(status={"conditions": [condition], "containerStatuses": [box]})
    for seconds, outcome in ((90, "progressing"), (901, "failed")):
        verdict = verdict_of(shape, elapsed=seconds)
        assert code_of(verdict) == (outcome, "readiness_gate")
        assert verdict.diagnosis and "elbv2" in verdict.diagnosis.values["message"]


def scheduling(reason: str, seconds: float, **spec: Any) -> Manifest:
    words = {"type": "PodScheduled", "status": "False", "reason": reason, "message": "Scheduling is blocked",
             "lastTransitionTime": ago(seconds)}  # fmt: skip
    shape = pod(status={"conditions": [words]})
    shape["spec"] |= spec
    return shape


def test_scheduling_gates_are_named_and_waited_for() -> None:
    shape = scheduling("SchedulingGated", 500, schedulingGates=[{"name": "kueue.x-k8s.io/admission"}])
    verdict = verdict_of(shape)
    assert code_of(verdict) == ("progressing", "scheduling_gated")
    assert verdict.diagnosis and verdict.diagnosis.values["gates"] == "kueue.x-k8s.io/admission"
    assert code_of(verdict_of(shape, elapsed=901)) == ("failed", "scheduling_gated")


def test_a_node_that_is_on_its_way_is_waited_for() -> None:
    shape, coming = scheduling("Unschedulable", 300), event("TriggeredScaleUp", "pool 1->2")
    assert code_of(verdict_of(shape)) == ("failed", "unschedulable")
    assert code_of(verdict_of(shape, events=(coming,))) == ("progressing", "unschedulable")
    assert code_of(verdict_of(shape, events=(coming, event("NotTriggerScaleUp", "max"))))[0] == "failed"
    assert code_of(verdict_of(scheduling("SchedulerError", 1))) == ("progressing", "unschedulable")


# ---------------------------------------------------------------- pods that are not made
WEBHOOK = ('Internal error occurred: failed calling webhook "v.policy.io": failed to call webhook: Post '
           '"https://policy.kube-system.svc:443/validate?timeout=10s": context deadline exceeded')  # fmt: skip


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (WEBHOOK, "webhook_silent"),
        (WEBHOOK.removeprefix("Internal error occurred: "), "webhook_silent"),
        ("Internal error occurred: resource quota evaluation timed out", "pod_delayed"),
        ("etcdserver: request timed out", "pod_delayed"),
        ("Timeout: request did not complete within requested timeout - context deadline exceeded", "pod_delayed"),
        ('Operation cannot be fulfilled on resourcequotas "q": the object has been modified', "pod_delayed"),
        ('pods "web-" is forbidden: status unknown for quota: q, resources: pods', "pod_delayed"),
        ("the server is currently unable to handle the request", "pod_delayed"),
        ('pods "web-" is forbidden: error looking up service account ns/default: serviceaccount "default" not found',
         "service_account_missing"),
    ],
)  # fmt: skip
def test_what_may_pass_is_waited_for_as_a_quota_is(message: str, code: str) -> None:
    assert code_of(verdict_of(new=refused(message))) == ("progressing", code)
    assert code_of(verdict_of(new=refused(message, 61))) == ("failed", code)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('admission webhook "context deadline exceeded" denied the request: Timeout: no', "pod_refused"),
        ('pods "web-" is forbidden: violates PodSecurity "restricted:latest": x', "pod_security"),
        ('pods "web-" is forbidden: error looking up service account ns/a: serviceaccount "a" not found',
         "service_account_missing"),
        ('Pod "web-" is invalid: spec.containers[0].image: Required value: serviceaccount', "pod_refused"),
        ('pods "web-" is forbidden: no PriorityClass with name violates PodSecurity was found', "pod_refused"),
    ],
)  # fmt: skip
def test_what_lies_in_the_template_fails_at_once_unless_pods_of_it_were_made(message: str, code: str) -> None:
    assert code_of(verdict_of(new=refused(message))) == ("failed", code)
    ready = [pod(f"p{n}", ready=True) for n in range(3)]
    d = deployment(wanted=4, updatedReplicas=3, replicas=3, availableReplicas=3, readyReplicas=3)
    assert code_of(verdict_of(*ready, d=d, new=refused(message))) == ("progressing", code), "it accepted three of these"
    assert code_of(verdict_of(*ready, d=d, new=refused(message, 61))) == ("failed", code)


def test_a_replica_set_that_cannot_be_made_is_told_too() -> None:
    words = ('Failed to create new replica set "web-5": replicasets.apps "web-5" is forbidden: exceeded quota: q, '
             "requested: count/replicasets.apps=1, used: count/replicasets.apps=2, "
             "limited: count/replicasets.apps=2")  # fmt: skip
    condition = {"type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError", "message": words,
                 "lastTransitionTime": ago(1)}  # fmt: skip
    d = deployment(conditions=[condition])
    d["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "9"
    assert code_of(verdict_of(d=d)) == ("failed", "quota_exceeded")


def test_a_quota_is_told_by_how_the_message_begins() -> None:
    quoted = EXCEEDED.replace("exceeded quota: ", 'admission webhook "x" denied the request: exceeded quota: ')
    assert code_of(verdict_of(new=refused(quoted))) == ("failed", "pod_refused")


# ---------------------------------------------------------------- the end of the log
def test_the_lines_of_a_log_that_tell_of_the_error_are_quoted() -> None:
    log = """2026-11-20 10:00:00 INFO starting
Traceback (most recent call last):
  File "app.py", line 3, in <module>
    raise KeyError("PORT")
KeyError: 'PORT'
2026-11-20 10:00:01 INFO bye
"""
    assert error_lines(log) == ("KeyError: 'PORT'",)
    java = "start\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: x\n"
    assert error_lines(java) == ("java.lang.IllegalStateException: no", "Caused by: java.io.IOException: x")
    assert error_lines("one\ntwo\n\nthree\nfour\n") == ("two", "three", "four")
    assert error_lines("/bin/sh: 1: gunicorn: not found\n") == ("/bin/sh: 1: gunicorn: not found",)
    assert error_lines("") == ()
    assert max(map(len, error_lines("ERROR " + "x" * 999))) == 200


def test_other_causes_keep_their_diagnosis() -> None:
    found = Diagnosis("not_ready", {"container": "web"})
    assert refine_by_log(found, "exec format error") is found
    assert NOW


AS_ROOT = [
    "container has runAsNonRoot and image will run as root (pod: x, container: app)",
    "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root (pod: x)",
    "container's runAsUser breaks non-root policy (pod: x, container: app)",
]


@pytest.mark.parametrize("words", AS_ROOT)
def test_an_image_that_would_run_as_root_is_no_missing_configuration(words: str) -> None:
    assert code_of(verdict_of(waiting("CreateContainerConfigError", words))) == ("failed", "runs_as_root")
    named = f'secret "{words}" not found'
    assert code_of(verdict_of(waiting("CreateContainerConfigError", named))) == ("progressing", "config_missing")


@pytest.mark.parametrize(
    "words",
    [
        "failed to sync configmap cache: timed out waiting for the condition",
        "failed to sync secret cache: timed out waiting for the condition",
        "services have not yet been read at least once, cannot construct envvars",
    ],
)
def test_a_configuration_that_the_node_has_not_read_yet_is_waited_for(words: str) -> None:
    shape = waiting("CreateContainerConfigError", words, age=40)
    assert code_of(verdict_of(shape)) == ("progressing", "container_problem")
    late = waiting("CreateContainerConfigError", words, age=61)
    assert code_of(verdict_of(late)) == ("failed", "container_problem")


def test_a_node_that_says_nothing_is_named() -> None:
    taken = pod(status={"conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": ago(50)}]})
    del taken["status"]["startTime"]
    box = {"name": "web", "ready": True, "state": {"running": {"startedAt": ago(500)}}}
    lost = pod(status={"containerStatuses": [box]})
    lost["status"]["conditions"][1]["lastTransitionTime"] = ago(50)
    for shape in (taken, lost):
        verdict = verdict_of(shape)
        assert code_of(verdict) == ("progressing", "node_silent")
        assert verdict.diagnosis and verdict.diagnosis.values["node"] == "n1"
        assert code_of(verdict_of(shape, elapsed=901)) == ("failed", "node_silent"), "not a bare deadline"
    taken["status"]["conditions"][0]["lastTransitionTime"] = ago(5)
    lost["status"]["conditions"][1]["lastTransitionTime"] = ago(5)
    assert code_of(verdict_of(taken)) == code_of(verdict_of(lost)) == ("progressing", "")
