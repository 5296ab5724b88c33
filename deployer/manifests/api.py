"""The shapes of the allowed kinds, as the API of Kubernetes 1.36 has them. Data."""

from __future__ import annotations

import re
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.policy import CONFIG_KEY, DNS_NAME, Findings
from deployer.manifests.shapes import (
    Check,
    Fields,
    absolute,
    amount,
    anything,
    filled,
    inner,
    label,
    label_key,
    label_name,
    labels,
    many,
    matching,
    object_name,
    one_of,
    open_fields,
    positive,
    text,
    truth,
    whole,
)
from deployer.manifests.tidy import quantity_text
from deployer.messages import message as _
from deployer.quantities import QuantityError, parse_cpu, parse_memory

_DAY = 86_400
_PROTOCOL = one_of("TCP", "UDP", "SCTP")
_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")

_FIELD_OF_POD = re.compile(
    r"metadata\.(?:name|namespace|uid|labels|annotations|(?:labels|annotations)\['[^']+'\])"
    r"|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIPs?|podIPs?)",
    re.ASCII,
)
_BAD_FIELD = _("A pod does not give this field to its containers: write for example metadata.name or status.podIP.")

_CLASS = matching(re.compile(f"(?:{DNS_NAME.pattern})?", re.ASCII), _("This is the name of a class of storage."))
_CONFIG_KEY = matching(CONFIG_KEY, _("A key holds letters, digits, hyphens, dots and underscores."))
_SEGMENT = matching(re.compile(r"[^/%]+"), _("This must not be empty, nor hold / or %."))


def _expressions(*operators: str) -> Check:
    """Rules about labels; two of the operators compare with values."""
    rule = Fields({"key": label_key, "operator": one_of(*operators), "values": many(label)}, needs=("key", "operator"))

    def check(value: Any, path: str, findings: Findings) -> None:
        rule(value, path, findings)
        if isinstance(value, dict) and value.get("operator") in ("In", "NotIn") and not value.get("values"):
            findings.add(f"{path}.values", _("This must not be empty."))

    return many(check)


_SELECTOR = Fields({"matchLabels": labels, "matchExpressions": _expressions("In", "NotIn", "Exists", "DoesNotExist")})

