"""Rules for HorizontalPodAutoscaler and PodDisruptionBudget: how many pods there may be, and must stay."""

from __future__ import annotations

import re
from typing import Any

from deployer.manifests.policy import (
    AUTOSCALER_SPEC,
    BUDGET_SPEC,
    MOST_REPLICAS,
    OWN_PREFIX,
    Findings,
    check_label_value,
    is_count,
)
from deployer.messages import message as _

_SHARE = re.compile(r"(?:100|[0-9]{1,2})%", re.ASCII)


def check_autoscaler(value: Any, findings: Findings) -> None:
    """Known fields, and bounds that are whole numbers; what it scales is a reference."""
    spec = findings.mapping(value, ".spec")
    findings.only(spec, AUTOSCALER_SPEC, ".spec")
    target = findings.mapping(spec.get("scaleTargetRef"), ".spec.scaleTargetRef")
    findings.only(target, frozenset({"apiVersion", "kind", "name"}), ".spec.scaleTargetRef")
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if not is_count(least, 1, MOST_REPLICAS) or not is_count(most, 1, MOST_REPLICAS) or least > most:
        findings.add(".spec.maxReplicas", _("minReplicas is at least 1 and not above maxReplicas."))


def check_disruption_budget(value: Any, findings: Findings) -> None:
    """Exactly one of the two bounds; the platform sets the selector where there is none."""
    spec = findings.mapping(value, ".spec")
    findings.only(spec, BUDGET_SPEC, ".spec")
    given = [name for name in ("minAvailable", "maxUnavailable") if name in spec]
    if len(given) != 1:
        findings.add(".spec", _("A PodDisruptionBudget has either minAvailable or maxUnavailable."))
    for name in given:
        amount = spec[name]
        is_share = isinstance(amount, str) and _SHARE.fullmatch(amount)
        if not is_share and not is_count(amount, 0, MOST_REPLICAS):
            findings.add(f".spec.{name}", _("Write a number of pods, or a share of them such as 25%."))
    selector = findings.mapping(spec.get("selector"), ".spec.selector")
    findings.only(selector, frozenset({"matchLabels"}), ".spec.selector")
    check_selected(selector.get("matchLabels"), ".spec.selector.matchLabels", findings)


def check_selected(value: Any, path: str, findings: Findings) -> None:
    """Labels by which pods are found: none that changes with the order."""
    for name, text in findings.mapping(value, path).items():
        if name.startswith(OWN_PREFIX) or name == "app.kubernetes.io/version":
            findings.add(f"{path}.{name}", _("A selector must not hold a label that changes with the order."))
        else:
            check_label_value(text, f"{path}.{name}", findings)
