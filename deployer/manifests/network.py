"""Rules for Service and Ingress: who may be reached from outside, and under which host."""

from __future__ import annotations

from typing import Any

from deployer.manifests.findings import Findings, is_one_of
from deployer.manifests.policy import INGRESS_SPEC, LABEL_VALUE, OWN_PREFIX, SERVICE_SPEC, Policy
from deployer.sentences import say as _

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
                "A Service of type %(kind)s is not allowed; allowed are %(types)s.",
                kind=kind,
                types=sorted(policy.service_types),
            ),
        )
    if spec.get("clusterIP") not in (None, "None"):
        findings.add(
            ".spec.clusterIP", _("The cluster chooses the address of a Service; only None (headless) may be given.")
        )
    for name, text in findings.mapping(spec.get("selector"), ".spec.selector").items():
        if name.startswith(OWN_PREFIX) or name == "app.kubernetes.io/version":
            findings.add(
                f".spec.selector.{name}", _("A Service must not select by a label that changes with the order.")
            )
        elif not isinstance(text, str) or not LABEL_VALUE.fullmatch(text):
            findings.add(f".spec.selector.{name}", _("A label is text of at most 63 characters."))
    ports = list(findings.items(spec.get("ports"), ".spec.ports"))
    if not ports:
        findings.add(".spec.ports", _("A Service needs at least one port."))
    for path, port in ports:
        findings.only(port, _PORT_FIELDS, path)
        if not is_port(port.get("port")):
            findings.add(f"{path}.port", _("A port is a whole number from 1 to 65535."))
        if "nodePort" in port and not (is_port(port["nodePort"]) and port["nodePort"] in policy.node_ports):
            findings.add(
                f"{path}.nodePort",
                _("The node port %(port)s does not belong to this component.", port=port["nodePort"]),
            )


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
        elif not is_one_of(host, policy.ingress_hosts):
            findings.add(f"{path}.host", _("The host %(host)s does not belong to this component.", host=host))
        http = findings.mapping(rule.get("http"), f"{path}.http")
        for entry_path, entry in findings.items(http.get("paths"), f"{path}.http.paths"):
            _check_backend(entry.get("backend"), f"{entry_path}.backend", policy, findings)
    for path, block in findings.items(spec.get("tls"), ".spec.tls"):
        hosts = block.get("hosts")
        for host in hosts if isinstance(hosts, list) else ():
            if not is_one_of(host, policy.ingress_hosts):
                findings.add(f"{path}.hosts", _("The host %(host)s does not belong to this component.", host=host))
        if block.get("secretName") is not None and not is_one_of(block["secretName"], policy.secrets):
            findings.add(
                f"{path}.secretName",
                _("This component may not use the Secret %(name)s.", name=block["secretName"]),
            )


def _check_backend(value: Any, path: str, policy: Policy, findings: Findings) -> None:
    backend = findings.mapping(value, path)
    findings.only(backend, frozenset({"service"}), path)
    service = findings.mapping(backend.get("service"), f"{path}.service")
    name = service.get("name")
    if not isinstance(name, str) or not policy.owns_name(name):
        findings.add(f"{path}.service.name", _("An Ingress may lead only to the component's own Service."))


def is_port(value: Any) -> bool:
    """True for a whole number that is a TCP or UDP port."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65_535