# ---------------------------------------------------------------- containers
_HEADERS = many(Fields({"name": text, "value": text}, needs=("name", "value")))
_HTTP = Fields(
    {"path": text, "port": anything, "host": anything, "scheme": one_of("HTTP", "HTTPS"), "httpHeaders": _HEADERS}
)
_EXEC = Fields({"command": many(text, 1)}, needs=("command",))
_SOCKET = Fields({"port": anything, "host": anything})
_GRPC = Fields({"port": anything, "host": anything, "service": text})
_PROBE = Fields({"exec": _EXEC, "grpc": _GRPC, "httpGet": _HTTP, "tcpSocket": _SOCKET}, one=_HANDLERS, closed=False)
_PROBE_OF_ONE = Fields(
    {**_PROBE.fields, "successThreshold": whole(1, 1), "terminationGracePeriodSeconds": whole(1, _DAY)},
    one=_HANDLERS,
    closed=False,
)
_SLEEP = Fields({"seconds": whole(0, _DAY)}, needs=("seconds",))
_HOOK = Fields(
    {"exec": _EXEC, "httpGet": _HTTP, "tcpSocket": _SOCKET, "sleep": _SLEEP},
    one=("exec", "httpGet", "tcpSocket", "sleep"),
    closed=False,
)
_KEY = Fields({"name": filled, "key": _CONFIG_KEY, "optional": truth}, needs=("name", "key"))
_NAME = Fields({"name": text, "optional": truth}, needs=("name",))
_POD_FIELD = Fields({"fieldPath": matching(_FIELD_OF_POD, _BAD_FIELD), "apiVersion": text}, needs=("fieldPath",))
_MEASURED = one_of(
    *(f"{part}.{name}" for part in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage"))
)
_PARTS_OF_CPU = ("1m", "1")
_PARTS_OF_BYTES = ("1", *(f"1{unit}" for unit in ("k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")))


def _part(value: Any, words: tuple[str, ...], path: str, findings: Findings) -> None:
    """Any way of writing one of these; 0 is the server's for "none given"."""
    measure = parse_cpu if words is _PARTS_OF_CPU else parse_memory
    try:
        size = measure(quantity_text(value))
    except QuantityError:
        return  # said by its shape
    # The server keeps 1024 apart from 1Ki; parts of a byte are rounded up when they are read.
    alike = {measure(word) for word in words if word.endswith("i") == str(value).endswith("i")}
    if size not in alike | {0} or (words is _PARTS_OF_BYTES and str(value)[-1:] in "num"):
        findings.add(path, _("This is one of these words: %(words)s.", words=list(words)))


def _measured(*needs: str) -> Check:
    """What a container may have of a resource, counted in one of the parts that the server divides it by."""
    shape = Fields({"containerName": text, "resource": _MEASURED, "divisor": amount}, needs=needs)

    def check(value: Any, path: str, findings: Findings) -> None:
        shape(value, path, findings)
        if isinstance(value, dict) and "divisor" in value:
            is_cpu = str(value.get("resource", "")).endswith("cpu")
            _part(value["divisor"], _PARTS_OF_CPU if is_cpu else _PARTS_OF_BYTES, f"{path}.divisor", findings)

    return check


_AMOUNT_OF_CONTAINER = _measured("resource")
_AMOUNT_OF_NAMED = _measured("containerName", "resource")
_SOURCES: dict[str, Check] = {
    "configMapKeyRef": _KEY,
    "secretKeyRef": _KEY,
    "fieldRef": _POD_FIELD,
    "resourceFieldRef": _AMOUNT_OF_CONTAINER,
}
_MOUNT = Fields(
    {
        "name": text,
        "mountPath": filled,
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
_ITEMS = many(Fields({"key": _CONFIG_KEY, "path": inner, "mode": anything}, needs=("key", "path")))
_FILE_OF_POD = many(
    Fields(
        {"path": inner, "mode": anything, "fieldRef": _POD_FIELD, "resourceFieldRef": _AMOUNT_OF_NAMED},
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
_LIKE, _UNLIKE = "matchLabelKeys", "mismatchLabelKeys"


def _selected(shape: Fields) -> Check:
    """Pods by a selector, and by labels in which they are like the new pod: keys of the one are none of the other."""

    def check(value: Any, path: str, findings: Findings) -> None:
        shape(value, path, findings)
        if not isinstance(value, dict):
            return
        like, unlike = (value.get(name) or [] for name in (_LIKE, _UNLIKE))
        if not isinstance(like, list) or not isinstance(unlike, list):
            return
        selector = value.get("labelSelector")
        if (like or unlike) and not isinstance(selector, dict):
            findings.add(f"{path}.{_LIKE if like else _UNLIKE}", _("This needs a labelSelector beside it."))
            return
        twice = set(map(str, like)) & set(map(str, unlike)) | (set(map(str, like)) & _keys_of(selector))
        if twice:
            message = _("Labels are named once, in the selector or as keys: %(names)s.", names=sorted(twice))
            findings.add(f"{path}.{_LIKE}", message)

    return check


def _keys_of(selector: Any) -> set[str]:
    if not isinstance(selector, dict):
        return set()
    rules = selector.get("matchExpressions") or []
    named = {str(rule.get("key")) for rule in rules if isinstance(rule, dict)} if isinstance(rules, list) else set()
    labels_there = selector.get("matchLabels")
    return named | (set(labels_there) if isinstance(labels_there, dict) else set())


_TERM_SHAPE = Fields(
    {
        "labelSelector": _SELECTOR,
        "namespaceSelector": _SELECTOR,
        "namespaces": many(label_name),
        "topologyKey": label_key,
        "matchLabelKeys": many(label_key),
        "mismatchLabelKeys": many(label_key),
    },
    needs=("topologyKey",),
)
_TERM = _selected(_TERM_SHAPE)
_WEIGHT = whole(1, 100)
_NEAR_PODS = Fields(
    {
        "requiredDuringSchedulingIgnoredDuringExecution": many(_TERM),
        "preferredDuringSchedulingIgnoredDuringExecution": many(
            Fields({"weight": _WEIGHT, "podAffinityTerm": _TERM}, needs=("weight", "podAffinityTerm"))
        ),
    }
)
_NODE_RULES = _expressions("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_NODE_TERM = Fields({"matchExpressions": _NODE_RULES, "matchFields": _NODE_RULES})
_NEAR_NODES = Fields(
    {
        "requiredDuringSchedulingIgnoredDuringExecution": Fields(
            {"nodeSelectorTerms": many(_NODE_TERM, 1)}, needs=("nodeSelectorTerms",)
        ),
        "preferredDuringSchedulingIgnoredDuringExecution": many(
            Fields({"weight": _WEIGHT, "preference": _NODE_TERM}, needs=("weight", "preference"))
        ),
    }
)
_HONOURED = one_of("Honor", "Ignore")
_SPREAD_SHAPE = Fields(
    {
        "maxSkew": whole(1, 1000),
        "topologyKey": label_key,
        "whenUnsatisfiable": one_of("DoNotSchedule", "ScheduleAnyway"),
        "labelSelector": _SELECTOR,
        "minDomains": whole(1, 1000),
        "nodeAffinityPolicy": _HONOURED,
        "nodeTaintsPolicy": _HONOURED,
        "matchLabelKeys": many(label_key),
    },
    needs=("maxSkew", "topologyKey", "whenUnsatisfiable"),
)
_SPREAD = _selected(_SPREAD_SHAPE)
_TOLERATION = Fields(
    {
        "key": label_key,
        "operator": one_of("Exists", "Equal"),
        "value": label,
        "effect": one_of("NoSchedule", "PreferNoSchedule", "NoExecute"),
        "tolerationSeconds": whole(0, _DAY),
    }
)
_POD = open_fields(
    initContainers=many(_CONTAINER),
    containers=many(_CONTAINER),
    volumes=many(_VOLUME),
    nodeSelector=labels,
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
    ports=many(open_fields(name=label_name, protocol=_PROTOCOL, appProtocol=label_key)),
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
    ingressClassName=object_name,
    rules=many(
        Fields(
            {"host": anything, "http": Fields({"paths": many(_PATH, 1)}, needs=("paths",))},
            needs=("http",),
            closed=False,
        )
    ),
    tls=many(Fields({"hosts": many(text), "secretName": anything})),
)
_CLAIM = open_fields(storageClassName=_CLASS, volumeMode=one_of("Filesystem", "Block"))

# ---------------------------------------------------------------- autoscaler, disruption budget
_TARGET = Fields(
    {
        "type": one_of("Utilization", "Value", "AverageValue"),
        "averageUtilization": whole(1, 100_000),
        "averageValue": positive,
        "value": positive,
    },
    needs=("type",),
)
_METRIC_NAME = Fields({"name": _SEGMENT, "selector": _SELECTOR}, needs=("name",))
_DESCRIBED = Fields({"apiVersion": text, "kind": _SEGMENT, "name": _SEGMENT}, needs=("kind", "name"))
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
        "policies": many(_STEP, 1),
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
