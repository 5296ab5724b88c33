"""The arithmetic of a rolling update on plain data (kubernetes/pkg/controller/deployment, rolling.go and util)."""

from __future__ import annotations

import math
from typing import Any

Obj = dict[str, Any]


def _share(value: int | str, of: int, *, is_up: bool) -> int:
    if isinstance(value, int):
        return value
    exact = int(value.removesuffix("%")) * of / 100
    return math.ceil(exact) if is_up else math.floor(exact)


def fence_posts(deployment: Obj) -> tuple[int, int]:
    """``(surge, unavailable)`` pods; percentages of surge round up, of unavailable down, both 0 means 1 unavailable."""
    spec = deployment["spec"]
    if spec["strategy"]["type"] != "RollingUpdate":
        return 0, 0
    rolling = spec["strategy"]["rollingUpdate"]
    surge = _share(rolling["maxSurge"], spec["replicas"], is_up=True)
    unavailable = _share(rolling["maxUnavailable"], spec["replicas"], is_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, spec["replicas"])


def size(sets: list[Obj]) -> int:
    """Wanted replicas of several sets together."""
    return sum(int(entry["spec"]["replicas"]) for entry in sets)


def available(sets: list[Obj]) -> int:
    """Available replicas of several sets together."""
    return sum(int(entry.get("status", {}).get("availableReplicas", 0)) for entry in sets)


def new_size(deployment: Obj, new: Obj, everything: list[Obj]) -> int:
    """How many replicas the new set may have now."""
    wanted: int = deployment["spec"]["replicas"]
    current: int = new["spec"]["replicas"]
    if current > wanted:
        return wanted
    if deployment["spec"]["strategy"]["type"] != "RollingUpdate":
        return wanted
    surge, _ = fence_posts(deployment)
    room = wanted + surge - size(everything)
    return current + max(0, min(room, wanted - current))


def shrink(deployment: Obj, new: Obj, old: list[Obj]) -> dict[str, int]:
    """New sizes of the old sets that may shrink now, by name: unhealthy pods first, then what availability allows."""
    wanted: int = deployment["spec"]["replicas"]
    _, unavailable = fence_posts(deployment)
    least = wanted - unavailable
    sizes = {entry["metadata"]["name"]: int(entry["spec"]["replicas"]) for entry in old}
    new_unavailable = new["spec"]["replicas"] - available([new])
    budget = size([*old, new]) - least - new_unavailable
    if budget <= 0 or not size(old):
        return {}
    before = dict(sizes)
    for entry in old:
        name = entry["metadata"]["name"]
        sick = sizes[name] - available([entry])
        step = max(0, min(budget, sick))
        sizes[name] -= step
        budget -= step
    spare = available([*old, new]) - least
    for entry in old:
        name = entry["metadata"]["name"]
        step = max(0, min(spare, sizes[name]))
        sizes[name] -= step
        spare -= step
    return {name: count for name, count in sizes.items() if count != before[name]}


def proportional(deployment: Obj, active: list[Obj], most_before: int) -> dict[str, int]:
    """Sizes of the active sets when a Deployment is scaled in the middle of a rollout, by name."""
    wanted: int = deployment["spec"]["replicas"]
    allowed = wanted + fence_posts(deployment)[0] if wanted else 0
    left = allowed - size(active)
    ordered = sorted(active, key=lambda entry: (-entry["spec"]["replicas"], entry["metadata"]["name"]))
    sizes: dict[str, int] = {}
    for entry in ordered:
        current = entry["spec"]["replicas"]
        share = 0 if not allowed else round(current * allowed / max(1, most_before)) - current
        share = min(share, max(left, 0)) if left >= 0 else max(share, left)
        target = max(0, current + (share if allowed else -current))
        left -= target - current
        sizes[entry["metadata"]["name"]] = target
    if ordered and left and allowed:
        first = ordered[0]["metadata"]["name"]
        sizes[first] = max(0, sizes[first] + left)
    return sizes
