"""ResourceQuota: what pods use, what is left, and the refusal when a new one does not fit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.errors import forbidden
from sandbox.kubernetes.kinds import KINDS, POD, RESOURCE_QUOTA, Kind
from sandbox.kubernetes.quantities import canonical, like, parse
from sandbox.kubernetes.storage import Store

Obj = dict[str, Any]

MOST_PODS = 5000

_POD_RESOURCES = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    "ephemeral-storage": ("requests", "ephemeral-storage"),
    "requests.cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "requests.ephemeral-storage": ("requests", "ephemeral-storage"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
    "limits.ephemeral-storage": ("limits", "ephemeral-storage"),
}
_MUST_BE_GIVEN = {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
_COUNT_NAMES = {kind.plural: kind for kind in KINDS if not kind.group} | {
    f"count/{kind.resource}": kind for kind in KINDS
}


def pod_amount(pod: Obj, part: str, name: str) -> Decimal:
    """What a pod asks for: containers and sidecars together, or one init container beside the sidecars before it."""
    spec = pod["spec"]

    def amount(container: Obj) -> Decimal:
        return parse(((container.get("resources") or {}).get(part) or {}).get(name, "0"))

    together = sum((amount(container) for container in spec.get("containers") or []), Decimal(0))
    sidecars = before = Decimal(0)
    for container in spec.get("initContainers") or []:
        is_sidecar = container.get("restartPolicy") == "Always"
        before = max(before, sidecars + amount(container))
        sidecars += amount(container) if is_sidecar else 0
    most = max(together + sidecars, before)
    overhead = parse((spec.get("overhead") or {}).get(name, "0"))
    return most + overhead if part == "requests" or most else most


def is_counted(pod: Obj) -> bool:
    """Finished pods use nothing; leaving ones count until their grace period has passed."""
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return False
    leaving = pod["metadata"].get("deletionTimestamp")
    return leaving is None or clock.seconds_since(leaving) < (pod["metadata"].get("deletionGracePeriodSeconds") or 0)


def _is_in_scope(quota: Obj, pod: Obj) -> bool:
    has_deadline = pod["spec"].get("activeDeadlineSeconds") is not None
    is_best_effort = pod.get("status", {}).get("qosClass") == "BestEffort"
    tests: dict[str, Callable[[], bool]] = {
        "Terminating": lambda: has_deadline,
        "NotTerminating": lambda: not has_deadline,
        "BestEffort": lambda: is_best_effort,
        "NotBestEffort": lambda: not is_best_effort,
    }
    spec = quota["spec"]
    terms = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or []]
    terms += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return all(
        _is_of_class(term, pod) if term["scopeName"] == "PriorityClass" else _holds(tests, term) for term in terms
    )


def _holds(tests: dict[str, Callable[[], bool]], term: Obj) -> bool:
    return tests.get(term["scopeName"], lambda: False)()


def _is_of_class(term: Obj, pod: Obj) -> bool:
    name, values = pod["spec"].get("priorityClassName"), term.get("values") or []
    return {
        "In": name in values,
        "NotIn": name not in values,
        "Exists": bool(name),
        "DoesNotExist": not name,
    }[term["operator"]]


def _pod_usage(pod: Obj, resource: str) -> Decimal | None:
    if resource in ("pods", "count/pods"):
        return Decimal(1)
    if resource in _POD_RESOURCES:
        return pod_amount(pod, *_POD_RESOURCES[resource])
    return None


def _used(store: Store, quota: Obj, resource: str) -> Decimal:
    namespace = quota["metadata"]["namespace"]
    if resource in ("pods", "count/pods") or resource in _POD_RESOURCES:
        pods = (pod for pod in store.each(POD, namespace) if is_counted(pod) and _is_in_scope(quota, pod))
        return sum((_pod_usage(pod, resource) or Decimal(0) for pod in pods), Decimal(0))
    kind = _COUNT_NAMES.get(resource)
    return Decimal(len(store.all(kind, namespace))) if kind else Decimal(0)


def status_of(store: Store, quota: Obj) -> Obj:
    """``{"hard": …, "used": …}`` as of now."""
    hard = quota["spec"].get("hard") or {}
    used = {resource: like(_used(store, quota, resource), value) for resource, value in hard.items()}
    return {"hard": {resource: canonical(value) for resource, value in hard.items()}, "used": used}


def admit(store: Store, kind: Kind, namespace: str, obj: Obj) -> None:
    """Raise the 403 when a new object does not fit into a quota of its namespace, or a pod not into the stand-in."""
    if kind is POD and store.count(POD) >= MOST_PODS:
        raise forbidden(
            kind, obj["metadata"]["name"], f"exceeded capacity: the stand-in holds at most {MOST_PODS} pods"
        )
    for quota in store.all(RESOURCE_QUOTA, namespace):
        if kind is POD and not _is_in_scope(quota, obj):
            continue
        refusal = _refusal(store, quota, kind, obj)
        if refusal:
            raise forbidden(kind, obj["metadata"]["name"], refusal)


def _refusal(store: Store, quota: Obj, kind: Kind, obj: Obj) -> str:
    name = quota["metadata"]["name"]
    hard: dict[str, str] = quota["spec"].get("hard") or {}
    if kind is POD:
        missing = _missing(hard, obj)
        if missing:
            return f"failed quota: {name}: must specify {missing}"
    over: list[tuple[str, str, str, str]] = []
    for resource, limit in sorted(hard.items()):
        asked = _asked(kind, obj, resource)
        if not asked:
            continue
        used = _used(store, quota, resource)
        if used + asked > parse(limit):
            over.append((resource, like(asked, limit), like(used, limit), canonical(limit)))
    if not over:
        return ""
    lists = [",".join(f"{line[0]}={line[column]}" for line in over) for column in (1, 2, 3)]
    return f"exceeded quota: {name}, requested: {lists[0]}, used: {lists[1]}, limited: {lists[2]}"


def _asked(kind: Kind, obj: Obj, resource: str) -> Decimal | None:
    if kind is POD:
        return _pod_usage(obj, resource)
    return Decimal(1) if _COUNT_NAMES.get(resource) is kind else None


def _missing(hard: dict[str, str], pod: Obj) -> str:
    parts: list[str] = []
    for resource in sorted(set(hard) & _MUST_BE_GIVEN):
        part, name = _POD_RESOURCES[resource]
        without = [
            container["name"]
            for container in [*(pod["spec"].get("containers") or []), *(pod["spec"].get("initContainers") or [])]
            if name not in ((container.get("resources") or {}).get(part) or {})
        ]
        if without:
            parts.append(f"{resource} for: {','.join(sorted(without))}")
    return "; ".join(parts)
