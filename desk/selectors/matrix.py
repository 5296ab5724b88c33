"""What runs where: components × environments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Max, Q

from accounts.models import User
from components.models import Component
from components.selectors import list_components
from environments.access import Rights, visible_to
from environments.models import Environment, Space
from foundation.problems import Sentence
from foundation.runs.choices import ACTIVE, RunState
from releases.models import Deployment, Placement, ReleaseOrder
from releases.views.shown.standing import active_word, spaces_by_project


@dataclass(frozen=True)
class Cell:
    """One component in one environment: what serves, and under it the attempt under way or failed."""

    environment: Environment
    exists: bool
    place: Placement | None = None
    attempt: Deployment | None = None
    attempt_word: Sentence = ""

    @property
    def is_short(self) -> bool:
        """Fewer pods ready than wanted."""
        return self.place is not None and self.place.ready < self.place.wanted


@dataclass(frozen=True)
class Line:
    """One component."""

    component: Component
    newest: ReleaseOrder | None
    cells: list[Cell]


@dataclass(frozen=True)
class Matrix:
    """Components × environments; ``more`` is where the next page begins, empty at the end."""

    environments: list[Environment]
    lines: list[Line] = field(default_factory=list)
    more: str = ""


LINES = 50


def matrix(user: User, *, project: str = "", text: str = "", start: str = "") -> Matrix:
    """Fifty components from ``start`` (``project/slug``) on, with everything that their cells need: six queries."""
    rows = list_components(user, text=text).order_by("project__slug", "slug").filter(project__is_archived=False)
    if project:
        rows = rows.filter(project__slug=project)
    if start:
        first_project, _slash, slug = start.partition("/")
        rows = rows.filter(Q(project__slug__gt=first_project) | Q(project__slug=first_project, slug__gte=slug))
    components = list(rows[: LINES + 1])
    shown, over = components[:LINES], components[LINES:]
    spaces = spaces_by_project(component.project_id for component in shown)
    environments = _columns(spaces)
    places = _places(shown)
    failed = _last_attempts(shown)
    newest = _newest_orders(shown)
    lines = [
        Line(component, newest.get(component.pk), _cells(component, environments, spaces, places, failed))
        for component in shown
    ]
    more = f"{over[0].project.slug}/{over[0].slug}" if over else ""
    return Matrix(environments, lines, more)


def _columns(spaces: dict[int, list[Space]]) -> list[Environment]:
    found = {space.environment.pk: space.environment for row in spaces.values() for space in row}
    return sorted(found.values(), key=lambda environment: (environment.position, environment.slug))


def _places(components: Sequence[Component]) -> dict[tuple[int, int], Placement]:
    rows = Placement.objects.filter(component__in=[component.pk for component in components]).defer("pods")
    rows = rows.select_related("good__order", "active__order", "space")
    return {(row.component_id, row.space.environment_id): row for row in rows}


def _last_attempts(components: Sequence[Component]) -> dict[tuple[int, int], Deployment]:
    """The newest deployment by (component, environment)."""
    rows = Deployment.objects.filter(component__in=[component.pk for component in components])
    newest = rows.order_by().values("component_id", "space_id").annotate(top=Max("pk")).values("top")
    found = Deployment.objects.filter(pk__in=newest).select_related("order", "space")
    return {(row.component_id, row.space.environment_id): row for row in found}


def _newest_orders(components: Sequence[Component]) -> dict[int, ReleaseOrder]:
    rows = ReleaseOrder.objects.filter(component__in=[component.pk for component in components])
    newest = rows.order_by().values("component_id").annotate(top=Max("pk")).values("top")
    return {row.component_id: row for row in ReleaseOrder.objects.filter(pk__in=newest)}


def _cells(
    component: Component,
    environments: Sequence[Environment],
    spaces: dict[int, list[Space]],
    places: dict[tuple[int, int], Placement],
    attempts: dict[tuple[int, int], Deployment],
) -> list[Cell]:
    there = {space.environment_id for space in spaces.get(component.project_id, [])}
    cells = []
    for environment in environments:
        key = (component.pk, environment.pk)
        attempt = attempts.get(key)
        if attempt is not None and attempt.state in (RunState.SUCCEEDED, RunState.CANCELLED):
            attempt = None
        word: Sentence = ""
        if attempt is not None:
            word = active_word(attempt) if attempt.state in ACTIVE else RunState(attempt.state).label
        cells.append(Cell(environment, environment.pk in there, places.get(key), attempt, word))
    return cells


def chosen_projects(rights: Rights) -> list[tuple[int, str, str]]:
    """(id, slug, name) of the projects that this person sees, archived ones left out: one query."""
    spaces = Space.objects.filter(visible_to(rights.user, rights=rights), project__is_archived=False).select_related(
        "project"
    )
    projects = {space.project_id: space.project for space in spaces.order_by("project__slug")}
    return [(pk, project.slug, str(project)) for pk, project in projects.items()]
