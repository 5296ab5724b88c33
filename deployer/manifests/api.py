"""The shapes of the allowed kinds, as the API of Kubernetes 1.36 has them. Data."""

from __future__ import annotations

import re

from deployer.interfaces import Manifest
from deployer.manifests.policy import Findings
from deployer.manifests.shapes import (
    Fields,
    absolute,
    amount,
    anything,
    inner,
    label_name,
    many,
    matching,
    one_of,
    open_fields,
    text,
    texts,
    truth,
    whole,
)
from deployer.messages import message as _

_DAY = 86_400
_PROTOCOL = one_of("TCP", "UDP", "SCTP")
_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")

_FIELD_OF_POD = re.compile(
    r"metadata\.(?:name|namespace|uid|labels|annotations|(?:labels|annotations)\['[^']+'\])"
    r"|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIPs?|podIPs?)",
    re.ASCII,
)
_BAD_FIELD = _("A pod does not give this field to its containers: write for example metadata.name or status.podIP.")

_SELECTOR = Fields(
    {
        "matchLabels": texts,
        "matchExpressions": many(
            Fields(
                {"key": text, "operator": one_of("In", "NotIn", "Exists", "DoesNotExist"), "values": many(text)},
                needs=("key", "operator"),
            )
        ),
    }
)

