"""Kinds of few rules: Services, ConfigMaps, quotas, autoscalers and ingresses."""

from __future__ import annotations

import base64
import json
import re

from sandbox.kubernetes.errors import Cause, Obj
from sandbox.kubernetes.quantities import parse
from sandbox.kubernetes.validation.causes import (
    dns_label,
    duplicate,
    label_causes,
    not_allowed,
    port,
    required,
    too_long,
    unsupported,
    wrong,
)

_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
_PROTOCOLS = ["SCTP", "TCP", "UDP"]


def service_causes(obj: Obj, live: Obj | None) -> list[Cause]:
    """Causes about ``spec`` of a Service."""
    spec = obj["spec"]
    if spec["type"] not in _TYPES:
        return [unsupported("spec.type", spec["type"], _TYPES)]
    if spec["type"] == "ExternalName":
        return [] if spec.get("externalName") else [required("spec.externalName")]
    causes: list[Cause] = []
    if not spec.get("ports") and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    causes += _ports_causes(spec.get("ports") or [])
    causes += label_causes(spec.get("selector") or {}, "spec.selector")
    if spec["sessionAffinity"] not in ("None", "ClientIP"):
        causes.append(unsupported("spec.sessionAffinity", spec["sessionAffinity"], ["ClientIP", "None"]))
    was = (live or {}).get("spec", {}).get("clusterIP")
    if was and spec.get("clusterIP") != was:
        causes.append(wrong("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set"))
    return causes


def _ports_causes(ports: list[Obj]) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, entry in enumerate(ports):
        at = f"spec.ports[{index}]"
        name = entry.get("name")
        if name:
            causes += dns_label(f"{at}.name", name)
            causes += [duplicate(f"{at}.name", name)] if name in names else []
            names.add(name)
        elif len(ports) > 1:
            causes.append(required(f"{at}.name"))
        causes += port(f"{at}.port", entry.get("port"))
        causes += port(f"{at}.targetPort", entry.get("targetPort"))
        if entry.get("protocol") not in _PROTOCOLS:
            causes.append(unsupported(f"{at}.protocol", entry.get("protocol"), _PROTOCOLS))
        if entry.get("nodePort") and not 30000 <= entry["nodePort"] <= 32767:
            why = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            causes.append(wrong(f"{at}.nodePort", entry["nodePort"], why))
    return causes


_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_DATA_LIMIT = 1024 * 1024
_PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"]


def config_map_causes(obj: Obj, live: Obj | None) -> list[Cause]:
    """Causes about keys, size and an immutable map that changes."""
    causes: list[Cause] = []
    size = 0
    for part in ("data", "binaryData"):
        for key, value in (obj.get(part) or {}).items():
            size += len(value.encode())
            if not _KEY.fullmatch(key) or key in (".", "..") or len(key) > 253:
                causes.append(wrong(f"{part}[{key}]", key, _KEY_TEXT))
    if size > _DATA_LIMIT:
        causes.append(too_long("", _DATA_LIMIT))
    if live is not None and live.get("immutable"):
        why = "field is immutable when `immutable` is set"
        if not obj.get("immutable"):
            causes.append(not_allowed("immutable", why))
        causes += [not_allowed(part, why) for part in ("data", "binaryData") if obj.get(part) != live.get(part)]
    return causes


_DOCKER = "kubernetes.io/dockerconfigjson"


def secret_causes(obj: Obj, live: Obj | None) -> list[Cause]:
    """Causes about keys, a type that changes, and credentials of a registry that are none."""
    causes = [
        wrong(f"data[{key}]", key, _KEY_TEXT)
        for key in obj.get("data") or {}
        if not _KEY.fullmatch(key) or key in (".", "..") or len(key) > 253
    ]
    if live is not None and live.get("type") != obj.get("type"):
        causes.append(wrong("type", obj.get("type"), "field is immutable"))
    if obj.get("type") == _DOCKER:
        value = (obj.get("data") or {}).get(".dockerconfigjson")
        if value is None:
            causes.append(required("data[.dockerconfigjson]"))
        elif not _is_json(value):
            causes.append(wrong("data[.dockerconfigjson]", "<secret contents redacted>", "invalid character"))
    return causes


def _is_json(encoded: str) -> bool:
    try:
        json.loads(base64.b64decode(encoded, validate=True))
    except ValueError:
        return False
    return True


def quota_causes(obj: Obj, live: Obj | None) -> list[Cause]:
    """Causes about hard limits and scopes."""
    spec = obj["spec"]
    hard = spec.get("hard") or {}
    causes = [
        wrong(f"spec.hard[{name}]", value, "must be greater than or equal to 0")
        for name, value in hard.items()
        if parse(value) < 0
    ]
    if live is not None and (live["spec"].get("scopes") or []) != (spec.get("scopes") or []):
        causes.append(wrong("spec.scopes", spec.get("scopes"), "field is immutable"))
    return causes


