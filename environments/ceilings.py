"""A space's ceilings: what people type (cores, GiB, pods), exact integers, and the ResourceQuota's own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.quantities import (
    PodCost,
    QuantityError,
    bytes_to_gib,
    cores_to_millicores,
    format_cpu,
    format_memory,
    gib_to_bytes,
    millicores_to_cores,
)
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid

MOST_PODS = 100_000


def _pods(text: str) -> int:
    cleaned = text.strip()
    if not (cleaned.isascii() and cleaned.isdigit() and len(cleaned) <= 6):
        raise QuantityError(text[:40])
    return int(cleaned)


@dataclass(frozen=True)
class Measure:
    """How an amount is read from a person, shown to one, and written for Kubernetes."""

    unit: str
    read: Callable[[str], int]
    show: Callable[[int], str]
    write: Callable[[int], str]
    mistake: MessageLike


@dataclass(frozen=True)
class Ceiling:
    """One ceiling: its column, the name people and the API use, its line in the quota, and what it is measured in."""

    column: str
    name: str
    resource: str
    label: MessageLike
    measure: Measure


_CORES = Measure(
    "cores", cores_to_millicores, millicores_to_cores, format_cpu,
    _("Write the cores as a number with at most three decimals, such as 8 or 0.5; empty is no ceiling."),
)  # fmt: skip
_GIB = Measure(
    "GiB", gib_to_bytes, bytes_to_gib, format_memory,
    _("Write the memory in GiB as a number, such as 16 or 1.5; empty is no ceiling."),
)  # fmt: skip
_COUNT = Measure("", _pods, str, str, _("Write the pods as a whole number; empty is no ceiling."))

CEILINGS = (
    Ceiling("cpu_request_ceiling", "cpu_requests", "requests.cpu", _("CPU requests"), _CORES),
    Ceiling("cpu_limit_ceiling", "cpu_limits", "limits.cpu", _("CPU limits"), _CORES),
    Ceiling("memory_request_ceiling", "memory_requests", "requests.memory", _("Memory requests"), _GIB),
    Ceiling("memory_limit_ceiling", "memory_limits", "limits.memory", _("Memory limits"), _GIB),
    Ceiling("pods_ceiling", "pods", "pods", _("Pods"), _COUNT),
)

_PAIRS = (("cpu_requests", "cpu_limits"), ("memory_requests", "memory_limits"))


def read_ceilings(typed: Mapping[str, str]) -> dict[str, int | None]:
    """Columns of a space from what was typed, by :attr:`Ceiling.name`; names that are absent stay out.

    Blank is no ceiling. Raises Invalid with a message at each field that is no number, is zero, or where the
    requests may be more than the limits.
    """
    problems: dict[str, list[MessageLike]] = {}
    values: dict[str, int | None] = {}
    for ceiling in CEILINGS:
        if ceiling.name in typed:
            try:
                values[ceiling.name] = _read(ceiling, typed[ceiling.name])
            except QuantityError:
                problems[ceiling.name] = [ceiling.measure.mistake]
            except ValueError:
                problems[ceiling.name] = [_("Zero would let nothing run here; leave it empty for no ceiling.")]
    if problems:
        raise Invalid(problems)
    return {ceiling.column: values[ceiling.name] for ceiling in CEILINGS if ceiling.name in values}


def _read(ceiling: Ceiling, text: str) -> int | None:
    if not text.strip():
        return None
    amount = ceiling.measure.read(text)
    if amount == 0:
        raise ValueError
    if ceiling.name == "pods" and amount > MOST_PODS:
        raise QuantityError(text[:40])
    return amount


def check_order(space: Space) -> None:
    """Raises Invalid where the ceiling of requests is above that of limits: no pod could ever use the difference."""
    by_name = {ceiling.name: getattr(space, ceiling.column) for ceiling in CEILINGS}
    problems: dict[str, list[MessageLike]] = {}
    for lower, upper in _PAIRS:
        if by_name[lower] is not None and by_name[upper] is not None and by_name[lower] > by_name[upper]:
            problems[lower] = [_("The ceiling of requests cannot be above the ceiling of limits.")]
    if problems:
        raise Invalid(problems)


def show_ceilings(space: Space) -> dict[str, str]:
    """What the form and the API show, by name; blank where there is no ceiling."""
    return {
        ceiling.name: "" if (amount := getattr(space, ceiling.column)) is None else ceiling.measure.show(amount)
        for ceiling in CEILINGS
    }


def hard_of(space: Space) -> dict[str, str]:
    """``spec.hard`` of the space's ResourceQuota; empty when it has no ceiling at all."""
    return {
        ceiling.resource: ceiling.measure.write(amount)
        for ceiling in CEILINGS
        if (amount := getattr(space, ceiling.column)) is not None
    }


def beyond_ceiling(space: Space, cost: PodCost, pods: int) -> MessageLike:
    """The first ceiling of the space that so many pods of this cost would be above; empty when there is none."""
    needed = {
        "cpu_requests": cost.cpu_request * pods,
        "cpu_limits": cost.cpu_limit * pods,
        "memory_requests": cost.memory_request * pods,
        "memory_limits": cost.memory_limit * pods,
        "pods": pods,
    }
    for ceiling in reversed(CEILINGS):
        most = getattr(space, ceiling.column)
        if most is not None and needed[ceiling.name] > most:
            return _(
                "%(pods)s pods need %(needed)s of %(resource)s; %(name)s has %(most)s in all.",
                pods=pods,
                needed=ceiling.measure.write(needed[ceiling.name]),
                resource=ceiling.resource,
                name=space.environment.label,
                most=ceiling.measure.write(most),
            )
    return ""
