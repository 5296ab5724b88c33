"""Rules for the Deployment itself: its replicas, its strategy, its selector; its pod is in ``pod``."""

from __future__ import annotations

from typing import Any

from deployer.manifests.pod import check_annotations, check_pod
from deployer.manifests.policy import (
    DEPLOYMENT_SPEC,
    LABEL_NAME,
    MOST_REPLICAS,
    OWN_LABELS,
    OWN_PREFIX,
    TEMPLATE_METADATA,
    Findings,
    Policy,
    check_label_value,
    is_count,
)
from deployer.messages import message as _
from deployer.messages import message_of
from deployer.quantities import QuantityError, rolling_plan

_DEADLINE_SECONDS = 600
"""The server's default."""
_CHANGES_WITH_ORDERS = ("app.kubernetes.io/version", OWN_PREFIX)


def check_deployment(value: Any, policy: Policy, findings: Findings, *, is_scaled: bool) -> None:
    """The spec of the workload: known fields, a selector that never changes, a strategy that counts, its pod.

    ``is_scaled``: an autoscaler of the same set owns the number of replicas.
    """
    spec = findings.mapping(value, ".spec")
    findings.only(spec, DEPLOYMENT_SPEC, ".spec")
    _check_replicas(spec, policy, findings, is_scaled=is_scaled)
    _check_strategy(spec, findings)
    _check_seconds(spec, findings)
    template = findings.mapping(spec.get("template"), ".spec.template")
    findings.only(template, frozenset({"metadata", "spec"}), ".spec.template")
    metadata = findings.mapping(template.get("metadata"), ".spec.template.metadata")
    findings.only(metadata, TEMPLATE_METADATA, ".spec.template.metadata")
    labels = findings.mapping(metadata.get("labels"), ".spec.template.metadata.labels")
    _check_template_labels(labels, findings)
    _check_selector(spec.get("selector"), labels, findings)
    check_annotations(metadata.get("annotations"), ".spec.template.metadata.annotations", policy, findings)
    check_pod(template.get("spec"), policy, findings)


def _check_seconds(spec: dict[str, Any], findings: Findings) -> None:
    for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        findings.whole(spec, name, ".spec", least=1 if name == "progressDeadlineSeconds" else 0)
    ready, deadline = spec.get("minReadySeconds", 0), spec.get("progressDeadlineSeconds", _DEADLINE_SECONDS)
    if is_count(ready, 1, 86_400) and is_count(deadline, 1, 86_400) and ready >= deadline:
        findings.add(
            ".spec.minReadySeconds",
            _(
                "A pod is to be ready for %(ready)s seconds, but the rollout fails after %(deadline)s: allow it more.",
                ready=ready,
                deadline=deadline,
            ),
        )


def _check_replicas(spec: dict[str, Any], policy: Policy, findings: Findings, *, is_scaled: bool) -> None:
    if policy.scaling is not None:
        return  # the rule's autoscaler has the number: what the template says is left out
    if is_scaled:
        if "replicas" in spec:
            findings.add(
                ".spec.replicas",
                _("The autoscaler beside it sets the number of replicas; both would undo each other: leave it out."),
            )
        return
    replicas = spec.get("replicas", 1)
    if not is_count(replicas, 0, MOST_REPLICAS):
        findings.add(
            ".spec.replicas", _("The number of replicas is a whole number from 0 to %(most)s.", most=MOST_REPLICAS)
        )
    elif policy.allocation and replicas != policy.allocation.replicas:
        findings.add(
            ".spec.replicas",
            _(
                "The allocation has %(wanted)s replicas, the manifest %(found)s: write {{ replicas }},"
                " or have the allocation changed.",
                wanted=policy.allocation.replicas,
                found=replicas,
            ),
        )


def _check_strategy(spec: dict[str, Any], findings: Findings) -> None:
    path = ".spec.strategy"
    strategy = findings.mapping(spec.get("strategy"), path)
    findings.only(strategy, frozenset({"type", "rollingUpdate"}), path)
    kind = strategy.get("type", "RollingUpdate")
    if kind not in ("RollingUpdate", "Recreate"):
        findings.add(f"{path}.type", _("The strategy is RollingUpdate or Recreate."))
        return
    rolling = findings.mapping(strategy.get("rollingUpdate"), f"{path}.rollingUpdate")
    findings.only(rolling, frozenset({"maxSurge", "maxUnavailable"}), f"{path}.rollingUpdate")
    if kind == "Recreate":
        if rolling:
            findings.add(f"{path}.rollingUpdate", _("Recreate stops all pods at once: leave rollingUpdate out."))
        return
    try:
        rolling_plan(1, strategy)
    except (QuantityError, AttributeError, TypeError) as exc:
        findings.add(f"{path}.rollingUpdate", _("The strategy cannot be read: %(why)s", why=message_of(exc)))
    unavailable = rolling.get("maxUnavailable")
    if isinstance(unavailable, str) and unavailable[:-1].isdecimal() and int(unavailable[:-1]) > 100:
        findings.add(f"{path}.rollingUpdate.maxUnavailable", _("No more pods can be unavailable than there are."))
    if all(rolling.get(name) in (0, "0%") for name in ("maxSurge", "maxUnavailable")):
        findings.add(f"{path}.rollingUpdate", _("With no pod more and none less nothing could be replaced."))


def _check_template_labels(labels: dict[str, Any], findings: Findings) -> None:
    for name, text in labels.items():
        path = f".spec.template.metadata.labels.{name}"
        if name.startswith(OWN_PREFIX):
            findings.add(path, _("Labels under %(prefix)s are set by the platform.", prefix=OWN_PREFIX))
        elif not LABEL_NAME.fullmatch(name):
            findings.add(path, _("The name of a label is not allowed: write for example tier or team/tier."))
        else:
            check_label_value(text, path, findings)


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
