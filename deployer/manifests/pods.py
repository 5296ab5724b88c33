"""Rules for a pod: what keeps it inside its space, and what the component's container must have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.findings import Findings, is_one_of
from deployer.manifests.policy import (
    CONTAINER,
    CONTAINER_SECURITY,
    DIGEST_REFERENCE,
    DNS_LABEL,
    POD_SECURITY,
    POD_SPEC,
    PROJECTED,
    RESOURCE_NAMES,
    RESOURCES,
    VOLUMES,
    Policy,
)
from deployer.manifests.prepare import config_map_references
from deployer.quantities import QuantityError, parse_cpu, parse_memory
from deployer.sentences import said_by
from deployer.sentences import say as _

_BASE = ".spec.template.spec"
_PORT_FIELDS = frozenset({"name", "containerPort", "protocol"})
_PROBE_ACTIONS = ("httpGet", "tcpSocket", "exec", "grpc")


def check_template_annotations(value: Any, policy: Policy, findings: Findings) -> None:
    """Annotations on pods start side-car injectors and choose security profiles: only known ones."""
    path = ".spec.template.metadata.annotations"
    for name, text in findings.mapping(value, path).items():
        if not isinstance(text, str):
            findings.add(f"{path}.{name}", _("An annotation is text: put it in quotes."))
        elif "/" in name and not name.startswith(policy.annotation_prefixes):
            findings.add(f"{path}.{name}", _("The annotation %(name)s is not allowed.", name=name))


def check_pod(value: Any, policy: Policy, findings: Findings) -> None:
    """The pod spec of the workload."""
    pod = findings.mapping(value, _BASE)
    findings.only(pod, POD_SPEC, _BASE)
    if pod.get("restartPolicy", "Always") != "Always":
        findings.add(
            f"{_BASE}.restartPolicy", _("The pods of a Deployment are always restarted: leave restartPolicy out.")
        )
    account = pod.get("serviceAccountName")
    if account is not None and not is_one_of(account, policy.service_accounts):
        findings.add(
            f"{_BASE}.serviceAccountName",
            _("This component may not use the service account %(account)s.", account=account),
        )
    if pod.get("automountServiceAccountToken") not in (None, False):
        findings.add(f"{_BASE}.automountServiceAccountToken", _("A pod may not have a token for the cluster's API."))
    if pod.get("dnsPolicy") not in (None, "ClusterFirst", "None", "Default"):
        findings.add(f"{_BASE}.dnsPolicy", _("This DNS policy is for pods on the host's network."))
    _check_security(pod.get("securityContext"), POD_SECURITY, f"{_BASE}.securityContext", findings)
    for path, reference in findings.items(pod.get("imagePullSecrets"), f"{_BASE}.imagePullSecrets"):
        _check_secret(reference.get("name"), path, policy, findings)
    for path, volume in findings.items(pod.get("volumes"), f"{_BASE}.volumes"):
        _check_volume(volume, path, policy, findings)
    own = 0
    for path, container in _containers(pod, findings):
        is_own = path.startswith(f"{_BASE}.containers") and container.get("name") == policy.component
        own += is_own
        _check_container(container, path, policy, findings, is_own=is_own)
    if own != 1:
        findings.add(
            f"{_BASE}.containers",
            _(
                "There must be exactly one container named %(component)s: the component's own.",
                component=policy.component,
            ),
        )


def _containers(pod: Manifest, findings: Findings) -> Iterator[tuple[str, Manifest]]:
    yield from findings.items(pod.get("initContainers"), f"{_BASE}.initContainers")
    yield from findings.items(pod.get("containers"), f"{_BASE}.containers")


def _check_container(container: Manifest, path: str, policy: Policy, findings: Findings, *, is_own: bool) -> None:
    findings.only(container, CONTAINER, path)
    name = container.get("name")
    if not isinstance(name, str) or not DNS_LABEL.fullmatch(name):
        findings.add(f"{path}.name", _("A container needs a name of lower-case letters, digits and hyphens."))
    _check_image(container.get("image"), f"{path}.image", policy, findings, is_own=is_own)
    _check_security(container.get("securityContext"), CONTAINER_SECURITY, f"{path}.securityContext", findings)
    _check_resources(container.get("resources"), f"{path}.resources", findings, is_own=is_own)
    for port_path, port in findings.items(container.get("ports"), f"{path}.ports"):
        findings.only(port, _PORT_FIELDS, port_path)
    for variable_path, variable in findings.items(container.get("env"), f"{path}.env"):
        _check_variable(variable, variable_path, policy, findings)
    for source_path, source in findings.items(container.get("envFrom"), f"{path}.envFrom"):
        findings.only(source, frozenset({"prefix", "configMapRef", "secretRef"}), source_path)
        if "secretRef" in source:
            reference = findings.mapping(source["secretRef"], f"{source_path}.secretRef")
            _check_secret(reference.get("name"), f"{source_path}.secretRef", policy, findings)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        _check_probe(container.get(probe), f"{path}.{probe}", findings)
    lifecycle = findings.mapping(container.get("lifecycle"), f"{path}.lifecycle")
    for hook in lifecycle:
        _check_probe(lifecycle[hook], f"{path}.lifecycle.{hook}", findings)


def _check_image(image: Any, path: str, policy: Policy, findings: Findings, *, is_own: bool) -> None:
    if is_own:
        if image != policy.image or not DIGEST_REFERENCE.fullmatch(policy.image):
            findings.add(
                path, _("The component's container must run the image of the order, by its digest: write {{ image }}.")
            )
    elif not isinstance(image, str) or not policy.allows_image(image):
        findings.add(path, _("The image %(image)s is not from a registry that this component may use.", image=image))


def _check_security(value: Any, allowed: frozenset[str], path: str, findings: Findings) -> None:
    context = findings.mapping(value, path)
    findings.only(context, allowed, path)
    for name in ("privileged", "allowPrivilegeEscalation"):
        if context.get(name) not in (None, False):
            findings.add(f"{path}.{name}", _("A container may not gain rights on its node."))
    if context.get("runAsNonRoot") is False or context.get("runAsUser") == 0:
        findings.add(path, _("A container may not ask to run as root."))
    capabilities = findings.mapping(context.get("capabilities"), f"{path}.capabilities")
    findings.only(capabilities, frozenset({"drop"}), f"{path}.capabilities")
    profile = findings.mapping(context.get("seccompProfile"), f"{path}.seccompProfile")
    if profile.get("type", "RuntimeDefault") != "RuntimeDefault":
        findings.add(f"{path}.seccompProfile", _("Only the profile RuntimeDefault is allowed."))


def _check_resources(value: Any, path: str, findings: Findings, *, is_own: bool) -> None:
    resources = findings.mapping(value, path)
    findings.only(resources, RESOURCES, path)
    amounts: dict[tuple[str, str], int] = {}
    for part in ("requests", "limits"):
        listed = findings.mapping(resources.get(part), f"{path}.{part}")
        findings.only(listed, RESOURCE_NAMES, f"{path}.{part}")
        for name, text in listed.items():
            try:
                amounts[part, name] = parse_cpu(text) if name == "cpu" else parse_memory(text)
            except QuantityError as exc:
                findings.add(f"{path}.{part}.{name}", said_by(exc))
        for name in ("cpu", "memory"):
            if is_own and not amounts.get((part, name)) and name not in listed:
                findings.add(
                    f"{path}.{part}.{name}",
                    _("The component's container needs %(part)s of %(name)s.", part=part, name=name),
                )
    for name in RESOURCE_NAMES:
        request, limit = amounts.get(("requests", name)), amounts.get(("limits", name))
        if request is not None and limit is not None and request > limit:
            findings.add(f"{path}.requests.{name}", _("The request of %(name)s is above its limit.", name=name))


def _check_variable(variable: Manifest, path: str, policy: Policy, findings: Findings) -> None:
    if not isinstance(variable.get("value", ""), str):
        findings.add(f"{path}.value", _("The value of an environment variable is text: put it in quotes."))
    source = findings.mapping(variable.get("valueFrom"), f"{path}.valueFrom")
    findings.only(
        source, frozenset({"configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"}), f"{path}.valueFrom"
    )
    if "secretKeyRef" in source:
        reference = findings.mapping(source["secretKeyRef"], f"{path}.valueFrom.secretKeyRef")
        _check_secret(reference.get("name"), f"{path}.valueFrom.secretKeyRef", policy, findings)


def _check_secret(name: Any, path: str, policy: Policy, findings: Findings) -> None:
    if not is_one_of(name, policy.secrets):
        findings.add(path, _("This component may not use the Secret %(name)s.", name=name))


def _check_volume(volume: Manifest, path: str, policy: Policy, findings: Findings) -> None:
    findings.only(volume, VOLUMES | {"name"}, path)
    if "secret" in volume:
        secret = findings.mapping(volume["secret"], f"{path}.secret")
        _check_secret(secret.get("secretName"), f"{path}.secret", policy, findings)
    if "persistentVolumeClaim" in volume:
        claim = findings.mapping(volume["persistentVolumeClaim"], f"{path}.persistentVolumeClaim").get("claimName")
        if not is_one_of(claim, policy.claims):
            findings.add(
                f"{path}.persistentVolumeClaim",
                _("This component may not use the volume claim %(claim)s.", claim=claim),
            )
    projected = findings.mapping(volume.get("projected"), f"{path}.projected")
    for source_path, source in findings.items(projected.get("sources"), f"{path}.projected.sources"):
        findings.only(source, PROJECTED, source_path)
        if "secret" in source:
            secret = findings.mapping(source["secret"], f"{source_path}.secret")
            _check_secret(secret.get("name"), f"{source_path}.secret", policy, findings)


def _check_probe(value: Any, path: str, findings: Findings) -> None:
    """A probe asks its own pod: with a host it would have the node ask somebody else."""
    probe = findings.mapping(value, path)
    for action in _PROBE_ACTIONS:
        if findings.mapping(probe.get(action), f"{path}.{action}").get("host") is not None:
            findings.add(f"{path}.{action}.host", _("A health check may ask only its own pod: leave host out."))


def check_config_maps(manifest: Manifest, known: set[str], findings: Findings) -> None:
    """Every ConfigMap that a pod reads must be part of the set, so that it is frozen with the snapshot."""
    try:
        pod = manifest["spec"]["template"]["spec"]
        names = [reference[key] for reference, key in config_map_references(pod)]
    except (KeyError, TypeError, AttributeError):
        return  # the shape is wrong, which was already said at its own path
    for name in names:
        if name not in known:
            findings.add(
                _BASE, _("The pod reads the ConfigMap %(name)s, which these templates do not make.", name=name)
            )
