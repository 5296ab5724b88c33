"""A set of manifests with nearly every field that may be there."""

from __future__ import annotations

from typing import Any

from deployer.interfaces import Manifest
from tests.deployer.manifest_samples import autoscaler, container, ingress, pod
from tests.deployer.test_manifest_rules import budget, claim, full_set

SIDE = "harbor.example.com/base/side:1"
PROFILE = {"type": "RuntimeDefault"}
SHARE = {"type": "Utilization", "averageUtilization": 70}
OWN_PODS = {"matchLabels": {"tier": "front"}}
AMONG = {"key": "example.com/pool", "operator": "In", "values": ["a"]}
METRIC = {"name": "requests", "selector": {"matchLabels": {"a": "b"}}}


def every_field() -> list[Manifest]:
    """Fit for a space that grants a claim, a node port, a load balancer, a host and two Secrets."""
    manifests = full_set()
    workload = manifests[0]
    workload["metadata"] |= {"labels": {"a": "b"}, "annotations": {"note": "x"}}
    del workload["spec"]["replicas"]
    workload["spec"] |= {
        "minReadySeconds": 1,
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": 60,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}},
    }
    _fill_container(container(manifests))
    _fill_pod(pod(manifests))
    manifests[2]["binaryData"] = {"B": "YQ=="}
    return [*_with_services(manifests), _ingress(), budget(selector=OWN_PODS), _claim(), _autoscaler()]


def _fill_container(box: dict[str, Any]) -> None:
    box |= {
        "command": ["run"],
        "args": ["a", "b"],
        "workingDir": "/x",
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/end",
        "terminationMessagePolicy": "File",
        "livenessProbe": {"exec": {"command": ["x"]}, "periodSeconds": 5, "terminationGracePeriodSeconds": 5},
        "startupProbe": {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 1, "failureThreshold": 3},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}, "postStart": {"httpGet": {"path": "/", "port": "http"}}},
        "securityContext": {
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": PROFILE,
        },
        "volumeMounts": [
            {"name": "a", "mountPath": "/a", "subPath": "A", "readOnly": True},
            {"name": "scratch", "mountPath": "/scratch"},
        ],
    }
    box["env"] += [
        {"name": "B", "value": "x"},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "S", "valueFrom": {"secretKeyRef": {"name": "gw-secret", "key": "k", "optional": True}}},
    ]
    box["envFrom"] += [{"prefix": "P_", "secretRef": {"name": "gw-secret", "optional": True}}]


def _fill_pod(spec: dict[str, Any]) -> None:
    amount = {"containerName": "gw", "resource": "limits.cpu"}
    spec["volumes"] += [
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"name": "s", "secret": {"secretName": "gw-secret", "defaultMode": 420, "items": [{"key": "k", "path": "k"}]}},
        {"name": "d", "downwardAPI": {"items": [{"path": "c", "resourceFieldRef": amount}]}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "gw-data", "readOnly": True}},
    ]
    ports = [{"name": "m", "containerPort": 9100, "protocol": "UDP"}]
    side = {"name": "side", "image": SIDE, "resources": {"requests": {"cpu": "1m"}}, "ports": ports}
    spec["initContainers"] = [{"name": "first", "image": SIDE}, side | {"restartPolicy": "Always"}]
    spec |= {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "nodeSelector": {"zone": "a"},
        "serviceAccountName": "default",
        "enableServiceLinks": False,
        "hostname": "h",
        "subdomain": "gateway",
        "securityContext": {"fsGroup": 1000, "fsGroupChangePolicy": "Always", "supplementalGroups": [1000]},
        "imagePullSecrets": [{"name": "pull"}],
        "tolerations": [{"key": "d", "operator": "Equal", "value": "x", "effect": "NoExecute", "tolerationSeconds": 5}],
        "topologySpreadConstraints": [_spread()],
        "affinity": _affinity(),
    }


def _spread() -> dict[str, Any]:
    return {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": OWN_PODS,
        "minDomains": 1,
        "nodeAffinityPolicy": "Honor",
        "nodeTaintsPolicy": "Ignore",
    }


def _affinity() -> dict[str, Any]:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    term = {"topologyKey": "zone", "labelSelector": {"matchExpressions": [AMONG]}, "namespaces": ["shop"]}
    return {
        "nodeAffinity": {
            required: {"nodeSelectorTerms": [{"matchExpressions": [AMONG]}]},
            preferred: [{"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}],
        },
        "podAntiAffinity": {required: [term], preferred: [{"weight": 1, "podAffinityTerm": term}]},
    }


def _with_services(manifests: list[Manifest]) -> list[Manifest]:
    manifests[1]["spec"] |= {
        "type": "ClusterIP",
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10}},
        "publishNotReadyAddresses": True,
        "internalTrafficPolicy": "Cluster",
        "ipFamilyPolicy": "SingleStack",
        "ipFamilies": ["IPv4"],
        "ports": [
            {"name": "web", "port": 8080, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"},
            {"name": "admin", "port": 81, "targetPort": 9090},
        ],
    }
    node = {"type": "NodePort", "externalTrafficPolicy": "Local", "ports": [_port() | {"nodePort": 30080}]}
    balanced = {"type": "LoadBalancer", "loadBalancerClass": "lb", "ports": [_port()]}
    return [*manifests, _service("gw-node", node), _service("gw-balanced", balanced)]


def _port() -> dict[str, Any]:
    return {"port": 80, "targetPort": "http"}


def _service(name: str, spec: dict[str, Any]) -> Manifest:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _ingress() -> Manifest:
    made = ingress()
    made["spec"] |= {"ingressClassName": "nginx", "tls": [{"hosts": ["gw.example.com"], "secretName": "gw-secret"}]}
    return made


def _claim() -> Manifest:
    return claim(storageClassName="fast", volumeMode="Filesystem")


def _autoscaler() -> Manifest:
    made, step = autoscaler(), {"type": "Pods", "value": 1, "periodSeconds": 60}
    described = {"apiVersion": "v1", "kind": "Service", "name": "gateway"}
    one = {"type": "Value", "value": "1"}
    made["spec"] |= {
        "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": SHARE}},
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "gw", "target": SHARE}},
            {"type": "Pods", "pods": {"metric": METRIC, "target": {"type": "AverageValue", "averageValue": "1"}}},
            {"type": "Object", "object": {"describedObject": described, "metric": METRIC, "target": one}},
            {"type": "External", "external": {"metric": METRIC, "target": one}},
        ],
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 1, "selectPolicy": "Max", "policies": [step], "tolerance": "0.1"},
            "scaleDown": {"stabilizationWindowSeconds": 1, "policies": [step | {"type": "Percent"}]},
        },
    }
    return made
