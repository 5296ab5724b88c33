"""Replicas, CPU and memory of a component in each environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

import audit
from accounts.models import User
from components.models import Allocation, Component, ScalingRule
from components.selectors import allocations_of_space, current_allocation, current_rule
from components.services.versions import check_seen, ensure_reason, insert_version
from deployer.quantities import (
    QuantityError,
    bytes_to_gib,
    cores_to_millicores,
    gib_to_bytes,
    millicores_to_cores,
)
from environments.access import require
from environments.models import Environment, Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid, Refused

MOST_REPLICAS = 200
QUANTITIES = ("cpu_request", "cpu_limit", "memory_request", "memory_limit")
AMOUNTS = ("replicas", *QUANTITIES)

_READ: dict[str, Callable[[str], int]] = {
    "cpu_request": cores_to_millicores,
    "cpu_limit": cores_to_millicores,
    "memory_request": gib_to_bytes,
    "memory_limit": gib_to_bytes,
}
_SHOW: dict[str, Callable[[int], str]] = {
    "cpu_request": millicores_to_cores,
    "cpu_limit": millicores_to_cores,
    "memory_request": bytes_to_gib,
    "memory_limit": bytes_to_gib,
}
_WHAT = {
    "cpu_request": _("CPU lower (cores)"),
    "cpu_limit": _("CPU upper (cores)"),
    "memory_request": _("memory lower (GiB)"),
    "memory_limit": _("memory upper (GiB)"),
    "pods": _("pods"),
}


@dataclass(frozen=True)
class Share:
    """One ceiling of a space, and what all components together want of it; exact integers of the resource's unit."""

    name: str
    ceiling: int
    own: int
    together: int

    @property
    def label(self) -> MessageLike:
        """What it bounds, with its unit."""
        return _WHAT[self.name]

    @property
    def percent(self) -> int:
        """How much of the ceiling is wanted; more than 100 where it does not suffice."""
        return self.together * 100 // self.ceiling if self.ceiling else 100 * (self.together > 0)

    @property
    def shown_percent(self) -> int:
        """As far as a bar can be full."""
        return min(100, self.percent)

    @property
    def is_over(self) -> bool:
        """True when the ceiling does not suffice."""
        return self.together > self.ceiling

    @property
    def wanted(self) -> str:
        """All components together, as people write it."""
        return self.show(self.together)

    @property
    def hard(self) -> str:
        """The ceiling, as people write it."""
        return self.show(self.ceiling)

    @property
    def short_by(self) -> str:
        """What is missing, as people write it."""
        return self.show(max(0, self.together - self.ceiling))

    def show(self, amount: int) -> str:
        """An amount of this resource as people write it."""
        return _SHOW[self.name](amount) if self.name in _SHOW else str(amount)


def show_amounts(allocation: Allocation) -> dict[str, str]:
    """The five numbers as people type them: cores and GiB as decimals."""
    shown = {name: show(getattr(allocation, name)) for name, show in _SHOW.items()}
    return {"replicas": str(allocation.replicas), **shown}


def read_amounts(amounts: Mapping[str, str]) -> dict[str, int]:
    """Replicas, millicores and bytes; raises Invalid with every message at once."""
    read, wrong = parse_amounts(amounts)
    if wrong:
        raise Invalid(wrong)
    return read


def parse_amounts(amounts: Mapping[str, str]) -> tuple[dict[str, int], dict[str, list[MessageLike]]]:
    """What can be read of the five amounts, and messages by field for what does not fit."""
    wrong: dict[str, list[MessageLike]] = {}
    read: dict[str, int] = {}
    replicas = str(amounts.get("replicas", "")).strip()
    if replicas.isascii() and replicas.isdigit() and int(replicas[:9]) <= MOST_REPLICAS:
        read["replicas"] = int(replicas)
    else:
        wrong["replicas"] = [_("Write a whole number from 0 to 200.")]
    for name in QUANTITIES:
        try:
            read[name] = _READ[name](str(amounts.get(name, "")))
        except QuantityError:
            wrong[name] = [_wanted(name)]
        else:
            if read[name] == 0:
                wrong[name] = [_("This must be more than 0: without it the cluster sets no limit.")]
    for unit in ("cpu", "memory"):
        if said := _wrong_order(unit, read):
            wrong.setdefault(f"{unit}_limit", []).append(said)
    return read, wrong


