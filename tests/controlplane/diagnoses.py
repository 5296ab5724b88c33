"""How each row of the diagnosis table comes about on a real control plane, as data.

What refuses a pod is the API server and its controllers. What only a kubelet says is written through the API as a
kubelet writes it: the server keeps it, and gives it back as it would a kubelet's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LONG_AGO = "2026-01-01T00:00:00Z"
"""Before any patience."""
LATER = "2026-01-01T00:00:01Z"
PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    found = {"exitCode": code, "reason": reason, "message": message, "startedAt": LONG_AGO, "finishedAt": LATER}
    return {"terminated": found}


def crashes(code: int, reason: str = "Error", **more: Any) -> dict[str, Any]:
    last = {"restartCount": 3, "lastState": ended(code, reason)}
    return waits("CrashLoopBackOff", "back-off 40s restarting failed container", **last, **more)


def runs(**more: Any) -> dict[str, Any]:
    return {"state": {"running": {"startedAt": LONG_AGO}}, **more}


@dataclass(frozen=True)
class Said:
    """What a kubelet says of one pod: ``status`` of its container (or init container), fields of the pod's, events.

    ``box``: more fields of the container. ``pod``: more fields of the pod.
    """

    status: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[tuple[str, str]] = ()
    box: Mapping[str, Any] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)
    of_pod: Mapping[str, Any] = field(default_factory=dict)
    is_init: bool = False


def condition(kind: str, reason: str, message: str) -> dict[str, Any]:
    return {"type": kind, "status": "False", "reason": reason, "message": message, "lastTransitionTime": LONG_AGO}


_PULL = 'Back-off pulling image "present/app:1": ErrImagePull: '
_EXEC = 'failed to create containerd task: runc create failed: exec: "/app": '
GATED = {"schedulingGates": [{"name": "example.com/queue"}]}

BY_KUBELET: dict[str, Said] = {
    "image_name_invalid": Said(waits("InvalidImageName", "couldn't parse image name")),
    "image_never_pulled": Said(waits("ErrImageNeverPull", "Container image is not present with pull policy of Never")),
    "image_missing": Said(waits("ImagePullBackOff", f"{_PULL}present/app:1: not found")),
    "image_refused": Said(waits("ImagePullBackOff", f"{_PULL}unexpected status from HEAD request: 401 Unauthorized")),
    "image_pull_failed": Said(waits("ImagePullBackOff", f"{_PULL}dial tcp 10.0.0.4:443: i/o timeout")),
    "wrong_architecture": Said(waits("RunContainerError", f"{_EXEC}exec format error", restartCount=2)),
    "config_missing": Said(waits("CreateContainerConfigError", 'secret "db" not found')),
    "runs_as_root": Said(
        waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: x)")
    ),
    "start_failed": Said(waits("RunContainerError", f"{_EXEC}no such file or directory", restartCount=2)),
    "crash_loop": Said(crashes(1)),
    "killed": Said(crashes(137)),
    "init_failed": Said(crashes(3), is_init=True),
    "out_of_memory": Said(crashes(137, "OOMKilled")),
    "liveness_failed": Said(
        crashes(137),
        [("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
         ("Killing", "Container web failed liveness probe, will be restarted")],
        {"livenessProbe": PROBE},
    ),
    "startup_failed": Said(
        crashes(143),
        [("Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503"),
         ("Killing", "Container web failed startup probe, will be restarted")],
        {"startupProbe": PROBE},
    ),
    "starting": Said(runs(started=False), (), {"startupProbe": PROBE}),
    "not_ready": Said(
        runs(started=True),
        [("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")],
        {"readinessProbe": PROBE},
    ),
    "init_running": Said(runs(), is_init=True),
    "readiness_gate": Said(
        runs(started=True, ready=True),
        pod={"readinessGates": [{"conditionType": "example.com/balancer"}]},
        of_pod={
            "conditions": [
                condition("Ready", "ReadinessGatesNotReady", 'corresponding condition of readiness gate "x" missing')
            ]
        },
    ),
    "unschedulable": Said(
        pod=GATED,
        of_pod={"conditions": [condition("PodScheduled", "Unschedulable", "0/3 nodes: 3 Insufficient cpu")]},
    ),
    "stuck_creating": Said(
        waits("ContainerCreating"), [("FailedMount", 'MountVolume.SetUp failed for volume "a": not found')]
    ),
    "slow_start": Said(waits("ContainerCreating")),
    "container_problem": Said(waits("PostStartHookError", "command exited with 1")),
    "evicted": Said(of_pod={"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}),
    "node_silent": Said(
        runs(started=True, ready=True), of_pod={"conditions": [condition("Ready", "", "")]}
    ),
    "node_refused": Said(of_pod={"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough cpu"}),
}  # fmt: skip


def _named(version: str, kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


@dataclass(frozen=True)
class Refused:
    """Why the server makes no pod: objects that are there before, more fields of the pod and of its container.

    ``is_gone``: fields of the container that are left out.
    """

    before: Sequence[Mapping[str, Any]] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)
    is_gone: Sequence[str] = ()


def denied_in(namespace: str) -> list[dict[str, Any]]:
    """A policy of the cluster's administrators against pods of one namespace."""
    name = f"no-pods-{namespace}"
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "validations": [{"expression": "false", "message": "Pods need a cost centre."}],
    }
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": where}
    version = "admissionregistration.k8s.io/v1"
    return [
        _named(version, "ValidatingAdmissionPolicy", name, policy),
        _named(version, "ValidatingAdmissionPolicyBinding", name, binding),
    ]


def silent_webhook_in(namespace: str) -> list[dict[str, Any]]:
    """A webhook behind which nobody listens."""
    hook = {
        "name": "pods.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 1,
        "clientConfig": {"url": "https://127.0.0.1:9/"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": f"silent-{namespace}"},
            "webhooks": [hook],
        }
    ]


BY_SERVER: dict[str, Refused] = {
    "quota_exceeded": Refused([_named("v1", "ResourceQuota", "q", {"hard": {"pods": "0"}})]),
    "quota_needs_resources": Refused(
        [_named("v1", "ResourceQuota", "q", {"hard": {"limits.cpu": "4"}})], is_gone=["resources"]
    ),
    "limit_range": Refused(
        [_named("v1", "LimitRange", "l", {"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]})],
    ),
    "pod_security": Refused(labels={"pod-security.kubernetes.io/enforce": "restricted"}),
    "service_account_missing": Refused(pod={"serviceAccountName": "nobody"}),
    "pod_refused": Refused(),
    "webhook_silent": Refused(),
    "scheduling_gated": Refused(pod=GATED),
}

ELSEWHERE = {
    "paused": "test_hands: a paused Deployment has no new pod",
    "deleted_outside": "test_truth: a Deployment deleted in the middle",
    "changed_outside": "test_hands: an edit is told with hand and field",
    "undone_outside": "test_hands: an undo lowers the mark",
    "pod_delayed": "answers of a moment, which no control plane gives on demand: tests/deployer/test_verdict.py",
}
"""Rows with a test of their own. The entry's rows are in ``tests/contract/test_cluster_entry.py``."""
