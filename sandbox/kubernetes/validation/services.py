"""Services."""

from __future__ import annotations

from sandbox.kubernetes.errors import Cause, Obj
from sandbox.kubernetes.validation.causes import dns_label, duplicate, port, required, unsupported, wrong
from sandbox.kubernetes.validation.metadata import label_causes

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