def _wanted(name: str) -> MessageLike:
    if name.startswith("cpu"):
        return _("Write a number of cores such as 2 or 0.5, with at most three decimals and no unit.")
    return _("Write a number of GiB such as 4 or 0.5, without a unit.")


def _wrong_order(unit: str, read: Mapping[str, int]) -> MessageLike:
    lower, upper = read.get(f"{unit}_request"), read.get(f"{unit}_limit")
    if lower is None or upper is None or lower <= upper:
        return ""
    show = _SHOW[f"{unit}_limit"]
    if unit == "cpu":
        message = _(
            "CPU: the lower bound %(lower)s is above the upper bound %(upper)s.", lower=show(lower), upper=show(upper)
        )
    else:
        message = _(
            "Memory: the lower bound %(lower)s is above the upper bound %(upper)s.",
            lower=show(lower),
            upper=show(upper),
        )
    return message


def check_pod(space: Space, read: Mapping[str, int]) -> None:
    """Raises Invalid where one pod alone is above a ceiling."""
    if wrong := wrong_pod(space, read):
        raise Invalid(wrong)


def wrong_pod(space: Space, read: Mapping[str, int]) -> dict[str, list[MessageLike]]:
    """One pod above a ceiling can never start: that is a mistake, not a matter of how busy the space is."""
    wrong: dict[str, list[MessageLike]] = {}
    for name in QUANTITIES:
        ceiling = getattr(space, f"{name}_ceiling")
        if ceiling is not None and read.get(name, 0) > ceiling:
            message = _(
                "One pod alone would be above the ceiling of %(place)s, which is %(ceiling)s.",
                place=space.environment.label,
                ceiling=_SHOW[name](ceiling),
            )
            wrong[name] = [message]
    return wrong


def shares(space: Space, row: Allocation, rule: ScalingRule | None) -> list[Share]:
    """Every ceiling of the space with what all its components may want, ``row`` in place of its component's own.

    ``rule``: the scaling rule of the same component there. Where one is on, its maximum counts, not the replicas.
    """
    own = row, rule.maximum if rule and rule.is_on else row.replicas
    counted = [own, *allocations_of_space(space, without=row.component)]
    found = [_share(space, name, counted) for name in (*QUANTITIES, "pods")]
    return [share for share in found if share is not None]


def _share(space: Space, name: str, counted: Sequence[tuple[Allocation, int]]) -> Share | None:
    """``counted``: each allocation with its pods, the own one first."""
    ceiling: int | None = getattr(space, f"{name}_ceiling")
    if ceiling is None:
        return None
    amounts = [pods * int(getattr(row, name)) if name != "pods" else pods for row, pods in counted]
    return Share(name, ceiling, amounts[0], sum(amounts))


def ceiling_warnings(space: Space, found: Sequence[Share]) -> tuple[MessageLike, ...]:
    """A message for every ceiling that all replicas, or all components of the space together, would pass."""
    return tuple(_warning(space, share) for share in found if share.is_over)


def _warning(space: Space, share: Share) -> MessageLike:
    place = space.environment.label
    if share.name == "pods":
        message = _(
            "All components of %(place)s together want %(pods)s pods; its ceiling is %(ceiling)s.",
            place=place,
            pods=share.wanted,
            ceiling=share.hard,
        )
        return message
    is_alone = share.own > share.ceiling
    amount = share.show(share.own if is_alone else share.together)
    said = {"what": share.label, "amount": amount, "place": place, "ceiling": share.hard}
    if is_alone:
        return _("%(what)s: all replicas together take %(amount)s; the ceiling of %(place)s is %(ceiling)s.", **said)
    return _("%(what)s: all components of %(place)s together take %(amount)s; its ceiling is %(ceiling)s.", **said)


