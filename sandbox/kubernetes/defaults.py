"""What the server fills in (as 1.36 does), so that a diff of live against dry run shows only what people changed."""

from __future__ import annotations

import base64
import copy
import zlib
from typing import Any

from sandbox.kubernetes.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    INGRESS,
    LIMIT_RANGE,
    NAMESPACE,
    POD,
    RESOURCE_QUOTA,
    SECRET,
    SERVICE,
    VOLUME_CLAIM,
    Kind,
)
from sandbox.kubernetes.limits import fill_item

Obj = dict[str, Any]

_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_VOLUME_MODES = ("configMap", "secret", "projected", "downwardAPI")


def with_defaults(obj: Obj, kind: Kind) -> Obj:
    """A copy of ``obj`` with everything filled in; doing it twice changes nothing."""
    obj = copy.deepcopy(obj)
    fill = _FILLERS.get(kind.plural)
    if fill is not None:
        fill(obj.setdefault("spec", {}), obj)
    return obj


def _fill(target: Obj, values: Obj) -> None:
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = copy.deepcopy(value)


def _deployment(spec: Obj, _obj: Obj) -> None:
    _fill(spec, {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": {}})
    strategy = spec["strategy"]
    _fill(strategy, {"type": "RollingUpdate"})
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, {"rollingUpdate": {}})
        _fill(strategy["rollingUpdate"], {"maxUnavailable": "25%", "maxSurge": "25%"})
    template = spec.get("template")
    if isinstance(template, dict):
        _fill(template, {"metadata": {}, "spec": {}})
        fill_pod_spec(template["spec"])


def _pod(spec: Obj, _obj: Obj) -> None:
    fill_pod_spec(spec)
    _fill(spec, {"enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority", "priority": 0})
    account = spec.get("serviceAccountName") or "default"
    _fill(spec, {"serviceAccountName": account, "serviceAccount": account})


def fill_pod_spec(spec: Obj) -> None:
    """Defaults of a pod spec, in place; the same for pods and templates."""
    values: Obj = {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }
    _fill(spec, values)
    if spec.get("serviceAccountName"):
        _fill(spec, {"serviceAccount": spec["serviceAccountName"]})
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        _container(container)
    for volume in spec.get("volumes") or []:
        _volume(volume)


def _container(container: Obj) -> None:
    values: Obj = {
        "imagePullPolicy": _pull_policy(container.get("image") or ""),
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    _fill(container, values)
    for port in container.get("ports") or []:
        _fill(port, {"protocol": "TCP"})
    resources = container["resources"]
    if resources.get("limits"):
        # the server asks for what is limited when nothing is asked for
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
    for name in _PROBES:
        if container.get(name):
            _probe(container[name])
    for entry in container.get("env") or []:
        reference = (entry.get("valueFrom") or {}).get("fieldRef")
        if reference:
            _fill(reference, {"apiVersion": "v1"})


def _pull_policy(image: str) -> str:
    name = image.rsplit("/", 1)[-1]
    if "@" in name:
        return "IfNotPresent"
    _, colon, tag = name.partition(":")
    return "IfNotPresent" if colon and tag != "latest" else "Always"


def _probe(probe: Obj) -> None:
    _fill(probe, {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3})
    if probe.get("httpGet"):
        _fill(probe["httpGet"], {"path": "/", "scheme": "HTTP"})
    if probe.get("grpc"):
        _fill(probe["grpc"], {"service": ""})


def _volume(volume: Obj) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for source in _VOLUME_MODES:
        if isinstance(volume.get(source), dict):
            _fill(volume[source], {"defaultMode": 420})


def _service(spec: Obj, obj: Obj) -> None:
    _fill(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    if spec["type"] == "ExternalName":
        return
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _address(obj)
    _fill(spec, {"clusterIPs": [spec["clusterIP"]], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"})
    _fill(spec, {"internalTrafficPolicy": "Cluster"})
    for port in spec.get("ports") or []:
        _fill(port, {"protocol": "TCP", "targetPort": port.get("port")})
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _node_ports(spec, obj)


def _address(obj: Obj) -> str:
    """A service address that stays the same for the same name, from 10.96.0.0/12."""
    meta = obj["metadata"]
    number = zlib.crc32(f"{meta.get('namespace')}/{meta.get('name')}".encode())
    return f"10.{96 + number % 16}.{(number >> 8) % 256}.{1 + (number >> 16) % 254}"


def _node_ports(spec: Obj, obj: Obj) -> None:
    _fill(spec, {"externalTrafficPolicy": "Cluster"})
    if spec["type"] == "LoadBalancer":
        _fill(spec, {"allocateLoadBalancerNodePorts": True})
    for port in spec.get("ports") or []:
        seed = zlib.crc32(f"{_address(obj)}/{port.get('port')}/{port.get('protocol')}".encode())
        _fill(port, {"nodePort": 30000 + seed % 2768})


def _autoscaler(spec: Obj, _obj: Obj) -> None:
    _fill(spec, {"minReplicas": 1})
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _namespace(spec: Obj, obj: Obj) -> None:
    _fill(spec, {"finalizers": ["kubernetes"]})
    _fill(obj["metadata"], {"labels": {}})
    obj["metadata"]["labels"]["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    _fill(obj, {"status": {"phase": "Active"}})


def _quota(_spec: Obj, obj: Obj) -> None:
    _fill(obj, {"status": {}})


def _limit_range(spec: Obj, _obj: Obj) -> None:
    for item in spec.get("limits") or []:
        fill_item(item)


def _ingress(_spec: Obj, obj: Obj) -> None:
    _fill(obj, {"status": {"loadBalancer": {}}})


def _service_with_status(spec: Obj, obj: Obj) -> None:
    _service(spec, obj)
    _fill(obj, {"status": {"loadBalancer": {}}})


def _pod_with_status(spec: Obj, obj: Obj) -> None:
    _pod(spec, obj)
    _fill(obj, {"status": {"phase": "Pending", "qosClass": quality_of(spec)}})


def quality_of(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort."""
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    resources = [container.get("resources") or {} for container in containers]
    if not any(entry.get("requests") or entry.get("limits") for entry in resources):
        return "BestEffort"
    is_full = all(
        entry.get("limits") and set(entry["limits"]) >= {"cpu", "memory"} and entry.get("requests") == entry["limits"]
        for entry in resources
    )
    return "Guaranteed" if is_full else "Burstable"


def _deployment_with_status(spec: Obj, obj: Obj) -> None:
    _deployment(spec, obj)
    _fill(obj, {"status": {}})


def _autoscaler_with_status(spec: Obj, obj: Obj) -> None:
    _autoscaler(spec, obj)
    _fill(obj, {"status": {"currentMetrics": None, "desiredReplicas": 0}})


def _claim(spec: Obj, obj: Obj) -> None:
    _fill(spec, {"volumeMode": "Filesystem"})
    _fill(obj, {"status": {"phase": "Pending"}})


def _secret(_spec: Obj, obj: Obj) -> None:
    del obj["spec"]
    _fill(obj, {"type": "Opaque"})
    if text := obj.pop("stringData", None):
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


_FILLERS = {
    DEPLOYMENT.plural: _deployment_with_status,
    POD.plural: _pod_with_status,
    SERVICE.plural: _service_with_status,
    AUTOSCALER.plural: _autoscaler_with_status,
    NAMESPACE.plural: _namespace,
    RESOURCE_QUOTA.plural: _quota,
    SECRET.plural: _secret,
    LIMIT_RANGE.plural: _limit_range,
    INGRESS.plural: _ingress,
    VOLUME_CLAIM.plural: _claim,
}
