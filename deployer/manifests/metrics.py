"""Whether an autoscaler of the templates can measure what it scales by: use is a share of what containers request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.api import METRICS
from deployer.manifests.policy import Findings
from deployer.messages import message as _

_AMOUNTS = {"Utilization": "averageUtilization", "Value": "value", "AverageValue": "averageValue"}
_DEFAULT = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
"""What the server takes for no metrics at all: 80 % of the requested CPU."""


def check_metrics(manifest: Manifest, pods: list[dict[str, Any]], findings: Findings) -> None:
    """``pods``: specs of the set's workload. Never raises on data: shapes are judged elsewhere."""
    given = _mapping(manifest.get("spec")).get("metrics")
    for index, metric in enumerate(given if isinstance(given, list) and given else [_DEFAULT]):
        path = f".spec.metrics[{index}]" if given else ".spec.metrics"
        kind = _mapping(metric).get("type")
        field = METRICS.get(str(kind), "")
        if field and field not in _mapping(metric):
            findings.add(path, _("A metric of type %(type)s is described under %(field)s.", type=kind, field=field))
        for pod in pods:
            _check_metric(field, _mapping(_mapping(metric).get(field)), pod, path, findings)


def _check_metric(field: str, said: dict[str, Any], pod: dict[str, Any], path: str, findings: Findings) -> None:
    target = _mapping(said.get("target"))
    kind = target.get("type")
    amount = _AMOUNTS.get(str(kind), "")
    if amount and amount not in target:
        findings.add(f"{path}.{field}.target.{amount}", _("The field %(name)s is missing here.", name=amount))
    if field not in ("resource", "containerResource"):
        return
    lasting = list(_lasting(pod))
    if field == "containerResource":
        wanted = said.get("container")
        lasting = [one for one in lasting if one.get("name") == wanted]
        if not lasting:
            findings.add(
                f"{path}.containerResource.container",
                _("The autoscaler measures the container %(name)s, which the pod does not have.", name=wanted),
            )
    if kind != "Utilization":
        return
    for container in lasting:
        resources = _mapping(container.get("resources"))
        # Without a request the server takes the limit for it.
        if not any(str(said.get("name")) in _mapping(resources.get(part)) for part in ("requests", "limits")):
            findings.add(
                path,
                _(
                    "The container %(name)s requests no %(resource)s: the autoscaler cannot tell how much is used, and "
                    "never scales. Give it one.",
                    name=container.get("name"),
                    resource=said.get("name"),
                ),
            )


def _lasting(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Containers that run as long as the pod."""
    for part in ("containers", "initContainers"):
        listed = pod.get(part)
        for container in listed if isinstance(listed, list) else ():
            if part == "containers" or _mapping(container).get("restartPolicy") == "Always":
                yield _mapping(container)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
