"""What metrics-server would tell of the pods: CPU that nobody uses, as their annotation says.

``prism4k.io/scenario-cpu: 900m`` on a pod: so much do all pods of its workload use together, shared by those that are
ready. The largest of the workload's pods counts, so that pods that are added take their share without the annotation.
``none``: the workload has no metrics. Without it every container uses a tenth of its request.
Shape: ``metrics.k8s.io/v1beta1`` PodMetrics.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.quantities import decimal_text, parse

Obj = dict[str, Any]

CPU_ANNOTATION = "prism4k.io/scenario-cpu"
VERSION = "metrics.k8s.io/v1beta1"
NONE = "none"
_IDLE = Decimal("0.1")
_MEMORY = "64Mi"
_WINDOW = "1s"


def pod_metrics(pods: Iterable[Obj]) -> list[Obj]:
    """PodMetrics of the running pods, as metrics-server lists them."""
    groups: dict[tuple[str, str], list[Obj]] = defaultdict(list)
    for pod in pods:
        groups[_workload(pod)].append(pod)
    return [made for group in groups.values() for made in _group_metrics(group)]


def _workload(pod: Obj) -> tuple[str, str]:
    meta = pod["metadata"]
    labels = meta.get("labels") or {}
    owners = meta.get("ownerReferences") or [{"uid": meta["uid"]}]
    return meta["namespace"], labels.get("app.kubernetes.io/instance") or labels.get("app") or owners[0]["uid"]


def _group_metrics(pods: list[Obj]) -> list[Obj]:
    said = [text for pod in pods if (text := (pod["metadata"].get("annotations") or {}).get(CPU_ANNOTATION))]
    if NONE in said:
        return []
    running = [pod for pod in pods if is_running(pod)]
    ready = [pod for pod in running if is_ready(pod)]
    together = max((parse(text) for text in said), default=None)
    share = None if together is None else together / max(1, len(ready))
    return [_metrics(pod, share) for pod in running]


def is_running(pod: Obj) -> bool:
    """True for a pod whose containers use anything."""
    return (pod.get("status") or {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")


def is_ready(pod: Obj) -> bool:
    """Its condition ``Ready``."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def cpu_request(container: Obj) -> Decimal | None:
    """In cores; the limit where there is no request, as the server fills it in; None without both."""
    resources = container.get("resources") or {}
    found = (resources.get("requests") or {}).get("cpu") or (resources.get("limits") or {}).get("cpu")
    return None if found is None else parse(found)


def _metrics(pod: Obj, share: Decimal | None) -> Obj:
    containers = pod["spec"]["containers"]
    used = [share if share is not None and index == 0 else _idle(one, share) for index, one in enumerate(containers)]
    meta = pod["metadata"]
    return {
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": meta.get("labels") or {},
            "creationTimestamp": clock.stamp(),
        },
        "timestamp": clock.stamp(),
        "window": _WINDOW,
        "containers": [
            {"name": one["name"], "usage": {"cpu": decimal_text(round(cpu, 3)), "memory": _MEMORY}}
            for one, cpu in zip(containers, used, strict=True)
        ],
    }


def _idle(container: Obj, share: Decimal | None) -> Decimal:
    """Beside a container that the scenario drives, the others use nothing."""
    return Decimal(0) if share is not None else (cpu_request(container) or Decimal(0)) * _IDLE


def cpu_of(metrics: Obj) -> Decimal:
    """All containers of one pod together, in cores."""
    return sum((parse(one["usage"]["cpu"]) for one in metrics["containers"]), Decimal(0))
