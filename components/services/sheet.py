"""Settings and allocations of a component saved together, as one screen shows them: all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction

from accounts.models import User
from components.models import Component, ComponentSettings
from components.selectors import current_settings
from components.services.allocations import SavedAllocation, save_allocation_grid
from components.services.components import save_settings
from environments.models import Environment
from foundation.problems import Invalid, Sentence


@dataclass
class SavedSheet:
    """What counts now; ``is_new`` says whether the settings are a version more than before."""

    settings: ComponentSettings | None
    is_new: bool = False
    allocations: dict[Environment, SavedAllocation] = field(default_factory=dict)


@transaction.atomic
def save_sheet(
    *,
    actor: User,
    component: Component,
    values: Mapping[str, str] | None,
    seen_number: int | None,
    grid: Mapping[Environment, Mapping[str, str]],
    seen: Mapping[Environment, int],
    note: str = "",
) -> SavedSheet:
    """A new version of the settings (``values`` None: not theirs to change) and of each allocation that differs.

    Raises Invalid with what is wrong in either (``package_name``, ``prd.cpu_limit``), Stale, Refused, Denied.
    """
    before = current_settings(component)
    saved = SavedSheet(before)
    wrong: dict[str, list[Sentence]] = {}
    if values is not None:
        try:
            saved.settings = save_settings(
                actor=actor, component=component, values=values, seen_number=seen_number, note=note
            )
            saved.is_new = before is None or saved.settings.number != before.number
        except Invalid as error:
            wrong |= error.fields
    if grid:
        try:
            saved.allocations = save_allocation_grid(actor=actor, component=component, grid=grid, seen=seen, note=note)
        except Invalid as error:
            wrong |= error.fields
    if wrong:
        raise Invalid(wrong)
    return saved