@dataclass(frozen=True)
class SavedAllocation:
    """The version that counts now, and what a person should know about it."""

    allocation: Allocation
    warnings: tuple[MessageLike, ...]


@transaction.atomic
def save_allocation(
    *,
    actor: User,
    component: Component,
    environment: Environment,
    amounts: Mapping[str, str],
    seen_number: int | None = None,
    note: str = "",
) -> SavedAllocation:
    """A new version of what the component may use there; nothing is saved when nothing changed.

    ``amounts`` maps AMOUNTS to text as people type it: a whole number of replicas, cores and GiB as decimals. Raises
    Invalid by field (also when one pod alone is above a ceiling of the space, or when a change has no ``note``), Stale,
    Refused.
    """
    space = space_to_change(actor, "edit_allocation", component, environment)
    current = current_allocation(component, environment)
    check_seen(current, seen_number)
    read = read_amounts(amounts)
    check_pod(space, read)
    number = current.number + 1 if current else 1
    row = Allocation(
        component=component, environment=environment, number=number, author=actor, note=note.strip()[:200], **read
    )
    warnings = ceiling_warnings(space, shares(space, row, current_rule(component, environment)))
    if current and all(getattr(current, name) == read[name] for name in AMOUNTS):
        return SavedAllocation(current, warnings)
    ensure_reason(row.note, current)
    insert_version(row, current)
    audit.record_act(
        actor,
        "save_allocation",
        component,
        environment=environment.slug,
        reason=row.note,
        before={"version": current.number, **show_amounts(current)} if current else None,
        after={"version": number, **show_amounts(row)},
    )
    return SavedAllocation(row, warnings)


@transaction.atomic
def save_allocation_grid(
    *,
    actor: User,
    component: Component,
    grid: Mapping[Environment, Mapping[str, str]],
    seen: Mapping[Environment, int] | None = None,
    note: str = "",
) -> dict[Environment, SavedAllocation]:
    """Several environments at once, all or none; Invalid names fields as ``fat.cpu_request``."""
    require(actor, "see", project_id=component.project_id)
    saved: dict[Environment, SavedAllocation] = {}
    wrong: dict[str, list[MessageLike]] = {}
    for environment, amounts in grid.items():
        try:
            saved[environment] = save_allocation(
                actor=actor,
                component=component,
                environment=environment,
                amounts=amounts,
                seen_number=(seen or {}).get(environment),
                note=note,
            )
        except Invalid as exc:
            # The reason is one for all of them.
            wrong |= {
                name if name == "note" else f"{environment.slug}.{name}": said for name, said in exc.fields.items()
            }
    if wrong:
        raise Invalid(wrong)
    return saved


def space_to_change(actor: User, verb: str, component: Component, environment: Environment) -> Space:
    """The component's space there, for who may do the verb in that very space.

    Raises Missing, Denied, and Refused for an archived component or where its project has no space.
    """
    require(actor, "see", project_id=component.project_id)
    space = space_for(component, environment)
    require(actor, verb, space=space)
    if component.is_archived:
        raise Refused(_("The component is archived: take it out of the archive first."))
    return space


def space_for(component: Component, environment: Environment) -> Space:
    """Where the component runs in this environment. Raises Refused where its project has no space there."""
    spaces = Space.objects.filter(project=component.project_id, environment=environment, is_archived=False)
    space = spaces.select_related("environment").first()
    if space is None:
        message = _(
            "The project has no space in %(environment)s: a platform administrator can add one.",
            environment=environment.label,
        )
        raise Refused(message)
    return space
