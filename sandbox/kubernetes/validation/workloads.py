"""Deployments."""

from __future__ import annotations

import re
from typing import Any

from sandbox.kubernetes.errors import Cause, Obj
from sandbox.kubernetes.selectors import matches_labels
from sandbox.kubernetes.validation.causes import not_allowed, not_negative, required, unsupported, wrong
from sandbox.kubernetes.validation.metadata import annotation_causes, label_causes
from sandbox.kubernetes.validation.pods import pod_spec_causes

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
