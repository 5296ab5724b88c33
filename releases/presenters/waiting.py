"""Who waits for a place in a space, and in what order, for the space's page."""

from __future__ import annotations

from dataclasses import dataclass

from components.naming import short_code
from environments.access import Rights
from environments.models import Space
from environments.page_parts import PagePart
from releases.models import Deployment, Placement, Turn
from releases.turns import line_ahead, line_of, waiting_turns


@dataclass(frozen=True)
class PlaceLine:
    """One component: what is being deployed, and who comes after it."""

    code: str
    active: Deployment | None
    turns: list[Turn]


def space_panel(space: Space, rights: Rights) -> PagePart:
    """Every line of the space."""
    waiting = waiting_turns().filter(placement__space=space).order_by().values("placement")
    rows = Placement.objects.filter(pk__in=waiting).select_related(
        "component", "space__project", "in_progress__order", "in_progress__deployed_by"
    )
    places = rows.defer("pods", "drift").prefetch_related(line_ahead()).order_by("component__slug")
    return PagePart("releases/_space_turns.html", [_line(place) for place in places])


def _line(place: Placement) -> PlaceLine:
    code = short_code(place.component.name, place.space.project.slug)
    return PlaceLine(code, place.in_progress, line_of(place))
