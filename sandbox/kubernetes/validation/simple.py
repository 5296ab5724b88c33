"""ConfigMaps, quotas, autoscalers and ingresses."""

from __future__ import annotations

import re

from sandbox.kubernetes.errors import Cause, Obj
from sandbox.kubernetes.quantities import parse
from sandbox.kubernetes.validation.causes import not_allowed, port, required, too_long, unsupported, wrong

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