# ---------------------------------------------------------------- containers
_HEADERS = many(Fields({"name": text, "value": text}, needs=("name", "value")))
_HTTP = Fields(
    {"path": text, "port": anything, "host": anything, "scheme": one_of("HTTP", "HTTPS"), "httpHeaders": _HEADERS}
)
_EXEC = Fields({"command": many(text)}, needs=("command",))
_SOCKET = Fields({"port": anything, "host": anything})
_GRPC = Fields({"port": anything, "host": anything, "service": text})
_PROBE = Fields({"exec": _EXEC, "grpc": _GRPC, "httpGet": _HTTP, "tcpSocket": _SOCKET}, one=_HANDLERS, closed=False)
_PROBE_OF_ONE = Fields({**_PROBE.fields, "successThreshold": whole(1, 1)}, one=_HANDLERS, closed=False)
_SLEEP = Fields({"seconds": whole(0, _DAY)}, needs=("seconds",))
_HOOK = Fields(
    {"exec": _EXEC, "httpGet": _HTTP, "tcpSocket": _SOCKET, "sleep": _SLEEP},
    one=("exec", "httpGet", "tcpSocket", "sleep"),
    closed=False,
)
_KEY = Fields({"name": text, "key": text, "optional": truth}, needs=("name", "key"))
_NAME = Fields({"name": text, "optional": truth}, needs=("name",))
_POD_FIELD = Fields({"fieldPath": matching(_FIELD_OF_POD, _BAD_FIELD), "apiVersion": text}, needs=("fieldPath",))
_MEASURED = one_of(
    *(f"{part}.{name}" for part in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage"))
)
_AMOUNT_OF_CONTAINER = Fields({"containerName": text, "resource": _MEASURED, "divisor": amount}, needs=("resource",))
_SOURCES = {
    "configMapKeyRef": _KEY,
    "secretKeyRef": _KEY,
    "fieldRef": _POD_FIELD,
    "resourceFieldRef": _AMOUNT_OF_CONTAINER,
}
_MOUNT = Fields(
    {
        "name": text,
        "mountPath": text,
        "readOnly": truth,
        "subPath": inner,
        "subPathExpr": inner,
        "mountPropagation": one_of("None", "HostToContainer"),
        "recursiveReadOnly": one_of("Disabled", "IfPossible", "Enabled"),
    },
    needs=("name", "mountPath"),
)
_PROFILE = Fields({"type": anything}, needs=("type",))
_CONTAINER = open_fields(
    command=many(text),
    args=many(text),
    workingDir=text,
    imagePullPolicy=one_of("Always", "IfNotPresent", "Never"),
    ports=many(open_fields(protocol=_PROTOCOL)),
    env=many(open_fields(valueFrom=Fields(_SOURCES, one=tuple(_SOURCES), closed=False))),
    envFrom=many(
        Fields(
            {"prefix": text, "configMapRef": _NAME, "secretRef": _NAME}, one=("configMapRef", "secretRef"), closed=False
        )
    ),
    volumeMounts=many(_MOUNT),
    livenessProbe=_PROBE_OF_ONE,
    startupProbe=_PROBE_OF_ONE,
    readinessProbe=_PROBE,
    lifecycle=open_fields(preStop=_HOOK, postStart=_HOOK),
    terminationMessagePath=text,
    terminationMessagePolicy=one_of("File", "FallbackToLogsOnError"),
    securityContext=open_fields(capabilities=open_fields(drop=many(text)), seccompProfile=_PROFILE),
)

# ---------------------------------------------------------------- the pod
_ITEMS = many(Fields({"key": text, "path": text, "mode": anything}, needs=("key", "path")))
_FILE_OF_POD = many(
    Fields(
        {"path": text, "mode": anything, "fieldRef": _POD_FIELD, "resourceFieldRef": _AMOUNT_OF_CONTAINER},
        needs=("path",),
        one=("fieldRef", "resourceFieldRef"),
    )
)
_PROJECTED_NAME = Fields({"name": text, "items": _ITEMS, "optional": truth}, needs=("name",))
_PROJECTED = open_fields(configMap=_PROJECTED_NAME, secret=_PROJECTED_NAME, downwardAPI=Fields({"items": _FILE_OF_POD}))
_VOLUME = Fields(
    {
        "name": label_name,
        "configMap": Fields(
            {"name": text, "items": _ITEMS, "optional": truth, "defaultMode": anything}, needs=("name",)
        ),
        "secret": Fields({"secretName": text, "items": _ITEMS, "optional": truth, "defaultMode": anything}),
        "emptyDir": Fields({"medium": one_of("", "Memory"), "sizeLimit": amount}),
        "downwardAPI": Fields({"items": _FILE_OF_POD, "defaultMode": anything}),
        "projected": Fields({"sources": many(_PROJECTED), "defaultMode": anything}, needs=("sources",)),
        "persistentVolumeClaim": Fields({"claimName": text, "readOnly": truth}, needs=("claimName",)),
    },
    needs=("name",),
    closed=False,
)
_TERM = Fields(
    {
        "labelSelector": _SELECTOR,
        "namespaceSelector": _SELECTOR,
        "namespaces": many(text),
        "topologyKey": text,
        "matchLabelKeys": many(text),
        "mismatchLabelKeys": many(text),
    },
    needs=("topologyKey",),
)
_WEIGHT = whole(1, 100)
_NEAR_PODS = Fields(
    {
        "requiredDuringSchedulingIgnoredDuringExecution": many(_TERM),
        "preferredDuringSchedulingIgnoredDuringExecution": many(
            Fields({"weight": _WEIGHT, "podAffinityTerm": _TERM}, needs=("weight", "podAffinityTerm"))
        ),
    }
)
_NODE_RULES = many(
    Fields(
        {
            "key": text,
            "operator": one_of("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
            "values": many(text),
        },
        needs=("key", "operator"),
    )
)
_NODE_TERM = Fields({"matchExpressions": _NODE_RULES, "matchFields": _NODE_RULES})
_NEAR_NODES = Fields(
    {
        "requiredDuringSchedulingIgnoredDuringExecution": Fields(
            {"nodeSelectorTerms": many(_NODE_TERM)}, needs=("nodeSelectorTerms",)
        ),
        "preferredDuringSchedulingIgnoredDuringExecution": many(
            Fields({"weight": _WEIGHT, "preference": _NODE_TERM}, needs=("weight", "preference"))
        ),
    }
)
_HONOURED = one_of("Honor", "Ignore")
_SPREAD = Fields(
    {
        "maxSkew": whole(1, 1000),
        "topologyKey": text,
        "whenUnsatisfiable": one_of("DoNotSchedule", "ScheduleAnyway"),
        "labelSelector": _SELECTOR,
        "minDomains": whole(1, 1000),
        "nodeAffinityPolicy": _HONOURED,
        "nodeTaintsPolicy": _HONOURED,
        "matchLabelKeys": many(text),
    },
    needs=("maxSkew", "topologyKey", "whenUnsatisfiable"),
)
_TOLERATION = Fields(
    {
        "key": anything,
        "operator": one_of("Exists", "Equal"),
        "value": text,
        "effect": one_of("NoSchedule", "PreferNoSchedule", "NoExecute"),
        "tolerationSeconds": whole(0, _DAY),
    }
)
_POD = open_fields(
    initContainers=many(_CONTAINER),
    containers=many(_CONTAINER),
    volumes=many(_VOLUME),
    nodeSelector=texts,
    tolerations=many(_TOLERATION),
    affinity=Fields({"nodeAffinity": _NEAR_NODES, "podAffinity": _NEAR_PODS, "podAntiAffinity": _NEAR_PODS}),
    topologySpreadConstraints=many(_SPREAD),
    enableServiceLinks=truth,
    hostname=label_name,
    subdomain=label_name,
    securityContext=open_fields(fsGroupChangePolicy=one_of("Always", "OnRootMismatch"), seccompProfile=_PROFILE),
)

# ---------------------------------------------------------------- Service, Ingress, claim
_TRAFFIC = one_of("Cluster", "Local")
_SERVICE = open_fields(
    ports=many(open_fields(name=label_name, protocol=_PROTOCOL, appProtocol=text)),
    sessionAffinity=one_of("None", "ClientIP"),
    sessionAffinityConfig=Fields({"clientIP": Fields({"timeoutSeconds": whole(1, _DAY)})}),
    publishNotReadyAddresses=truth,
    internalTrafficPolicy=_TRAFFIC,
    externalTrafficPolicy=_TRAFFIC,
    loadBalancerClass=text,
    ipFamilyPolicy=one_of("SingleStack", "PreferDualStack", "RequireDualStack"),
    ipFamilies=many(one_of("IPv4", "IPv6")),
)
_PATH = Fields(
    {"path": absolute, "pathType": one_of("Exact", "Prefix", "ImplementationSpecific"), "backend": anything},
    needs=("pathType", "backend"),
)
_INGRESS = open_fields(
    ingressClassName=text,
    rules=many(
        Fields(
            {"host": anything, "http": Fields({"paths": many(_PATH)}, needs=("paths",))}, needs=("http",), closed=False
        )
    ),
    tls=many(Fields({"hosts": many(text), "secretName": anything})),
)
_CLAIM = open_fields(storageClassName=text, volumeMode=one_of("Filesystem", "Block"))

# ---------------------------------------------------------------- autoscaler, disruption budget
_TARGET = Fields(
    {
        "type": one_of("Utilization", "Value", "AverageValue"),
        "averageUtilization": whole(1, 100_000),
        "averageValue": amount,
        "value": amount,
    },
    needs=("type",),
)
_METRIC_NAME = Fields({"name": text, "selector": _SELECTOR}, needs=("name",))
_DESCRIBED = Fields({"apiVersion": text, "kind": text, "name": text}, needs=("kind", "name"))
METRICS = {"Resource": "resource", "ContainerResource": "containerResource"} | {
    name: name.lower() for name in ("Pods", "Object", "External")
}
"""Types of metrics, and the field that describes each."""
_METRIC = Fields(
    {
        "type": one_of(*METRICS),
        "resource": Fields({"name": text, "target": _TARGET}, needs=("name", "target")),
        "containerResource": Fields(
            {"name": text, "container": text, "target": _TARGET}, needs=("name", "container", "target")
        ),
        "pods": Fields({"metric": _METRIC_NAME, "target": _TARGET}, needs=("metric", "target")),
        "object": Fields(
            {"describedObject": _DESCRIBED, "metric": _METRIC_NAME, "target": _TARGET},
            needs=("describedObject", "metric", "target"),
        ),
        "external": Fields({"metric": _METRIC_NAME, "target": _TARGET}, needs=("metric", "target")),
    },
    needs=("type",),
    one=tuple(METRICS.values()),
)
_STEP = Fields(
    {"type": one_of("Pods", "Percent"), "value": whole(1, 100_000), "periodSeconds": whole(1, 1800)},
    needs=("type", "value", "periodSeconds"),
)
_DIRECTION = Fields(
    {
        "stabilizationWindowSeconds": whole(0, 3600),
        "selectPolicy": one_of("Max", "Min", "Disabled"),
        "policies": many(_STEP),
        "tolerance": amount,
    }
)
_AUTOSCALER = open_fields(metrics=many(_METRIC), behavior=Fields({"scaleUp": _DIRECTION, "scaleDown": _DIRECTION}))
_BUDGET = open_fields(unhealthyPodEvictionPolicy=one_of("IfHealthyBudget", "AlwaysAllow"))

_SPECS = {
    "Deployment": open_fields(template=open_fields(spec=_POD)),
    "Service": _SERVICE,
    "Ingress": _INGRESS,
    "PersistentVolumeClaim": _CLAIM,
    "HorizontalPodAutoscaler": _AUTOSCALER,
    "PodDisruptionBudget": _BUDGET,
}


def check_shape(manifest: Manifest, findings: Findings) -> None:
    """Every field of another shape than the API has. Problems that were found at its path before come first."""
    known = {problem.path for problem in findings.problems}
    before = len(findings.problems)
    if shape := _SPECS.get(manifest["kind"]):
        shape(manifest.get("spec") or {}, ".spec", findings)
    # What another rule has said of a field in its own words is not said twice.
    findings.problems[before:] = [found for found in findings.problems[before:] if found.path not in known]
