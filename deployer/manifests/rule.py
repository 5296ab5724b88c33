"""A scaling rule as a HorizontalPodAutoscaler of the set, and what the templates must leave to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from deployer.errors import Problem
from deployer.interfaces import Manifest
from deployer.manifests.identity import find_workload
from deployer.manifests.policy import KINDS, Scaling
from deployer.manifests.replicas import AUTOSCALER, RULE_ANNOTATION
from deployer.messages import message as _

_POD = ".spec.template.spec"


def with_rule(manifests: Sequence[Manifest], rule: Scaling | None) -> tuple[Manifest, ...]:
    """Checked manifests with the rule's autoscaler, and without a number of replicas, which is the autoscaler's.

    Without a rule they are as they were.
    """
    if rule is None:
        return tuple(manifests)
    workload = find_workload(manifests)
    bare = {**workload, "spec": {name: value for name, value in workload["spec"].items() if name != "replicas"}}
    kept = [bare if manifest is workload else manifest for manifest in manifests]
    return (*kept, autoscaler_of(rule, str(workload["metadata"]["name"])))


def autoscaler_of(rule: Scaling, workload: str) -> Manifest:
    """The autoscaler of the Deployment of this name; steps and the rest are the server's defaults."""
    target = {"type": "Utilization", "averageUtilization": rule.cpu_percent}
    return {
        "apiVersion": KINDS[AUTOSCALER],
        "kind": AUTOSCALER,
        "metadata": {"name": workload, "annotations": {RULE_ANNOTATION: str(rule.version)}},
        "spec": {
            "scaleTargetRef": {"apiVersion": KINDS["Deployment"], "kind": "Deployment", "name": workload},
            "minReplicas": rule.minimum,
            "maxReplicas": rule.maximum,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": rule.scale_up_seconds},
                "scaleDown": {"stabilizationWindowSeconds": rule.scale_down_seconds},
            },
        },
    }


def check_rule(manifests: Sequence[Manifest]) -> Iterator[Problem]:
    """Why a rule cannot stand beside these manifests. Never raises on data: shapes are judged elsewhere."""
    for manifest in manifests:
        where = f"{manifest['kind']}/{manifest['metadata']['name']}"
        if manifest["kind"] == AUTOSCALER:
            yield Problem(
                where,
                _(
                    "There is a scaling rule here, and the templates make the autoscaler %(name)s for the same "
                    "Deployment: they would undo each other. Take the rule away, or %(name)s out of the template.",
                    name=manifest["metadata"]["name"],
                ),
            )
        elif manifest["kind"] == "Deployment":
            yield from _without_request(manifest, where)


def _without_request(manifest: Manifest, where: str) -> Iterator[Problem]:
    """Use is measured against the request of the whole pod: one container without it, and nothing is scaled."""
    pod = _mapping(_mapping(_mapping(manifest.get("spec")).get("template")).get("spec"))
    for part in ("containers", "initContainers"):
        listed = pod.get(part)
        for index, container in enumerate(listed if isinstance(listed, list) else ()):
            is_lasting = part == "containers" or _mapping(container).get("restartPolicy") == "Always"
            resources = _mapping(_mapping(container).get("resources"))
            # Without a request the server takes the limit for it.
            if is_lasting and not any("cpu" in _mapping(resources.get(one)) for one in ("requests", "limits")):
                yield Problem(
                    f"{where} {_POD}.{part}[{index}].resources.requests.cpu",
                    _(
                        "There is a scaling rule here, and the container %(name)s has no CPU request: the autoscaler "
                        "could not tell how much of it is used. Give it one.",
                        name=_mapping(container).get("name"),
                    ),
                )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
