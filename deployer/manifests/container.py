"""Rules for one container: its image, amounts, ports, variables and checks."""

from __future__ import annotations

import re
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.images import DIGEST_REFERENCE, why_not_pulled
from deployer.manifests.network import check_port_name, check_twice, is_port
from deployer.manifests.policy import (
    CONTAINER,
    CONTAINER_SECURITY,
    DNS_LABEL,
    RESOURCE_NAMES,
    RESOURCES,
    Findings,
    Policy,
    filled_by_nobody,
    unfilled,
)
from deployer.manifests.references import listed
from deployer.manifests.secrets import check_secret
from deployer.manifests.security import check_security
from deployer.messages import message as _
from deployer.messages import message_of
from deployer.quantities import QuantityError, format_cpu, format_memory, parse_cpu, parse_memory

_PORT_FIELDS = frozenset({"name", "containerPort", "protocol"})
_PROBE_ACTIONS = ("httpGet", "tcpSocket", "exec", "grpc")
_PROBE_SECONDS = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold")
_PROBE = frozenset({*_PROBE_ACTIONS, *_PROBE_SECONDS, "terminationGracePeriodSeconds"})
_HOOK = frozenset({*_PROBE_ACTIONS, "sleep"})
_VARIABLE = re.compile(r"(?!\.\.)[-._a-zA-Z][-._a-zA-Z0-9]*", re.ASCII)
_SOURCES = frozenset({"configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"})


def check_container(container: Manifest, path: str, policy: Policy, findings: Findings, *, is_own: bool) -> None:
    """One container or init container; ``is_own``: the component's own, which must be as the allocation says."""
    findings.only(container, CONTAINER, path)
    name = container.get("name")
    if not isinstance(name, str) or not DNS_LABEL.fullmatch(name):
        findings.add(f"{path}.name", _("A container needs a name of lower-case letters, digits and hyphens."))
    _check_image(container.get("image"), f"{path}.image", policy, findings, is_own=is_own)
    check_security(container.get("securityContext"), CONTAINER_SECURITY, f"{path}.securityContext", findings)
    _check_resources(container.get("resources"), f"{path}.resources", policy, findings, is_own=is_own)
    _check_ports(container, path, findings)
    _check_run(container, path, findings)
    _check_environment(container, path, policy, findings)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        _check_probe(container.get(probe), _PROBE, f"{path}.{probe}", findings)
    lifecycle = findings.mapping(container.get("lifecycle"), f"{path}.lifecycle")
    findings.only(lifecycle, frozenset({"preStop", "postStart"}), f"{path}.lifecycle")
    for hook in lifecycle:
        _check_probe(lifecycle[hook], _HOOK, f"{path}.lifecycle.{hook}", findings)


def _check_ports(container: Manifest, path: str, findings: Findings) -> None:
    for port_path, port in findings.items(container.get("ports"), f"{path}.ports"):
        findings.only(port, _PORT_FIELDS, port_path)
        if not is_port(port.get("containerPort")):
            findings.add(f"{port_path}.containerPort", _("A port is a whole number from 1 to 65535."))
        if "name" in port:
            check_port_name(port["name"], f"{port_path}.name", findings)
    check_twice(container.get("ports"), ("name",), f"{path}.ports", findings)
    check_twice(container.get("ports"), ("containerPort", "protocol"), f"{path}.ports", findings)
    check_twice(container.get("volumeMounts"), ("mountPath",), f"{path}.volumeMounts", findings)


def _check_run(container: Manifest, path: str, findings: Findings) -> None:
    """How long it runs: as the pod, which is always restarted, or once, before the others."""
    is_init = ".initContainers[" in path
    policy = container.get("restartPolicy")
    if policy is not None and not (is_init and policy == "Always"):
        findings.add(
            f"{path}.restartPolicy",
            _("Only an init container may have a restartPolicy, Always: it then runs beside the others."),
        )
    if is_init and policy != "Always":
        for name in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
            if name in container:
                findings.add(
                    f"{path}.{name}",
                    _(
                        "An init container runs once and then ends: there is nothing to check. Leave %(name)s out.",
                        name=name,
                    ),
                )


def _check_image(image: Any, path: str, policy: Policy, findings: Findings, *, is_own: bool) -> None:
    if is_own:
        if image != policy.image or not DIGEST_REFERENCE.fullmatch(policy.image):
            findings.add(
                path, _("The component's container must run the image of the order, by its digest: write {{ image }}.")
            )
    elif isinstance(image, str) and (place := unfilled(image)):
        findings.add(path, filled_by_nobody(place))
    elif said := why_not_pulled(image):
        findings.add(path, said)
    elif not policy.allows_image(str(image)):
        findings.add(
            path,
            _(
                "The image %(image)s is not from a registry that this component may use: %(registries)s.",
                image=image,
                registries=listed(policy.registries),
            ),
        )


