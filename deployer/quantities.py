"""Exact CPU and memory: text to integers (millicores, bytes) and back, and sums of pods.

The grammar is stricter than ``kubernetes.utils.quantity`` (which accepts ``1K``, ``NaN``, ``1_000`` and full-width
digits that an API server refuses) and follows ``k8s.io/apimachinery/pkg/api/resource/quantity.go``. Fractions are
rounded up, as the server does: ``100u`` of CPU is ``1m``.

Sources of the sums: ``pkg/quota/v1/evaluator/core/pods.go`` and ``component-helpers/resource`` (containers), and
``pkg/controller/deployment/util`` (``ResolveFenceposts``) of Kubernetes 1.36.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

from deployer.messages import message as _

LARGEST = 2**63 - 1
"""The server keeps quantities in an int64; more is refused."""

_QUANTITY = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,2}))?",
    re.ASCII,
)
_TYPED = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,30})?", re.ASCII)
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
} | {f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", start=1)}
_EXACT = Context(prec=200)
_GIB = 1024**3
_LONGEST_TEXT = 64


class QuantityError(ValueError):
    """A text that is no quantity; ``str()`` is a message for a person."""


def _parse(value: str | int, unit: str) -> int:
    """``value`` in ``unit`` (a decimal as text) as an integer, rounded up."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise QuantityError(_("A quantity is text such as 500m or 2Gi, not %(kind)s.", kind=type(value).__name__))
    text = str(value) if isinstance(value, str) or -LARGEST <= value <= LARGEST else "a number"
    found = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if found is None:
        raise QuantityError(
            _("“%(text)s” is not a quantity: write for example 500m, 0.5, 2, 512Mi or 4Gi.", text=text[:40])
        )
    factor = _SUFFIXES.get(found["suffix"] or "", Decimal(1))
    if found["exponent"]:
        factor = Decimal(f"1e{found['exponent']}")
    exact = _EXACT.multiply(_EXACT.multiply(Decimal(found["number"]), factor), Decimal(unit))
    whole = int(exact.to_integral_value(rounding=ROUND_CEILING))
    if whole > LARGEST:
        raise QuantityError(_("“%(text)s” is larger than a cluster can count.", text=text[:40]))
    return whole


def parse_cpu(value: str | int) -> int:
    """Millicores of a CPU quantity (``500m``, ``0.5``, ``2``), rounded up. Raises QuantityError."""
    return _parse(value, "1000")


def parse_memory(value: str | int) -> int:
    """Bytes of a memory quantity (``512Mi``, ``1.5Gi``, ``1e9``), rounded up. Raises QuantityError."""
    return _parse(value, "1")


def parse_quota_value(resource: str, value: str | int) -> int:
    """One value of a ResourceQuota in the resource's own unit: millicores for CPU, bytes or a count for all else."""
    if resource in ("cpu", "requests.cpu", "limits.cpu"):
        return parse_cpu(value)
    return _parse(value, "1")


def format_cpu(millicores: int) -> str:
    """Canonical text as the server prints it: ``2``, ``1500m``."""
    if millicores < 0:
        raise QuantityError(_("A quantity of CPU cannot be negative."))
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def format_memory(amount: int) -> str:
    """Canonical binary text that is exact: ``1536Mi``, ``4Gi``, or plain bytes when nothing divides it."""
    if amount < 0:
        raise QuantityError(_("A quantity of memory cannot be negative."))
    power = 0
    while amount and power < 6 and amount % 1024 == 0:
        amount //= 1024
        power += 1
    return f"{amount}{'KMGTPE'[power - 1]}i" if power else str(amount)


def _typed(text: str, unit_name: str) -> Decimal:
    cleaned = text.strip()
    if not _TYPED.fullmatch(cleaned):
        raise QuantityError(
            _("“%(text)s” is not a number of %(unit)s: write for example 2 or 0.5.", text=text[:40], unit=unit_name)
        )
    return Decimal(cleaned)


def cores_to_millicores(text: str) -> int:
    """What a person typed into “CPU (cores)” in millicores. Raises QuantityError for more than three decimals."""
    millicores = _EXACT.multiply(_typed(text, "cores"), Decimal(1000))
    if millicores != millicores.to_integral_value():
        raise QuantityError(_("“%(text)s” is finer than a thousandth of a core.", text=text[:40]))
    return int(millicores)


def millicores_to_cores(millicores: int) -> str:
    """``1500`` → ``1.5``; the inverse of :func:`cores_to_millicores`."""
    if millicores < 0:
        raise QuantityError(_("A quantity of CPU cannot be negative."))
    return _plain(Decimal(millicores).scaleb(-3, _EXACT))


def gib_to_bytes(text: str) -> int:
    """What a person typed into “memory (G)”, as bytes, rounded up. Raises QuantityError."""
    exact = _EXACT.multiply(_typed(text, "GiB"), Decimal(_GIB))
    whole = int(exact.to_integral_value(rounding=ROUND_CEILING))
    if whole > LARGEST:
        raise QuantityError(_("“%(text)s” is larger than a cluster can count.", text=text[:40]))
    return whole


def bytes_to_gib(amount: int) -> str:
    """The shortest decimal of GiB that :func:`gib_to_bytes` reads back as exactly this many bytes."""
    if amount < 0:
        raise QuantityError(_("A quantity of memory cannot be negative."))
    exact = _EXACT.divide(Decimal(amount), Decimal(_GIB))
    for digits in range(30):
        shorter = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_FLOOR, context=_EXACT)
        if int(_EXACT.multiply(shorter, Decimal(_GIB)).to_integral_value(rounding=ROUND_CEILING)) == amount:
            return _plain(shorter)
    return _plain(exact)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_PERCENT = re.compile(r"([0-9]{1,3})%", re.ASCII)


@dataclass(frozen=True)
class PodCost:
    """Requests and limits of one pod (or a sum of pods): CPU in millicores, memory in bytes.

    ``others``: every other resource under the name that a quota has for it, such as ``requests.ephemeral-storage``.
    """

    cpu_request: int = 0
    cpu_limit: int = 0
    memory_request: int = 0
    memory_limit: int = 0
    others: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: PodCost) -> PodCost:
        return self._with(other, lambda a, b: a + b)

    def __mul__(self, pods: int) -> PodCost:
        return self._with(self, lambda a, _same: a * pods)

    def at_least(self, other: PodCost) -> PodCost:
        """The larger of both, resource by resource."""
        return self._with(other, max)

    def _with(self, other: PodCost, both: Callable[[int, int], int]) -> PodCost:
        names = {*self.others, *other.others}
        others = {name: both(self.others.get(name, 0), other.others.get(name, 0)) for name in names}
        cpu, cpu_limit, memory, memory_limit = (
            both(a, b) for a, b in zip(self._values(), other._values(), strict=True)
        )
        return PodCost(cpu, cpu_limit, memory, memory_limit, others)

    def _values(self) -> tuple[int, int, int, int]:
        return (self.cpu_request, self.cpu_limit, self.memory_request, self.memory_limit)


@dataclass(frozen=True)
class RollingPlan:
    """How many pods may exist beyond the wanted number, and how many may be missing, while pods are replaced."""

    surge: int
    unavailable: int

    @property
    def stops_old_first(self) -> bool:
        """True when a rollout gets through without capacity for one more pod."""
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
        others=_others("requests", requests) | _others("limits", limits),
    )


def _others(part: str, amounts: Mapping[str, Any]) -> dict[str, int]:
    names = (name for name in amounts if name not in ("cpu", "memory"))
    return {f"{part}.{name}": _parse(amounts[name], "1") for name in names}


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
