"""Rules for Service and Ingress: who may be reached from outside, and under which host."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.policy import INGRESS_SPEC, SERVICE_SPEC, Findings, Policy, is_one_of
from deployer.manifests.scaling import check_selected
from deployer.messages import Message
from deployer.messages import message as _

_PORT_FIELDS = frozenset({"name", "port", "targetPort", "protocol", "nodePort", "appProtocol"})


def check_service(value: Any, policy: Policy, findings: Findings) -> None:
    """Type and node ports of the policy, no foreign addresses, no fixed cluster address."""
    spec = findings.mapping(value, ".spec")
    findings.only(spec, SERVICE_SPEC, ".spec")
    kind = spec.get("type", "ClusterIP")
    if not is_one_of(kind, policy.service_types):
        findings.add(
            ".spec.type",
            _(
                "A Service of type %(kind)s is not granted to this space; it has %(types)s. "
                "A platform administrator can grant more.",
                kind=kind,
                types=sorted(policy.service_types),
            ),
        )
    if spec.get("clusterIP") not in (None, "None"):
        findings.add(
            ".spec.clusterIP", _("The cluster chooses the address of a Service; only None (headless) may be given.")
        )
    check_selected(spec.get("selector"), ".spec.selector", findings)
    ports = list(findings.items(spec.get("ports"), ".spec.ports"))
    if not ports:
        findings.add(".spec.ports", _("A Service needs at least one port."))
    for path, port in ports:
        _check_port(port, path, kind, policy, findings)
    check_twice(spec.get("ports"), ("name",), ".spec.ports", findings)
    check_twice(spec.get("ports"), ("port", "protocol"), ".spec.ports", findings)
    if len(ports) > 1 and any("name" not in port for _path, port in ports):
        findings.add(".spec.ports", _("Give each port a name where a Service has more than one."))
    _check_outside_fields(spec, kind, findings)
    _check_balancer(spec, kind, policy, findings)


def _check_port(port: dict[str, Any], path: str, kind: Any, policy: Policy, findings: Findings) -> None:
    findings.only(port, _PORT_FIELDS, path)
    if not is_port(port.get("port")):
        findings.add(f"{path}.port", _("A port is a whole number from 1 to 65535."))
    if isinstance(target := port.get("targetPort", port.get("port")), str):
        check_port_name(target, f"{path}.targetPort", findings)
    elif not is_port(target):
        findings.add(f"{path}.targetPort", _("A port is a whole number from 1 to 65535."))
    if "nodePort" in port and not (is_port(port["nodePort"]) and port["nodePort"] in policy.node_ports):
        findings.add(
            f"{path}.nodePort",
            _(
                "The node port %(port)s is not granted to this space: a platform administrator can grant it.",
                port=port["nodePort"],
            ),
        )
    elif "nodePort" in port and kind == "ClusterIP":
        findings.add(f"{path}.nodePort", _("Only a Service of type NodePort or LoadBalancer has a node port."))
    elif "nodePort" not in port and kind == "NodePort":
        message = _("Name one of the node ports of this space: %(ports)s.", ports=sorted(policy.node_ports))
        findings.add(f"{path}.nodePort", message)


def check_twice(value: Any, names: tuple[str, ...], path: str, findings: Findings) -> None:
    """A problem for two items of a list that are alike in these fields, of which the first is there."""
    seen: list[tuple[Any, ...]] = []
    for item in value if isinstance(value, list) else ():
        if not isinstance(item, dict) or names[0] not in item:
            continue
        key = tuple(item.get(name, "TCP") for name in names)
        if key in seen:
            findings.add(path, _("%(field)s %(value)s is there twice.", field=names[0], value=key[0]))
        seen.append(key)


_OUTSIDE_FIELDS = {
    "externalTrafficPolicy": ("NodePort", "LoadBalancer"),
    "loadBalancerClass": ("LoadBalancer",),
}


def _check_outside_fields(spec: dict[str, Any], kind: Any, findings: Findings) -> None:
    """The server refuses a field of another type of Service."""
    for name, kinds in _OUTSIDE_FIELDS.items():
        if name in spec and kind not in kinds:
            findings.add(
                f".spec.{name}", _("Only a Service of type %(types)s has %(name)s.", types=list(kinds), name=name)
            )
    if spec.get("clusterIP") == "None" and kind != "ClusterIP":
        findings.add(".spec.clusterIP", _("A headless Service (clusterIP: None) has the type ClusterIP."))


def _check_balancer(spec: dict[str, Any], kind: Any, policy: Policy, findings: Findings) -> None:
    wanted = spec.get("loadBalancerClass", "default")
    if kind == "LoadBalancer" and policy.load_balancers and not is_one_of(wanted, policy.load_balancers):
        findings.add(
            ".spec.loadBalancerClass",
            _(
                "The load balancer %(name)s is not granted to this space; it has %(names)s. "
                "A platform administrator can grant more.",
                name=wanted,
                names=sorted(policy.load_balancers),
            ),
        )


def _host_not_granted(host: Any) -> Message:
    return _("The host %(host)s is not granted to this space: a platform administrator can grant it.", host=host)


def check_ingress(value: Any, policy: Policy, findings: Findings) -> None:
    """Only hosts that the component owns, only its own Services behind them."""
    spec = findings.mapping(value, ".spec")
    findings.only(spec, INGRESS_SPEC, ".spec")
    rules = list(findings.items(spec.get("rules"), ".spec.rules"))
    if not rules:
        findings.add(".spec.rules", _("An Ingress needs at least one rule with a host."))
    for path, rule in rules:
        findings.only(rule, frozenset({"host", "http"}), path)
        host = rule.get("host")
        if not host:
            findings.add(f"{path}.host", _("A rule without a host would answer for every host: name one."))
        elif not policy.allows_host(host):
            findings.add(f"{path}.host", _host_not_granted(host))
        _check_paths(rule.get("http"), f"{path}.http", findings)
    for path, block in findings.items(spec.get("tls"), ".spec.tls"):
        hosts = block.get("hosts")
        for host in hosts if isinstance(hosts, list) else ():
            if not policy.allows_host(host):
                findings.add(f"{path}.hosts", _host_not_granted(host))
        if block.get("secretName") is not None and not is_one_of(block["secretName"], policy.secrets):
            findings.add(
                f"{path}.secretName",
                _(
                    "This component may not use the Secret %(name)s; it may use: %(names)s.",
                    name=block["secretName"],
                    names=sorted(policy.secrets) or [_("none")],
                ),
            )


def _check_paths(value: Any, path: str, findings: Findings) -> None:
    http = findings.mapping(value, path)
    for entry_path, entry in findings.items(http.get("paths"), f"{path}.paths"):
        if "path" not in entry and entry.get("pathType") != "ImplementationSpecific":
            findings.add(f"{entry_path}.path", _("Write a path that begins with /."))
        _check_backend(entry.get("backend"), f"{entry_path}.backend", findings)


def _check_backend(value: Any, path: str, findings: Findings) -> None:
    """Only Services; whether there is such a Service with such a port is for the references to tell."""
    backend = findings.mapping(value, path)
    findings.only(backend, frozenset({"service"}), path)
    service = findings.mapping(backend.get("service"), f"{path}.service")
    findings.only(service, frozenset({"name", "port"}), f"{path}.service")
    port = findings.mapping(service.get("port"), f"{path}.service.port")
    findings.only(port, frozenset({"name", "number"}), f"{path}.service.port")
    if len(port) > 1:
        findings.add(f"{path}.service.port", _("Name the port either by name or by number."))


_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)


def check_port_name(name: Any, path: str, findings: Findings) -> None:
    """Names of container ports are those that IANA gives to services."""
    if isinstance(name, str) and name.isdecimal():
        findings.add(path, _("The port %(name)s is text here: write the number without quotes.", name=name))
    elif not isinstance(name, str) or not _PORT_NAME.fullmatch(name):
        findings.add(
            path,
            _(
                "The name of a port is at most 15 lower-case letters, digits and hyphens, with a letter: not %(name)s.",
                name=name,
            ),
        )


def is_port(value: Any) -> bool:
    """True for a whole number that is a TCP or UDP port."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65_535


def service_port(manifests: Iterable[Manifest], port: str) -> tuple[str, str] | None:
    """Name and port of the Service of a set that has this port, by name or number; empty: the first. None without."""
    for manifest in manifests:
        if manifest.get("kind") != "Service":
            continue
        for one in (manifest.get("spec") or {}).get("ports") or ():
            name, number = str(one.get("name") or ""), str(one.get("port"))
            if port in ("", name, number):
                return str(manifest["metadata"]["name"]), name or number
    return None


def service_ports(manifests: Iterable[Manifest]) -> list[str]:
    """``web:http`` for each port of each Service of a set."""
    return [
        f"{manifest['metadata']['name']}:{one.get('name') or one.get('port')}"
        for manifest in manifests
        if manifest.get("kind") == "Service"
        for one in (manifest.get("spec") or {}).get("ports") or ()
    ]
