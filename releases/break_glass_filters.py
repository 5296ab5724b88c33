"""What narrows the list of break-glass uses: of the page and of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from foundation.days import read_day
from releases.filtering import day_text, midnight
from releases.models import BreakGlass, Deployment

IN_FORCE, OVER, REVIEWED = "in_force", "to_review", "reviewed"
STATES: dict[str, Q] = {
    IN_FORCE: Q(reviewed_at=None, ended_at=None, expired_at=None, ends_at__gt=Now()),
    OVER: Q(reviewed_at=None) & (Q(ended_at__isnull=False) | Q(expired_at__isnull=False) | Q(ends_at__lte=Now())),
    REVIEWED: Q(reviewed_at__isnull=False),
}
"""By the columns; a right that ended a second ago is written down by the engine within two."""
USED, UNUSED = "yes", "no"
ENDS: dict[str, Q] = {"by_hand": Q(ended_at__isnull=False), "expired": Q(expired_at__isnull=False)}


@dataclass(frozen=True)
class BreakGlassFilters:
    """Blank: everything. Days (``2026-11-20``, both count) are those that it was opened on, in the active zone."""

    project: str = ""
    environment: str = ""
    state: str = ""
    used: str = ""
    ended: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> BreakGlassFilters:
        """What an address asks for; a value that is none of the choices narrows nothing."""
        found = cls(**{name: str(query.get(name, "")).strip()[:200] for name in FILTERS})
        for name, choices in (("state", STATES), ("used", (USED, UNUSED)), ("ended", ENDS)):
            if getattr(found, name) not in choices:
                found = replace(found, **{name: ""})
        for name in ("since", "until"):
            found = replace(found, **{name: day_text(getattr(found, name))})
        return found

    @property
    def given(self) -> dict[str, str]:
        """Those that narrow."""
        return {name: value for name, value in asdict(self).items() if value}


FILTERS = tuple(BreakGlassFilters.__dataclass_fields__)


def filter_break_glasses(rows: QuerySet[BreakGlass], filters: BreakGlassFilters) -> QuerySet[BreakGlass]:
    """Those that fit all of them."""
    if filters.project:
        rows = rows.filter(order__project__slug=filters.project)
    if filters.environment:
        rows = rows.filter(space__environment__slug=filters.environment)
    if filters.state:
        rows = rows.filter(STATES[filters.state])
    if filters.ended:
        rows = rows.filter(ENDS[filters.ended])
    if filters.used:
        deployed = Exists(Deployment.objects.filter(break_glass=OuterRef("pk")))
        rows = rows.filter(deployed if filters.used == USED else ~deployed)
    if (day := read_day(filters.since)) is not None:
        rows = rows.filter(opened_at__gte=midnight(day))
    if (day := read_day(filters.until)) is not None:
        rows = rows.filter(opened_at__lt=midnight(day + timedelta(days=1)))
    return rows
