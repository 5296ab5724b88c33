"""What one pod asks for, and how many pods a rollout holds at once.

Sources: ``pkg/quota/v1/evaluator/core/pods.go`` and ``component-helpers/resource`` (sums of containers), and
``pkg/controller/deployment/util`` (``ResolveFenceposts``) of Kubernetes 1.36.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.quantities.amounts import QuantityError, parse_cpu, parse_memory
from deployer.sentences import say as _

_PERCENT = re.compile(r"([0-9]{1,3})%", re.ASCII)


@dataclass(frozen=True)
class PodCost:
    """Requests and limits of one pod (or a sum of pods): CPU in millicores, memory in bytes."""

    cpu_request: int = 0
    cpu_limit: int = 0
    memory_request: int = 0
    memory_limit: int = 0

    def __add__(self, other: PodCost) -> PodCost:
        return PodCost(*(a + b for a, b in zip(self._values(), other._values(), strict=True)))

    def __mul__(self, pods: int) -> PodCost:
        return PodCost(*(value * pods for value in self._values()))

    def at_least(self, other: PodCost) -> PodCost:
        """The larger of both, resource by resource."""
        return PodCost(*(max(a, b) for a, b in zip(self._values(), other._values(), strict=True)))

    def _values(self) -> tuple[int, int, int, int]:
        return (self.cpu_request, self.cpu_limit, self.memory_request, self.memory_limit)


@dataclass(frozen=True)
class RollingPlan:
    """How many pods may exist beyond the wanted number, and how many may be missing, while pods are replaced."""

    surge: int
    unavailable: int

    @property
    def stops_old_first(self) -> bool:
        """True when a rollout gets through without any room for one more pod."""
        return self.unavailable > 0


def _container_cost(container: Mapping[str, Any]) -> PodCost:
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    # The server copies a limit into an absent request before it counts (SetDefaults_Pod).
    requests = {**limits, **(resources.get("requests") or {})}
    return PodCost(
        cpu_request=parse_cpu(requests.get("cpu", 0)),
        cpu_limit=parse_cpu(limits.get("cpu", 0)),
        memory_request=parse_memory(requests.get("memory", 0)),
        memory_limit=parse_memory(limits.get("memory", 0)),
    )


def pod_cost(pod_spec: Mapping[str, Any]) -> PodCost:
    """Cost of one pod of this spec: containers and sidecars together, or its hungriest init container if that is more.

    Raises QuantityError for a quantity that does not parse.
    """
    running = PodCost()
    for container in pod_spec.get("containers") or ():
        running += _container_cost(container)
    sidecars, starting = PodCost(), PodCost()
    for container in pod_spec.get("initContainers") or ():
        cost = _container_cost(container)
        if container.get("restartPolicy") == "Always":
            sidecars += cost
            running += cost
            starting = starting.at_least(sidecars)
        else:
            starting = starting.at_least(cost + sidecars)
    overhead = pod_spec.get("overhead") or {}
    cpu, memory = parse_cpu(overhead.get("cpu", 0)), parse_memory(overhead.get("memory", 0))
    total = running.at_least(starting)
    # Overhead counts towards a limit only where there is one.
    return total + PodCost(cpu, cpu if total.cpu_limit else 0, memory, memory if total.memory_limit else 0)


def _share(value: int | str, replicas: int, *, round_up: bool) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise QuantityError(_("“%(value)s” is neither a number of pods nor a percentage such as 25%%.", value=value))
    product = replicas * int(found[1])
    return -(-product // 100) if round_up else product // 100


def rolling_plan(replicas: int, strategy: Mapping[str, Any] | None) -> RollingPlan:
    """Surge and unavailable pods of a Deployment's ``spec.strategy`` (None: the server's default, 25 % each).

    Raises QuantityError for a value that is neither a count nor a percentage.
    """
    strategy = strategy or {}
    if strategy.get("type") == "Recreate":
        return RollingPlan(surge=0, unavailable=replicas)
    rolling = strategy.get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return RollingPlan(surge, min(unavailable, replicas) if replicas else unavailable)


def peak_mixes(before_pods: int, after_pods: int, plan: RollingPlan) -> Sequence[tuple[int, int]]:
    """The (old, new) numbers of pods between which a rollout moves; any cost is greatest at one of them."""
    if plan.surge == 0 and plan.unavailable >= after_pods:
        return ((before_pods, 0), (0, after_pods))
    top = after_pods + plan.surge
    return (
        (before_pods, max(0, min(after_pods, top - before_pods))),
        (min(before_pods, plan.surge), after_pods),
        (0, after_pods),
    )
