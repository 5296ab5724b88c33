"""LimitRanges: what a new pod is given where it asks for nothing, and the refusal of too much or too little."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sandbox.kubernetes.errors import forbidden
from sandbox.kubernetes.kinds import LIMIT_RANGE, POD
from sandbox.kubernetes.quantities import canonical, parse
from sandbox.kubernetes.storage import Store

Obj = dict[str, Any]


def fill_item(item: Obj) -> None:
    """Defaults of one limit: the greatest is the default limit, that the default request, else the least."""
    if item.get("type") != "Container":
        return
    default = {**(item.get("max") or {}), **(item.get("default") or {})}
    request = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
    item.update({name: value for name, value in (("default", default), ("defaultRequest", request)) if value})


def completed(store: Store, namespace: str, pod: Obj) -> Obj:
    """A copy of the pod with the default requests and limits of the namespace."""
    pod = copy.deepcopy(pod)
    for item in _items(store, namespace, "Container"):
        for container in _containers(pod):
            resources = container.setdefault("resources", {})
            for part, defaults in (("limits", item.get("default")), ("requests", item.get("defaultRequest"))):
                if defaults:
                    resources[part] = {**defaults, **(resources.get(part) or {})}
    return pod


def admit(store: Store, namespace: str, pod: Obj) -> None:
    """Raise the 403 for a pod that no LimitRange of its namespace allows."""
    wrong: list[str] = []
    for item in _items(store, namespace, "Container"):
        for container in _containers(pod):
            wrong += _causes(item, container.get("resources") or {})
    for item in _items(store, namespace, "Pod"):
        wrong += _causes(item, _sums(pod))
    if wrong:
        raise forbidden(POD, pod["metadata"]["name"], wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]")


def _items(store: Store, namespace: str, kind: str) -> Iterator[Obj]:
    for limit_range in store.all(LIMIT_RANGE, namespace):
        for item in limit_range["spec"].get("limits") or []:
            if item.get("type") == kind:
                yield item


def _containers(pod: Obj) -> list[Obj]:
    return [*(pod["spec"].get("containers") or []), *(pod["spec"].get("initContainers") or [])]


def _sums(pod: Obj) -> Obj:
    parts: Obj = {"requests": {}, "limits": {}}
    for container in pod["spec"].get("containers") or []:
        for part, sums in parts.items():
            for name, value in ((container.get("resources") or {}).get(part) or {}).items():
                sums[name] = canonical(str(parse(sums.get(name, "0")) + parse(value)))
    return parts


def _causes(item: Obj, resources: Obj) -> list[str]:
    kind = item["type"]
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    wrong: list[str] = []
    for name, bound in sorted((item.get("min") or {}).items()):
        least = f"minimum {name} usage per {kind} is {bound}"
        if name not in requests:
            wrong.append(f"{least}.  No request is specified")
        wrong += _beyond(least, {"request": requests, "limit": limits}, name, parse(bound), -1)
    for name, bound in sorted((item.get("max") or {}).items()):
        most = f"maximum {name} usage per {kind} is {bound}"
        if name not in limits:
            wrong.append(f"{most}.  No limit is specified")
        wrong += _beyond(most, {"limit": limits, "request": requests}, name, parse(bound), 1)
    for name, bound in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        wrong += _ratio(kind, name, bound, requests, limits)
    return wrong


def _beyond(words: str, amounts: dict[str, Obj], name: str, bound: Decimal, sign: int) -> list[str]:
    """The server names only the first that is beyond the bound, in its own order."""
    for label, values in amounts.items():
        if name in values and sign * (parse(values[name]) - bound) > 0:
            return [f"{words}, but {label} is {values[name]}"]
    return []


def _ratio(kind: str, name: str, bound: str, requests: Obj, limits: Obj) -> list[str]:
    asked, most = parse(requests.get(name, "0")), parse(limits.get(name, "0"))
    if not asked or most / asked <= parse(bound):
        return []
    return [f"{name} max limit to request ratio per {kind} is {bound}, but provided ratio is {most / asked:.6f}"]