# ---------------------------------------------------------------- amounts
def _check_resources(value: Any, path: str, policy: Policy, findings: Findings, *, is_own: bool) -> None:
    resources = findings.mapping(value, path)
    findings.only(resources, RESOURCES, path)
    amounts: dict[tuple[str, str], int] = {}
    for part in ("requests", "limits"):
        listed_amounts = findings.mapping(resources.get(part), f"{path}.{part}")
        findings.only(listed_amounts, RESOURCE_NAMES, f"{path}.{part}")
        for name, text in listed_amounts.items():
            try:
                amounts[part, name] = parse_cpu(text) if name == "cpu" else parse_memory(text)
            except QuantityError as exc:
                findings.add(f"{path}.{part}.{name}", message_of(exc))
        for name in ("cpu", "memory"):
            if is_own and name not in listed_amounts:
                findings.add(
                    f"{path}.{part}.{name}",
                    _("The component's container needs %(part)s of %(name)s.", part=part, name=name),
                )
    _check_amounts(amounts, path, findings, is_own=is_own)
    if is_own and policy.allocation is not None:
        _check_allocation(amounts, path, policy, findings)


def _check_amounts(amounts: dict[tuple[str, str], int], path: str, findings: Findings, *, is_own: bool) -> None:
    for (part, name), amount in amounts.items():
        if amount == 0 and part == "limits":
            findings.add(f"{path}.limits.{name}", _("A limit of 0 is no limit: write more than 0."))
        elif amount == 0 and is_own:
            findings.add(
                f"{path}.requests.{name}", _("The component's container needs more than 0 of %(name)s.", name=name)
            )
    for name in RESOURCE_NAMES:
        request, limit = amounts.get(("requests", name)), amounts.get(("limits", name))
        if request is not None and limit is not None and request > limit:
            findings.add(f"{path}.requests.{name}", _("The request of %(name)s is above its limit.", name=name))


def _check_allocation(amounts: dict[tuple[str, str], int], path: str, policy: Policy, findings: Findings) -> None:
    """What was granted is what runs: an amount written into the template would go round the allocation."""
    assert policy.allocation is not None
    for name, show in (("cpu", format_cpu), ("memory", format_memory)):
        for part in ("requests", "limits"):
            found, wanted = amounts.get((part, name)), policy.allocation.of(part, name)
            if found is not None and found != wanted:
                findings.add(
                    f"{path}.{part}.{name}",
                    _(
                        "The allocation has %(wanted)s of %(name)s, the manifest %(found)s:"
                        " write {{ resources.%(value)s }}, or have the allocation changed.",
                        wanted=show(wanted),
                        name=name,
                        found=show(found),
                        value=f"{name}_{part.removesuffix('s')}",
                    ),
                )


# ---------------------------------------------------------------- variables and checks
def _check_environment(container: Manifest, path: str, policy: Policy, findings: Findings) -> None:
    for variable_path, variable in findings.items(container.get("env"), f"{path}.env"):
        _check_variable(variable, variable_path, policy, findings)
    for source_path, source in findings.items(container.get("envFrom"), f"{path}.envFrom"):
        findings.only(source, frozenset({"prefix", "configMapRef", "secretRef"}), source_path)
        if "secretRef" in source:
            reference = findings.mapping(source["secretRef"], f"{source_path}.secretRef")
            check_secret(reference.get("name"), f"{source_path}.secretRef", policy, findings)


def _check_variable(variable: Manifest, path: str, policy: Policy, findings: Findings) -> None:
    findings.only(variable, frozenset({"name", "value", "valueFrom"}), path)
    name = variable.get("name")
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        findings.add(f"{path}.name", _("A variable is letters, digits, _ . and -, and does not begin with a digit."))
    if not isinstance(variable.get("value", ""), str):
        findings.add(f"{path}.value", _("The value of an environment variable is text: put it in quotes."))
    if "valueFrom" in variable and variable.get("value"):
        findings.add(path, _("A variable has either value or valueFrom."))
    source = findings.mapping(variable.get("valueFrom"), f"{path}.valueFrom")
    findings.only(source, _SOURCES, f"{path}.valueFrom")
    if "secretKeyRef" in source:
        reference = findings.mapping(source["secretKeyRef"], f"{path}.valueFrom.secretKeyRef")
        check_secret(reference.get("name"), f"{path}.valueFrom.secretKeyRef", policy, findings)


def _check_probe(value: Any, allowed: frozenset[str], path: str, findings: Findings) -> None:
    """A probe asks its own pod: with a host it would have the node ask somebody else."""
    probe = findings.mapping(value, path)
    findings.only(probe, allowed, path)
    for name in _PROBE_SECONDS:
        findings.whole(probe, name, path)
    if path.endswith(".readinessProbe") and "terminationGracePeriodSeconds" in probe:
        findings.add(f"{path}.terminationGracePeriodSeconds", _("A readiness check ends no container: leave it out."))
    for action in _PROBE_ACTIONS:
        asked = findings.mapping(probe.get(action), f"{path}.{action}")
        if asked.get("host") is not None:
            findings.add(f"{path}.{action}.host", _("A health check may ask only its own pod: leave host out."))
        port = asked.get("port")
        if isinstance(port, str):
            check_port_name(port, f"{path}.{action}.port", findings)
        elif action != "exec" and action in probe and not is_port(port):
            findings.add(f"{path}.{action}.port", _("A port is a whole number from 1 to 65535."))
