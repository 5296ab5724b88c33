"""Workloads: pod specs (containers, resources, ports, environment, probes, volumes) and Deployments."""

from __future__ import annotations

import re
from typing import Any

from sandbox.kubernetes.errors import Cause, Obj
from sandbox.kubernetes.quantities import parse
from sandbox.kubernetes.selectors import matches_labels
from sandbox.kubernetes.validation.causes import (
    annotation_causes,
    dns_label,
    duplicate,
    label_causes,
    not_allowed,
    not_negative,
    port,
    required,
    unknown,
    unsupported,
    wrong,
)

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_POLICIES = ["Always", "IfNotPresent", "Never"]
_PROTOCOLS = ["SCTP", "TCP", "UDP"]
_ENV_TEXT = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_RESOURCES = {"cpu", "memory", "ephemeral-storage", "storage"}


def pod_causes(obj: Obj, live: Obj | None) -> list[Cause]:
    """Causes about a pod; only its creation is checked, as nothing here changes one."""
    return [] if live is not None else pod_spec_causes(obj["spec"], "spec")


def pod_spec_causes(spec: Obj, at: str) -> list[Cause]:
    """Causes about a pod spec found at ``at``."""
    causes: list[Cause] = []
    volumes = {volume["name"] for volume in spec.get("volumes") or []}
    for index, volume in enumerate(spec.get("volumes") or []):
        causes += _volume_causes(volume, f"{at}.volumes[{index}]")
    if not spec.get("containers"):
        causes.append(required(f"{at}.containers"))
    for part in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(part) or []):
            causes += _container_causes(container, f"{at}.{part}[{index}]", volumes)
    names = [c["name"] for part in ("containers", "initContainers") for c in spec.get(part) or []]
    causes += [duplicate(f"{at}.initContainers.name", name) for name in sorted(set(names)) if names.count(name) > 1]
    if spec.get("restartPolicy") not in ("Always", "OnFailure", "Never"):
        causes.append(unsupported(f"{at}.restartPolicy", spec.get("restartPolicy"), ["Always", "Never", "OnFailure"]))
    return causes + not_negative(f"{at}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"))


def _container_causes(container: Obj, at: str, volumes: set[str]) -> list[Cause]:
    causes = dns_label(f"{at}.name", container.get("name"))
    image = container.get("image")
    if not image:
        causes.append(required(f"{at}.image"))
    elif image != image.strip():
        causes.append(wrong(f"{at}.image", image, "must not have leading or trailing whitespace"))
    if container.get("imagePullPolicy") not in _POLICIES:
        causes.append(unsupported(f"{at}.imagePullPolicy", container.get("imagePullPolicy"), _POLICIES))
    causes += _port_causes(container.get("ports") or [], f"{at}.ports")
    causes += _env_causes(container.get("env") or [], f"{at}.env")
    causes += resource_causes(container.get("resources") or {}, f"{at}.resources")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name):
            causes += _probe_causes(container[name], f"{at}.{name}", is_readiness=name == "readinessProbe")
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            causes.append(unknown(f"{at}.volumeMounts[{index}].name", mount.get("name")))
    return causes


def _port_causes(ports: list[Obj], at: str) -> list[Cause]:
    causes: list[Cause] = []
    names = [entry["name"] for entry in ports if entry.get("name")]
    for index, entry in enumerate(ports):
        causes += port(f"{at}[{index}].containerPort", entry.get("containerPort"))
        if entry.get("name"):
            causes += port(f"{at}[{index}].name", entry["name"])
            if entry["name"] in names[: names.index(entry["name"])]:
                causes.append(duplicate(f"{at}[{index}].name", entry["name"]))
        if entry.get("protocol") not in _PROTOCOLS:
            causes.append(unsupported(f"{at}[{index}].protocol", entry.get("protocol"), _PROTOCOLS))
    return causes


