"""Whether rendered manifests stay inside what a component may do; nothing is sent that did not pass here."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from deployer.errors import Problem
from deployer.interfaces import Manifest
from deployer.manifests import network, scaling, storage, workload
from deployer.manifests.api import check_shape
from deployer.manifests.pod import check_annotations
from deployer.manifests.policy import (
    CONFIG_KEY,
    DNS_LABEL,
    DNS_NAME,
    KINDS,
    LABEL_NAME,
    METADATA,
    OWN_LABELS,
    OWN_PREFIX,
    SERVICE_NAME,
    Findings,
    Policy,
    check_label_value,
    filled_by_nobody,
    unfilled,
)
from deployer.manifests.reasons import WHY_NOT_KIND
from deployer.manifests.references import check_references
from deployer.manifests.replicas import check_scaling
from deployer.manifests.rule import check_rule
from deployer.manifests.tidy import tidy
from deployer.messages import Message
from deployer.messages import message as _

_TOP = {
    "ConfigMap": frozenset({"apiVersion", "kind", "metadata", "data", "binaryData"}),
}
_TOP_WITH_SPEC = frozenset({"apiVersion", "kind", "metadata", "spec"})
_CONFIG_MAP_LIMIT = 1024 * 1024
# A hash and a dash are added to a ConfigMap's name.
_CONFIG_MAP_NAME = 253 - 9


def check(manifests: Sequence[Manifest], policy: Policy, *, is_whole: bool = True) -> tuple[Problem, ...]:
    """Everything that is wrong, in order; () when the manifests may be prepared and applied. Never raises on data.

    ``is_whole``: False for a part of a set, whose references may lead into the rest of it.
    """
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    usable: list[Manifest] = []
    manifests = tidy(manifests)
    for index, manifest in enumerate(manifests, start=1):
        findings = Findings(_where(manifest, index))
        if _check_head(manifest, policy, findings, seen):
            usable.append(manifest)
        problems += findings.problems
    if is_whole:
        problems += _check_set(usable)
    if policy.scaling is not None:
        problems += check_rule(usable)
    for manifest in usable:
        findings = Findings(_where(manifest, 0))
        _check_body(manifest, usable, policy, findings)
        check_shape(manifest, findings)
        if is_whole:
            check_references(manifest, usable, policy, findings)
        problems += findings.problems
    return tuple(problems)


def _where(manifest: Any, index: int) -> str:
    if isinstance(manifest, dict) and isinstance(manifest.get("metadata"), dict):
        kind, name = manifest.get("kind"), manifest["metadata"].get("name")
        if isinstance(kind, str) and isinstance(name, str):
            return f"{kind}/{name}"
    return f"object {index}"


def _check_head(manifest: Any, policy: Policy, findings: Findings, seen: set[tuple[str, str]]) -> bool:
    """Kind, version, metadata; False when there is no point in looking further."""
    if not isinstance(manifest, dict):
        findings.add("", _("This is not a Kubernetes object."))
        return False
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if kind is None:
        findings.add(".kind", _("This is not a Kubernetes object: it has no kind and apiVersion."))
        return False
    if not isinstance(kind, str) or kind not in KINDS:
        findings.add(".kind", _why_not_kind(kind))
        return False
    if version != KINDS[kind]:
        findings.add(".apiVersion", _("A %(kind)s must have apiVersion %(version)s.", kind=kind, version=KINDS[kind]))
        return False
    findings.only(manifest, _TOP.get(kind, _TOP_WITH_SPEC), "")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict):
        findings.add(".metadata", _("An object needs metadata with a name."))
        return False
    findings.only(metadata, METADATA, ".metadata")
    name = metadata.get("name")
    if not _check_name(kind, name, policy, findings):
        return False
    if (kind, name) in seen:
        findings.add(".metadata.name", _("There are two objects %(kind)s/%(name)s.", kind=kind, name=name))
        return False
    seen.add((kind, str(name)))
    namespace = metadata.get("namespace")
    if isinstance(namespace, str) and (place := unfilled(namespace)):
        findings.add(".metadata.namespace", filled_by_nobody(place))
    elif namespace not in (None, policy.namespace):
        findings.add(
            ".metadata.namespace", _("Objects must stay in the namespace %(namespace)s.", namespace=policy.namespace)
        )
    check_labels(metadata.get("labels"), ".metadata.labels", findings)
    check_annotations(metadata.get("annotations"), ".metadata.annotations", policy, findings)
    return True


def _why_not_kind(kind: Any) -> Message:
    if reason := WHY_NOT_KIND.get(kind) if isinstance(kind, str) else None:
        return _(
            "The kind %(kind)s is not allowed; allowed are %(kinds)s. %(why)s",
            kind=kind,
            kinds=list(KINDS),
            why=reason,
        )
    return _("The kind %(kind)s is not allowed; allowed are %(kinds)s.", kind=kind, kinds=list(KINDS))


def _check_name(kind: str, name: Any, policy: Policy, findings: Findings) -> bool:
    if isinstance(name, str) and (place := unfilled(name)):
        findings.add(".metadata.name", filled_by_nobody(place))
        return False
    if kind == "Service" and (not isinstance(name, str) or not SERVICE_NAME.fullmatch(name)):
        findings.add(
            ".metadata.name",
            _(
                "The name of a Service is at most 63 lower-case letters, digits and hyphens,"
                " begins with a letter and does not end with a hyphen: not %(name)s.",
                name=name,
            ),
        )
        return False
    pattern = DNS_LABEL if kind == "Deployment" else DNS_NAME
    if not isinstance(name, str) or not pattern.fullmatch(name):
        findings.add(
            ".metadata.name", _("A name is lower-case letters, digits and hyphens, with no hyphen at either end.")
        )
        return False
    if kind == "ConfigMap" and len(name) > _CONFIG_MAP_NAME:
        findings.add(
            ".metadata.name",
            _("The name of a ConfigMap has at most %(most)s characters.", most=_CONFIG_MAP_NAME),
        )
        return False
    if not policy.owns_name(name):
        findings.add(
            ".metadata.name",
            _("The name must be %(component)s or begin with %(component)s-.", component=policy.component),
        )
        return False
    return True


def check_labels(value: Any, path: str, findings: Findings) -> None:
    """Labels are text of 63 characters; ours are ours to set."""
    for name, text in findings.mapping(value, path).items():
        if name.startswith(OWN_PREFIX):
            findings.add(f"{path}.{name}", _("Labels under %(prefix)s are set by the platform.", prefix=OWN_PREFIX))
        elif not LABEL_NAME.fullmatch(name):
            findings.add(
                f"{path}.{name}", _("The name of a label is not allowed: write for example tier or team/tier.")
            )
        elif name not in OWN_LABELS:
            check_label_value(text, f"{path}.{name}", findings)


def _check_set(manifests: Sequence[Manifest]) -> list[Problem]:
    workloads = sum(1 for manifest in manifests if manifest["kind"] == "Deployment")
    if workloads == 1:
        return check_scaling(manifests)
    return [
        Problem(
            "templates",
            _("The templates must make exactly one Deployment; they make %(count)s.", count=workloads),
        )
    ]


def _check_body(manifest: Manifest, manifests: Sequence[Manifest], policy: Policy, findings: Findings) -> None:
    spec = manifest.get("spec")
    match manifest["kind"]:
        case "ConfigMap":
            _check_config_map(manifest, findings)
        case "Service":
            network.check_service(spec, policy, findings)
        case "Deployment":
            is_scaled = any(other["kind"] == "HorizontalPodAutoscaler" for other in manifests)
            workload.check_deployment(spec, policy, findings, is_scaled=is_scaled)
        case "HorizontalPodAutoscaler":
            scaling.check_autoscaler(spec, findings)
        case "PodDisruptionBudget":
            scaling.check_disruption_budget(spec, findings)
        case "PersistentVolumeClaim":
            storage.check_claim(spec, manifest["metadata"]["name"], policy, findings)
        case "Ingress":
            network.check_ingress(spec, policy, findings)


def _check_config_map(manifest: Manifest, findings: Findings) -> None:
    size = 0
    for part in ("data", "binaryData"):
        for key, value in findings.mapping(manifest.get(part), f".{part}").items():
            if not CONFIG_KEY.fullmatch(key):
                findings.add(
                    f".{part}",
                    _("The key “%(key)s” may hold only letters, digits, hyphens, dots and underscores.", key=key[:80]),
                )
            if not isinstance(value, str):
                findings.add(f".{part}.{key}", _("A configuration value is text: put it in quotes."))
            else:
                size += len(key.encode()) + len(value.encode())
                if part == "binaryData" and not _is_base64(value):
                    findings.add(f".{part}.{key}", _("A value of binaryData is base64; text belongs under data."))
    for key in sorted(findings.mapping(manifest.get("data"), ".data").keys() & (manifest.get("binaryData") or {})):
        findings.add(f".binaryData.{key}", _("The key “%(key)s” is there twice.", key=key[:80]))
    if size > _CONFIG_MAP_LIMIT:
        findings.add(".data", _("A ConfigMap holds at most 1 MiB."))


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return False
    return True