_LIMIT_TYPES = ["Container", "PersistentVolumeClaim", "Pod"]


def limit_range_causes(obj: Obj, _live: Obj | None) -> list[Cause]:
    """Causes about types, and bounds in the wrong order."""
    causes: list[Cause] = []
    for index, item in enumerate(obj["spec"].get("limits") or []):
        at = f"spec.limits[{index}]"
        if item.get("type") not in _LIMIT_TYPES:
            causes.append(unsupported(f"{at}.type", item.get("type"), _LIMIT_TYPES))
        for lower, upper in (
            ("min", "max"),
            ("min", "defaultRequest"),
            ("defaultRequest", "default"),
            ("default", "max"),
        ):
            causes += _order_causes(item, at, lower, upper)
    return causes


def _order_causes(item: Obj, at: str, lower: str, upper: str) -> list[Cause]:
    names = {"min": "min", "max": "max", "default": "default", "defaultRequest": "default request"}
    low, high = item.get(lower) or {}, item.get(upper) or {}
    return [
        wrong(
            f"{at}.{lower}[{name}]",
            low[name],
            f"{names[lower]} value {low[name]} is greater than {names[upper]} value {high[name]}",
        )
        for name in sorted(set(low) & set(high))
        if parse(low[name]) > parse(high[name])
    ]


def autoscaler_causes(obj: Obj, _live: Obj | None) -> list[Cause]:
    """Causes about bounds and the target."""
    spec = obj["spec"]
    causes: list[Cause] = []
    target = spec.get("scaleTargetRef") or {}
    causes += [required(f"spec.scaleTargetRef.{name}") for name in ("kind", "name") if not target.get(name)]
    most, least = spec.get("maxReplicas") or 0, spec["minReplicas"]
    if least < 1:
        causes.append(wrong("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        causes.append(wrong("spec.maxReplicas", most, "must be greater than 0"))
    elif most < least:
        causes.append(wrong("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    return causes


def ingress_causes(obj: Obj, _live: Obj | None) -> list[Cause]:
    """Causes about rules, paths and backends."""
    spec = obj["spec"]
    if not spec.get("rules") and not spec.get("defaultBackend"):
        return [wrong("spec", {}, "either `defaultBackend` or `rules` must be specified")]
    causes: list[Cause] = []
    for index, rule in enumerate(spec.get("rules") or []):
        paths = (rule.get("http") or {}).get("paths")
        if rule.get("http") is not None and not paths:
            causes.append(required(f"spec.rules[{index}].http.paths"))
        for number, entry in enumerate(paths or []):
            causes += _path_causes(entry, f"spec.rules[{index}].http.paths[{number}]")
    return causes


def _path_causes(entry: Obj, at: str) -> list[Cause]:
    causes: list[Cause] = []
    if not entry.get("pathType"):
        causes.append(required(f"{at}.pathType", "pathType must be specified"))
    elif entry["pathType"] not in _PATH_TYPES:
        causes.append(unsupported(f"{at}.pathType", entry["pathType"], _PATH_TYPES))
    if entry.get("pathType") in ("Exact", "Prefix") and not str(entry.get("path") or "").startswith("/"):
        causes.append(wrong(f"{at}.path", entry.get("path") or "", "must be an absolute path"))
    service = (entry.get("backend") or {}).get("service")
    if service is None:
        return [*causes, required(f"{at}.backend", "must specify a service or resource")]
    if not service.get("name"):
        causes.append(required(f"{at}.backend.service.name"))
    number = (service.get("port") or {}).get("number")
    return causes + (port(f"{at}.backend.service.port.number", number) if number is not None else [])


def disruption_budget_causes(obj: Obj, _live: Obj | None) -> list[Cause]:
    """Causes about the two bounds, of which there may be one."""
    spec = obj["spec"]
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        return [wrong("spec", {}, "minAvailable and maxUnavailable cannot be both set")]
    return []


def claim_causes(obj: Obj, live: Obj | None) -> list[Cause]:
    """Causes about access modes, size, and what may not change later."""
    spec = obj["spec"]
    causes: list[Cause] = []
    if not spec.get("accessModes"):
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    if not ((spec.get("resources") or {}).get("requests") or {}).get("storage"):
        causes.append(required("spec.resources[storage]"))
    if live is not None and _fixed(spec) != _fixed(live["spec"]):
        why = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        causes.append(not_allowed("spec", why))
    return causes


def _fixed(spec: Obj) -> Obj:
    return {name: value for name, value in spec.items() if name not in ("resources", "volumeAttributesClassName")}