def _env_causes(env: list[Obj], at: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, entry in enumerate(env):
        if not entry.get("name"):
            causes.append(required(f"{at}[{index}].name"))
        elif not re.fullmatch(r"[ -<>-~]+", entry["name"]):
            causes.append(wrong(f"{at}[{index}].name", entry["name"], _ENV_TEXT))
        if entry.get("value") and entry.get("valueFrom"):
            causes.append(wrong(f"{at}[{index}].valueFrom", "", "may not be specified when `value` is not empty"))
        elif entry.get("valueFrom") is not None and len(entry["valueFrom"]) != 1:
            why = (
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            )
            causes.append(wrong(f"{at}[{index}].valueFrom", "", why))
    return causes


def resource_causes(resources: Obj, at: str) -> list[Cause]:
    """Causes about requests and limits: negative, unknown, or a request above its limit."""
    causes: list[Cause] = []
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for part, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            if name not in _RESOURCES and "/" not in name and not name.startswith("hugepages-"):
                causes.append(wrong(f"{at}.{part}", name, "must be a standard resource type or fully qualified"))
            if parse(value) < 0:
                causes.append(wrong(f"{at}.{part}[{name}]", value, "must be greater than or equal to 0"))
    for name, value in requests.items():
        if name in limits and parse(value) > parse(limits[name]):
            causes.append(
                wrong(f"{at}.requests", value, f"must be less than or equal to {name} limit of {limits[name]}")
            )
    return causes


def _probe_causes(probe: Obj, at: str, *, is_readiness: bool) -> list[Cause]:
    handlers = [name for name in _HANDLERS if probe.get(name) is not None]
    causes: list[Cause] = []
    if not handlers:
        causes.append(required(at, "must specify a handler type"))
    causes += [not_allowed(f"{at}.{name}", "may not specify more than 1 handler type") for name in handlers[1:]]
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        causes += not_negative(f"{at}.{name}", probe.get(name))
    if not is_readiness and probe.get("successThreshold") != 1:
        causes.append(wrong(f"{at}.successThreshold", probe.get("successThreshold"), "must be 1"))
    for name in ("httpGet", "tcpSocket"):
        if probe.get(name):
            causes += port(f"{at}.{name}.port", probe[name].get("port"))
    return causes


def _volume_causes(volume: dict[str, Any], at: str) -> list[Cause]:
    causes = dns_label(f"{at}.name", volume.get("name"))
    sources = [name for name in volume if name != "name"]
    if len(sources) > 1:
        causes.append(not_allowed(f"{at}.{sources[1]}", "may not specify more than 1 volume type"))
    return causes


_PERCENT = re.compile(r"[0-9]+%")
_PERCENT_TEXT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)


def deployment_causes(obj: Obj, live: Obj | None) -> list[Cause]:
    """Causes about ``spec`` of a Deployment."""
    spec = obj["spec"]
    causes = not_negative("spec.replicas", spec["replicas"])
    if spec["replicas"] >= 2**31:
        causes.append(wrong("spec.replicas", spec["replicas"], "must fit into 32 bits"))
    causes += _selector_causes(spec)
    causes += _strategy_causes(spec["strategy"])
    for name in ("minReadySeconds", "revisionHistoryLimit"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    if spec["progressDeadlineSeconds"] <= (spec.get("minReadySeconds") or 0):
        causes.append(
            wrong(
                "spec.progressDeadlineSeconds", spec["progressDeadlineSeconds"], "must be greater than minReadySeconds"
            )
        )
    causes += _template_causes(spec.get("template"))
    if live is not None and live["spec"].get("selector") != spec.get("selector"):
        causes.append(wrong("spec.selector", spec.get("selector"), "field is immutable"))
    return causes


def _selector_causes(spec: Obj) -> list[Cause]:
    selector = spec.get("selector")
    if selector is None:
        return [required("spec.selector")]
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        return [wrong("spec.selector", selector, "empty selector is invalid for deployment")]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not matches_labels(selector, labels):
        return [wrong("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")]
    return []


def _strategy_causes(strategy: Obj) -> list[Cause]:
    if strategy["type"] == "Recreate":
        if strategy.get("rollingUpdate"):
            return [
                not_allowed("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
            ]
        return []
    if strategy["type"] != "RollingUpdate":
        return [unsupported("spec.strategy.type", strategy["type"], ["Recreate", "RollingUpdate"])]
    rolling = strategy["rollingUpdate"]
    at = "spec.strategy.rollingUpdate"
    causes = _share_causes(f"{at}.maxUnavailable", rolling["maxUnavailable"])
    causes += _share_causes(f"{at}.maxSurge", rolling["maxSurge"])
    if not causes and str(rolling["maxUnavailable"]) in ("0", "0%") and str(rolling["maxSurge"]) in ("0", "0%"):
        causes.append(wrong(f"{at}.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0"))
    if isinstance(rolling["maxUnavailable"], str) and not causes and int(rolling["maxUnavailable"][:-1]) > 100:
        causes.append(wrong(f"{at}.maxUnavailable", rolling["maxUnavailable"], "must not be greater than 100%"))
    return causes


def _share_causes(field: str, value: Any) -> list[Cause]:
    if isinstance(value, str):
        return [] if _PERCENT.fullmatch(value) else [wrong(field, value, _PERCENT_TEXT)]
    return not_negative(field, value)


def _template_causes(template: Obj | None) -> list[Cause]:
    if template is None:
        return [required("spec.template.spec.containers")]
    meta = template.get("metadata") or {}
    causes = label_causes(meta.get("labels") or {}, "spec.template.labels")
    causes += annotation_causes(meta.get("annotations") or {}, "spec.template.annotations")
    causes += pod_spec_causes(template["spec"], "spec.template.spec")
    if template["spec"]["restartPolicy"] in ("OnFailure", "Never"):
        causes.append(unsupported("spec.template.spec.restartPolicy", template["spec"]["restartPolicy"], ["Always"]))
    return causes
