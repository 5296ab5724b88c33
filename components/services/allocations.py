"""Replicas, CPU and memory of a component in each environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.recording import record
from components.models import Allocation, Component
from components.selectors import current_allocation
from components.services.checks import AMOUNTS, ceiling_warnings, check_pod, read_amounts, shares, show_amounts
from components.services.versions import check_seen, insert_version
from environments.access import require
from environments.models import Environment, Space
from foundation.problems import Invalid, Refused, Sentence


@dataclass(frozen=True)
class SavedAllocation:
    """The version that counts now, and what a person should know about it."""

    allocation: Allocation
    warnings: tuple[Sentence, ...]


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
        raise Refused(_("The component is archived: take it out of the archive first."))
    space = _space(component, environment)
    current = current_allocation(component, environment)
    check_seen(current, seen_number)
    read = read_amounts(amounts)
    check_pod(space, read)
    number = current.number + 1 if current else 1
    row = Allocation(
        component=component, environment=environment, number=number, author=actor, note=note.strip()[:200], **read
    )
    warnings = ceiling_warnings(space, shares(space, row))
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


def _space(component: Component, environment: Environment) -> Space:
    spaces = Space.objects.filter(project=component.project_id, environment=environment)
    space = spaces.select_related("environment").first()
    if space is None:
        sentence = _("The project has no space in %(environment)s: a platform administrator can add one.")
        raise Refused(sentence % {"environment": environment.label})
    return space
