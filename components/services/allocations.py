"""Replicas, CPU and memory of a component in each environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.recording import record
from components.models import Allocation, Component
from components.selectors import allocations_of_space, current_allocation
from components.services.versions import check_seen, insert_version
from deployer.quantities import (
    QuantityError,
    bytes_to_gib,
    cores_to_millicores,
    gib_to_bytes,
    millicores_to_cores,
)
from environments.access import require
from environments.models import Environment, Space
from foundation.problems import Invalid, Refused, Sentence

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
}


@dataclass(frozen=True)
class SavedAllocation:
    """The version that counts now, and what a person should know about it."""

    allocation: Allocation
    warnings: tuple[Sentence, ...]


def show_amounts(allocation: Allocation) -> dict[str, str]:
    """The five numbers as people type them: cores and GiB as decimals."""
    shown = {name: show(getattr(allocation, name)) for name, show in _SHOW.items()}
    return {"replicas": str(allocation.replicas), **shown}


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
    Invalid by field (also when one pod alone is above a ceiling of the space), Stale, Refused.
    """
    require(actor, "edit_allocation", project_id=component.project_id)
    if component.is_archived:
        raise Refused(_("The component is archived: bring it back before you change it."))
    space = _space(component, environment)
    current = current_allocation(component, environment)
    check_seen(current, seen_number)
    read = _read_amounts(amounts)
    _check_pod(space, read)
    number = current.number + 1 if current else 1
    row = Allocation(
        component=component, environment=environment, number=number, author=actor, note=note.strip()[:200], **read
    )
    warnings = check_ceilings(space, row)
    if current and all(getattr(current, name) == read[name] for name in AMOUNTS):
        return SavedAllocation(current, warnings)
    insert_version(row, current)
    record(
        actor,
        "save_allocation",
        object_type="component",
        object_id=component.pk,
        object_name=component.name,
        project=component.project.slug,
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
    require(actor, "edit_allocation", project_id=component.project_id)
    saved: dict[Environment, SavedAllocation] = {}
    wrong: dict[str, list[Sentence]] = {}
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
            wrong |= {f"{environment.slug}.{name}": sentences for name, sentences in exc.fields.items()}
    if wrong:
        raise Invalid(wrong)
    return saved


def check_ceilings(space: Space, row: Allocation) -> tuple[Sentence, ...]:
    """Sentences for every ceiling that all replicas, or all components of the space together, would pass."""
    others = allocations_of_space(space, without=row.component)
    found: list[Sentence] = []
    for name in QUANTITIES:
        ceiling = getattr(space, f"{name}_ceiling")
        own = row.replicas * getattr(row, name)
        together = own + sum(other.replicas * getattr(other, name) for other in others)
        found += _ceiling_warning(space, name, ceiling, own, together)
    pods = row.replicas + sum(other.replicas for other in others)
    if space.pods_ceiling is not None and pods > space.pods_ceiling:
        sentence = _("All components of %(place)s together want %(pods)s pods; its ceiling is %(ceiling)s.")
        found.append(sentence % {"place": space.environment.label, "pods": pods, "ceiling": space.pods_ceiling})
    return tuple(found)


def _ceiling_warning(space: Space, name: str, ceiling: int | None, own: int, together: int) -> list[Sentence]:
    if ceiling is None or together <= ceiling:
        return []
    if own > ceiling:
        sentence = _("%(what)s: all replicas together take %(amount)s; the ceiling of %(place)s is %(ceiling)s.")
    else:
        sentence = _("%(what)s: all components of %(place)s together take %(amount)s; its ceiling is %(ceiling)s.")
    show = _SHOW[name]
    amount = show(own if own > ceiling else together)
    return [
        sentence % {"what": _WHAT[name], "amount": amount, "place": space.environment.label, "ceiling": show(ceiling)}
    ]


def _space(component: Component, environment: Environment) -> Space:
    spaces = Space.objects.filter(project=component.project_id, environment=environment)
    space = spaces.select_related("environment").first()
    if space is None:
        sentence = _("The project has no place in %(environment)s: an administrator of the platform can make one.")
        raise Refused(sentence % {"environment": environment.label})
    return space


def _read_amounts(amounts: Mapping[str, str]) -> dict[str, int]:
    """Millicores and bytes; raises Invalid with every sentence at once."""
    wrong: dict[str, list[Sentence]] = {}
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
                wrong[name] = [_("This must be more than 0: without it the cluster knows no bounds.")]
    for unit in ("cpu", "memory"):
        lower, upper = read.get(f"{unit}_request"), read.get(f"{unit}_limit")
        if lower is not None and upper is not None and lower > upper:
            wrong.setdefault(f"{unit}_limit", []).append(_("The upper bound must not be below the lower one."))
    if wrong:
        raise Invalid(wrong)
    return read


def _wanted(name: str) -> Sentence:
    if name.startswith("cpu"):
        return _("Write a number of cores such as 2 or 0.5, with at most three decimals and no unit.")
    return _("Write a number of GiB such as 4 or 0.5, without a unit.")


def _check_pod(space: Space, read: Mapping[str, int]) -> None:
    """One pod above a ceiling can never start: that is a mistake, not a matter of how busy the space is."""
    wrong: dict[str, list[Sentence]] = {}
    for name in QUANTITIES:
        ceiling = getattr(space, f"{name}_ceiling")
        if ceiling is not None and read[name] > ceiling:
            sentence = _("One pod alone would be above the ceiling of %(place)s, which is %(ceiling)s.")
            wrong[name] = [sentence % {"place": space.environment.label, "ceiling": _SHOW[name](ceiling)}]
    if wrong:
        raise Invalid(wrong)
