"""Rules for the Deployment and its HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import Any

from deployer.manifests import pods
from deployer.manifests.findings import Findings, is_one_of
from deployer.manifests.policy import (
    AUTOSCALER_SPEC,
    DEPLOYMENT_SPEC,
    LABEL_VALUE,
    OWN_LABELS,
    OWN_PREFIX,
    TEMPLATE_METADATA,
    Policy,
)
from deployer.quantities import QuantityError, rolling_plan
from deployer.sentences import said_by
from deployer.sentences import say as _

_CHANGES_WITH_ORDERS = ("app.kubernetes.io/version", OWN_PREFIX)
_MOST_REPLICAS = 1000


def check_deployment(value: Any, policy: Policy, findings: Findings) -> None:
    """The spec of the workload: known fields, a selector that never changes, a strategy that counts, its pod."""
    spec = findings.mapping(value, ".spec")
    findings.only(spec, DEPLOYMENT_SPEC, ".spec")
    replicas = spec.get("replicas", 1)
    if not _is_count(replicas, _MOST_REPLICAS):
        findings.add(
            ".spec.replicas", _("The number of replicas is a whole number from 0 to %(most)s.", most=_MOST_REPLICAS)
        )
        replicas = 1
    strategy = findings.mapping(spec.get("strategy"), ".spec.strategy")
    if strategy.get("type", "RollingUpdate") not in ("RollingUpdate", "Recreate"):
        findings.add(".spec.strategy.type", _("The strategy is RollingUpdate or Recreate."))
    try:
        rolling_plan(replicas, strategy)
    except (QuantityError, AttributeError, TypeError) as exc:
        findings.add(".spec.strategy.rollingUpdate", _("The strategy cannot be read: %(why)s", why=said_by(exc)))
    for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        if name in spec and not _is_count(spec[name], 86_400):
            findings.add(f".spec.{name}", _("Write a whole number, 0 or more."))
    template = findings.mapping(spec.get("template"), ".spec.template")
    findings.only(template, frozenset({"metadata", "spec"}), ".spec.template")
    metadata = findings.mapping(template.get("metadata"), ".spec.template.metadata")
    findings.only(metadata, TEMPLATE_METADATA, ".spec.template.metadata")
    labels = findings.mapping(metadata.get("labels"), ".spec.template.metadata.labels")
    _check_template_labels(labels, findings)
    _check_selector(spec.get("selector"), labels, findings)
    pods.check_template_annotations(metadata.get("annotations"), policy, findings)
    pods.check_pod(template.get("spec"), policy, findings)


def _check_template_labels(labels: dict[str, Any], findings: Findings) -> None:
    for name, text in labels.items():
        path = f".spec.template.metadata.labels.{name}"
        if name.startswith(OWN_PREFIX):
            findings.add(path, _("Labels under %(prefix)s are set by the platform.", prefix=OWN_PREFIX))
        elif not isinstance(text, str) or not LABEL_VALUE.fullmatch(text):
            findings.add(path, _("A label is at most 63 letters, digits, hyphens, dots and underscores."))


def _check_selector(value: Any, labels: dict[str, Any], findings: Findings) -> None:
    """A selector is optional (the platform sets one); given, it must select its own pods for ever."""
    selector = findings.mapping(value, ".spec.selector")
    findings.only(selector, frozenset({"matchLabels"}), ".spec.selector")
    for name, text in findings.mapping(selector.get("matchLabels"), ".spec.selector.matchLabels").items():
        path = f".spec.selector.matchLabels.{name}"
        if name.startswith(_CHANGES_WITH_ORDERS):
            findings.add(
                path, _("A selector can never be changed, so it must not hold a label that changes with the order.")
            )
        elif name not in OWN_LABELS and labels.get(name) != text:
            findings.add(path, _("The pod template does not have this label, so the selector would find no pod."))


def check_autoscaler(value: Any, workloads: set[str], findings: Findings) -> None:
    """An autoscaler may scale only the workload beside it, within whole numbers."""
    spec = findings.mapping(value, ".spec")
    findings.only(spec, AUTOSCALER_SPEC, ".spec")
    target = findings.mapping(spec.get("scaleTargetRef"), ".spec.scaleTargetRef")
    if target.get("kind") != "Deployment" or not is_one_of(target.get("name"), workloads):
        findings.add(".spec.scaleTargetRef", _("An autoscaler may scale only the Deployment of these templates."))
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if not _is_count(least, _MOST_REPLICAS) or not _is_count(most, _MOST_REPLICAS) or not 1 <= least <= most:
        findings.add(".spec.maxReplicas", _("minReplicas is at least 1 and not above maxReplicas."))


def _is_count(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
