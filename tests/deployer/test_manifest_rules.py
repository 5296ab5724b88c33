"""Rules that cannot be gone round, references that resolve, and harmless spellings that are taken as meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deployer.interfaces import Manifest
from deployer.manifests import Amounts, check
from tests.deployer.manifest_samples import (
    BOX,
    POD,
    POLICY,
    autoscaler,
    container,
    good_set,
    ingress,
    plus,
    pod,
    set_at,
)

Change = Callable[[list[Manifest]], None]
GIB = 1024**3
PORTS = [{"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 9090}]


def full_set() -> list[Manifest]:
    """With ports, a probe, a mount, and a side container."""
    manifests = good_set()
    manifests[1]["spec"]["ports"] = [{"name": "web", "port": 80, "targetPort": "http"}]
    more: Manifest = {
        "ports": [dict(port) for port in PORTS],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
        "volumeMounts": [{"name": "a", "mountPath": "/a"}],
    }
    container(manifests).update(more)
    return manifests


def budget(**spec: Any) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "gw"},
        "spec": {"maxUnavailable": 1} | spec,
    }


def claim(name: str = "gw-data", **spec: Any) -> Manifest:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": wanted | spec,
    }


def said(change: Change, policy: Any = POLICY) -> str:
    """Everything that is said about the full set after the change, one a line with its place."""
    manifests = full_set()
    change(manifests)
    return "\n".join(f"{problem.path}: {problem.message}" for problem in check(manifests, policy))


def test_the_full_set_is_fine() -> None:
    assert said(lambda _manifests: None) == ""


UNRESOLVED: dict[str, tuple[Change, tuple[str, ...]]] = {
    "target port by name": (
        set_at("1.spec.ports", [{"port": 80, "targetPort": "web"}]),
        ("port web", "http (8080)", "admin (9090)"),
    ),
    "target port by number": (set_at("1.spec.ports", [{"port": 80, "targetPort": 9999}]), ("9999", "http (8080)")),
    "target port left out": (set_at("1.spec.ports", [{"port": 80}]), ("port 80", "http (8080)")),
    "target port of another protocol": (
        set_at("1.spec.ports", [{"port": 80, "targetPort": "http", "protocol": "UDP"}]),
        ("http (UDP)",),
    ),
    "number in quotes": (set_at("1.spec.ports", [{"port": 80, "targetPort": "8080"}]), ("without quotes",)),
    "port name without a container's ports": (set_at(f"{BOX}.ports", []), ("http", "none")),
    "readiness probe": (set_at(f"{BOX}.readinessProbe.httpGet.port", "htpp"), ("htpp", "http (8080)", "gw")),
    "startup probe by socket": (set_at(f"{BOX}.startupProbe", {"tcpSocket": {"port": "x"}}), ("port x", "8080")),
    "hook": (set_at(f"{BOX}.lifecycle", {"preStop": {"httpGet": {"port": "bye"}}}), ("port bye", "8080")),
    "service selector": (set_at("1.spec.selector", {"tier": "back"}), ("tier=back", "tier=front")),
    "service selector key": (set_at("1.spec.selector", {"app": "gw"}), ("app=gw", "tier=front")),
    "budget selector": (plus(budget(selector={"matchLabels": {"tier": "x"}})), ("tier=x", "tier=front")),
    "config map of a volume": (set_at(f"{POD}.volumes.0.configMap.name", "gw-nope"), ("gw-nope", "gw-config")),
    "config map of the environment": (
        set_at(f"{BOX}.envFrom", [{"configMapRef": {"name": "gw-x"}}]),
        ("gw-x", "gw-config"),
    ),
    "key of a variable": (
        set_at(f"{BOX}.env", [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "gw-config", "key": "B"}}}]),
        ("no key B", "keys are: A"),
    ),
    "item of a volume": (
        set_at(f"{POD}.volumes.0.configMap.items", [{"key": "app.yml", "path": "app.yml"}]),
        ("no key app.yml", "keys are: A"),
    ),
    "volume": (set_at(f"{BOX}.volumeMounts.0.name", "data"), ("volume data", "a, b")),
    "volume of an init container": (
        set_at(
            f"{POD}.initContainers",
            [{"name": "i", "image": "harbor.example.com/base/x:1", "volumeMounts": [{"name": "z", "mountPath": "/z"}]}],
        ),
        ("volume z", "a, b"),
    ),
    "secret": (
        set_at(f"{BOX}.envFrom.0", {"secretRef": {"name": "db"}}),
        ("Secret db", "none"),
    ),
    "claim": (
        set_at(f"{POD}.volumes.0", {"name": "c", "persistentVolumeClaim": {"claimName": "gw-x"}}),
        ("gw-x", "it has: none"),
    ),
    "service account": (set_at(f"{POD}.serviceAccountName", "admin"), ("admin", "default")),
    "autoscaler": (
        plus(autoscaler() | {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 2}}),
        ("autoscaler may scale only", "gw"),
    ),
    "autoscaler of another version": (
        plus(
            autoscaler()
            | {"spec": {"scaleTargetRef": {"apiVersion": "v1", "kind": "Deployment", "name": "gw"}, "maxReplicas": 2}}
        ),
        ("apps/v1",),
    ),
    "ingress to no service": (set_at("1.metadata.name", "gateway-two"), ("gateway", "gateway-two")),
    "ingress to no port": (set_at("1.spec.ports", [{"port": 80, "targetPort": "http"}]), ("no port 8080", "are: 80")),
    "two volumes of a name": (set_at(f"{POD}.volumes.0.name", "b"), ("name b is there twice",)),
    "two variables of a name": (set_at(f"{BOX}.env.0", {"name": "A", "value": "1"}), ("name A is there twice",)),
}
WITH_INGRESS = replace(POLICY, ingress_hosts=frozenset({"gw.example.com"}))


@pytest.mark.parametrize("case", sorted(UNRESOLVED))
def test_a_reference_into_nothing_names_what_is_missing_and_what_there_is(case: str) -> None:
    change, words = UNRESOLVED[case]

    def with_ingress(manifests: list[Manifest]) -> None:
        if case.startswith("ingress"):
            manifests.append(ingress())
        change(manifests)

    text = said(with_ingress, WITH_INGRESS)
    assert all(word in text for word in words), text


def test_what_resolves_is_accepted() -> None:
    manifests = full_set()
    manifests[1]["spec"] = {
        "selector": {"tier": "front", "app.kubernetes.io/name": "anything"},
        "ports": [
            {"name": "web", "port": 8080, "targetPort": "http"},
            {"name": "admin", "port": 9090},
            {"name": "side", "port": 7070, "targetPort": "side"},
        ],
    }
    side = {"name": "side", "image": "harbor.example.com/base/x:1", "restartPolicy": "Always"}
    pod(manifests)["initContainers"] = [side | {"ports": [{"name": "side", "containerPort": 7070}]}]
    pod(manifests)["volumes"].append({"name": "d", "persistentVolumeClaim": {"claimName": "gw-data"}})
    optional = {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "gw-config", "key": "B", "optional": True}}}
    container(manifests)["env"].append(optional)
    extra = [budget(selector={"matchLabels": {"tier": "front"}}), claim(), ingress()]
    assert check([*manifests, *extra], replace(WITH_INGRESS, claims=frozenset({"gw-data"}))) == ()


def test_a_service_to_an_undeclared_port_is_accepted_where_no_container_declares_any() -> None:
    assert check(good_set(), POLICY) == ()


BY_PASSED: dict[str, tuple[Change, str]] = {
    "limit of 0": (set_at(f"{BOX}.resources.limits.cpu", "0"), "no limit"),
    "limit of 0 memory": (set_at(f"{BOX}.resources.limits.memory", "0Mi"), "no limit"),
    "limit of 0 as a number": (set_at(f"{BOX}.resources.limits.cpu", 0), "no limit"),
    "limit of nothing": (set_at(f"{BOX}.resources.limits.cpu", None), "needs limits of cpu"),
    "request of 0": (set_at(f"{BOX}.resources.requests.cpu", "0"), "more than 0"),
    "no limits": (set_at(f"{BOX}.resources", {"requests": {"cpu": 1, "memory": "1Gi"}}), "needs limits of cpu"),
    "limit of 0 at the side": (
        set_at(
            f"{POD}.containers.1",
            {"name": "s", "image": "harbor.example.com/base/s:1", "resources": {"limits": {"memory": "0"}}},
        ),
        "no limit",
    ),
    "limit of 0 in an init container": (
        set_at(
            f"{POD}.initContainers",
            [{"name": "s", "image": "harbor.example.com/base/s:1", "resources": {"limits": {"cpu": 0.0}}}],
        ),
        "no limit",
    ),
    "root by text": (set_at(f"{POD}.securityContext", {"runAsUser": "0"}), "root"),
    "root of a container": (set_at(f"{BOX}.securityContext", {"runAsUser": 0}), "root"),
    "root of a container by text": (set_at(f"{BOX}.securityContext", {"runAsUser": "0"}), "root"),
    "root by a fraction": (set_at(f"{BOX}.securityContext", {"runAsUser": 0.0}), "root"),
    "root by a truth value": (set_at(f"{BOX}.securityContext", {"runAsUser": False}), "number of a user"),
    "user by text": (set_at(f"{BOX}.securityContext", {"runAsUser": "1000"}), "without quotes"),
    "negative user": (set_at(f"{BOX}.securityContext", {"runAsUser": -1}), "number of a user"),
    "root's group": (set_at(f"{POD}.securityContext", {"runAsGroup": 0}), "group 0"),
    "files of root's group": (set_at(f"{POD}.securityContext", {"fsGroup": 0}), "group 0"),
    "more groups": (set_at(f"{POD}.securityContext", {"supplementalGroups": [1000, 0]}), "group 0"),
    "more groups by text": (set_at(f"{POD}.securityContext", {"supplementalGroups": ["0"]}), "group 0"),
    "groups as a number": (set_at(f"{POD}.securityContext", {"supplementalGroups": 0}), "list"),
    "root by a quoted false": (set_at(f"{BOX}.securityContext", {"runAsNonRoot": "false"}), "without quotes"),
    "root of an init container": (
        set_at(
            f"{POD}.initContainers",
            [{"name": "i", "image": "harbor.example.com/base/x:1", "securityContext": {"runAsUser": 0}}],
        ),
        "root",
    ),
    "name servers": (set_at(f"{POD}.dnsConfig", {"nameservers": ["8.8.8.8"]}), "another meaning"),
    "dns of nobody": (set_at(f"{POD}.dnsPolicy", "None"), "name servers"),
    "host aliases": (set_at(f"{POD}.hostAliases", [{"ip": "1.2.3.4", "hostnames": ["a"]}]), "another meaning"),
    "control plane": (
        set_at(f"{POD}.tolerations", [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]),
        "for the cluster itself",
    ),
    "old master": (
        set_at(f"{POD}.tolerations", [{"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"}]),
        "for the cluster itself",
    ),
    "every node": (set_at(f"{POD}.tolerations", [{"operator": "Exists"}]), "every node"),
    "every node by an empty key": (set_at(f"{POD}.tolerations", [{"key": "", "operator": "Exists"}]), "every node"),
    "selected control plane": (
        set_at(f"{POD}.nodeSelector", {"node-role.kubernetes.io/control-plane": ""}),
        "for the cluster itself",
    ),
    "wanted control plane": (
        set_at(
            f"{POD}.affinity",
            {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "node-role.kubernetes.io/master", "operator": "Exists"}]}
                        ]
                    }
                }
            },
        ),
        "for the cluster itself",
    ),
    "priority": (set_at(f"{POD}.priorityClassName", "system-cluster-critical"), "cluster to decide"),
    "priority by number": (set_at(f"{POD}.priority", 2_000_000_000), "cluster to decide"),
    "shared processes": (set_at(f"{POD}.shareProcessNamespace", True), "each other's memory"),
    "mount of proc": (set_at(f"{BOX}.securityContext", {"procMount": "Unmasked"}), "on its node"),
    "sysctls": (set_at(f"{POD}.securityContext", {"sysctls": [{"name": "a", "value": "1"}]}), "on its node"),
    "capabilities": (set_at(f"{BOX}.securityContext", {"capabilities": {"add": ["NET_RAW"]}}), "only be dropped"),
    "host port": (set_at(f"{BOX}.ports.0.hostPort", 80), "out of the pod"),
    "host path": (set_at(f"{POD}.volumes.0", {"name": "h", "hostPath": {"path": "/"}}), "out of the pod"),
    "token": (set_at(f"{POD}.automountServiceAccountToken", True), "token"),
    "token by text": (set_at(f"{POD}.automountServiceAccountToken", "true"), "token"),
    "budget without a bound": (plus(budget(maxUnavailable=None)), "either"),
    "budget with both": (plus(budget(minAvailable=1)), "either"),
    "autoscaler and replicas": (plus(autoscaler()), "leave it out"),
    "claim nobody granted": (plus(claim()), "is not granted to this space; it has: none"),
    "recreate and rolling": (
        set_at("0.spec.strategy", {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
        "leave rollingUpdate out",
    ),
    "neither more nor less": (
        set_at("0.spec.strategy", {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
        "nothing could be replaced",
    ),
    "misspelt": (set_at("0.spec.replica", 2), "there is a field replicas"),
    "exported": (set_at("0.metadata.resourceVersion", "12"), "kubectl get"),
    "service name": (set_at("1.metadata.name", "2gateway"), "begins with a letter"),
    "file mode in octal": (set_at(f"{POD}.volumes.0.configMap.defaultMode", "0644"), "write 420"),
    "file mode without a nought": (set_at(f"{POD}.volumes.0.configMap.defaultMode", 644), "write 420"),
    "file mode of an item": (
        set_at(f"{POD}.volumes.0.configMap.items", [{"key": "A", "path": "a", "mode": 755}]),
        "write 493",
    ),
    "no source": (set_at(f"{POD}.volumes.0", {"name": "e", "emptyDir": None}), "emptyDir: {}"),
    "variable's name": (set_at(f"{BOX}.env.0", {"name": "2A", "value": "x"}), "does not begin with a digit"),
    "long port name": (set_at(f"{BOX}.ports.0.name", "a-very-long-port-name"), "at most 15"),
}


@pytest.mark.security("hostile-manifests")
@pytest.mark.parametrize("case", sorted(BY_PASSED))
def test_a_rule_cannot_be_gone_round(case: str) -> None:
    change, words = BY_PASSED[case]
    assert words in said(change)


IMAGES = {
    "harbor.example.com/base/x:latest": "another image every day",
    "harbor.example.com/base/x:LATEST": "another image every day",
    "harbor.example.com/base/x:Latest": "another image every day",
    "harbor.example.com/base/x": "no tag",
    "harbor.example.com/base/X:1": "lower case",
    "HARBOR.example.com/base/x:1": "lower case",
    "harbor.example.com/base/../omm/x:1": "not the name of an image",
    "harbor.example.com/base//x:1": "not the name of an image",
    "harbor.example.com/base/x@sha256:abc": "64 hexadecimal",
    "harbor.example.com/base/x@sha256:" + "A" * 64: "64 hexadecimal",
    "harbor.example.com/base/x@md5:" + "a" * 32: "64 hexadecimal",
    "harbor.example.com/base/x:": "not the name of an image",
    "harbor.example.com/base/x:1 ": "not the name of an image",
    "https://harbor.example.com/base/x:1": "not the name of an image",
    "docker.io/library/nginx:1": "harbor.example.com/base",
    "nginx:1.27": "harbor.example.com/base",
    "harbor.example.com/base-evil/x:1": "harbor.example.com/base",
    "harbor.example.com.evil.example/base/x:1": "harbor.example.com/base",
    "${REGISTRY}/x:1": "${REGISTRY} stays as it is",
    "harbor.example.com/base/x:${TAG}": "${TAG} stays as it is",
    "harbor.example.com/base/x:$(TAG)": "$(TAG) stays as it is",
    "harbor.example.com/base/x:$TAG": "$TAG stays as it is",
    "harbor.example.com/base/x:<tag>": "<tag> stays as it is",
    "": "needs an image",
}


@pytest.mark.security("hostile-manifests")
@pytest.mark.parametrize("image", sorted(IMAGES))
@pytest.mark.parametrize("part", ["containers.1", "initContainers"])
def test_a_side_image_is_one_image_of_an_allowed_place(image: str, part: str) -> None:
    side: Any = {"name": "side", "image": image}
    assert IMAGES[image] in said(set_at(f"{POD}.{part}", side if part == "containers.1" else [side]))


@pytest.mark.parametrize("end", [":1.27", "@sha256:" + "b" * 64, ":latest@sha256:" + "b" * 64, "/more:v1_2-3"])
def test_a_side_image_by_tag_or_digest_is_accepted(end: str) -> None:
    assert said(set_at(f"{POD}.containers.1", {"name": "side", "image": f"harbor.example.com/base/x{end}"})) == ""


GRANTED = replace(POLICY, allocation=Amounts(2, 500, 1000, GIB, 2 * GIB))


def test_the_manifest_is_what_the_allocation_says() -> None:
    assert said(lambda _manifests: None, GRANTED) == ""
    for path, value, words in [
        ("0.spec.replicas", 12, "2 replicas, the manifest 12"),
        ("0.spec.replicas", None, "2 replicas, the manifest 1"),
        (f"{BOX}.resources.requests.cpu", "100m", "500m of cpu, the manifest 100m"),
        (f"{BOX}.resources.limits.cpu", 2, "1 of cpu, the manifest 2"),
        (f"{BOX}.resources.requests.memory", "1G", "1Gi of memory"),
        (f"{BOX}.resources.limits.memory", "8Gi", "2Gi of memory, the manifest 8Gi"),
    ]:
        text = said(set_at(path, value), GRANTED)
        assert words in text, text
        assert text.count("\n") == 0
    for path, value in [
        (f"{BOX}.resources.requests.cpu", 0.5),
        (f"{BOX}.resources.limits.cpu", "1000m"),
        (f"{BOX}.resources.limits.memory", "2048Mi"),
    ]:
        assert said(set_at(path, value), GRANTED) == ""


def test_an_autoscaler_owns_the_replicas() -> None:
    manifests = [*full_set(), autoscaler()]
    del manifests[0]["spec"]["replicas"]
    assert check(manifests, GRANTED) == ()
