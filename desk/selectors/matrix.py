"""What runs where: components × environments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value

from accounts.models import User
from components.models import Component
from components.naming import short_code
from components.selectors import list_components
from desk.selectors.behind import behind_placements, with_behind
from desk.selectors.moving import last_attempts
from environments import freezes
from environments.access import Rights, visible_to
from environments.freezes import Frozen, live_freezes
from environments.models import Environment, Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.choices import OrderState
from releases.holds import held_in
from releases.models import Deployment, Hold, Placement, ReleaseOrder, Turn
from releases.presenters.standings import (
    Known,
    last_id,
    last_ids,
    light_places,
    order_states,
    promotions_in,
    read_attempts,
    with_last_id,
    with_promotions,
)
from releases.presenters.states import Shown, attempt_state, place_state
from releases.selectors import removals_there
from releases.turns import line_of, read_lines, waiting_turns

LINES = 50
MOST_MINE = 12
ORDERS_READ = 200
"""So many of a person's newest orders and deployments say which components are theirs."""
STATES: dict[str, MessageLike] = {
    "running": _("in progress"),
    "failed": _("failed"),
    "attention": _("needs attention"),
    "behind": _("behind"),
}
"""What the matrix can be narrowed to."""


UNWELL = frozenset({"blocked", "mixed"})
"""States of a place that a cell names; too few ready pods stand beside the order already."""


@dataclass(frozen=True)
class Cell:
    """One component in one environment: what serves, and under it the attempt under way or failed."""

    environment: Environment
    exists: bool
    place: Placement | None = None
    shown: Shown | None = None
    """How the place stands; None where there is none."""
    attempt: Deployment | None = None
    attempt_shown: Shown | None = None
    behind: int = 0
    """Orders that the environment before it has had since."""
    unlike: Environment | None = None
    """The environment whose twin this is, where the two serve different orders."""

    removed: Deployment | None = None
    """The removal after which nothing of it runs there."""
    lost_since: datetime | None = None
    """The cluster has not answered since then: what is shown is the last that was seen."""

    line: list[Turn] = field(default_factory=list)
    """Who waits for the place, first come first."""

    frozen: Frozen | None = None
    """The freeze of its project or space that is in force and ends last; the site's stands above the column."""
    hold: Hold | None = None
    """The hold that ends last of those that stand over it."""

    @property
    def unknown_since(self) -> datetime | None:
        """Since when nobody knows what runs there; None while it is known."""
        return (self.place.unknown_since if self.place else None) or self.lost_since

    @property
    def is_unwell(self) -> bool:
        """What succeeded there last is not as it should be, and no attempt says so."""
        return self.shown is not None and self.shown.state in UNWELL

    @property
    def is_short(self) -> bool:
        """Fewer pods ready than wanted."""
        return self.place is not None and self.place.ready < self.place.wanted


@dataclass(frozen=True)
class Line:
    """One component."""

    component: Component
    newest: ReleaseOrder | None
    newest_shown: Shown | None
    cells: list[Cell]

    @property
    def code(self) -> str:
        """The component as people call it; its project stands above it."""
        return short_code(self.component.name, self.component.project.slug)


@dataclass(frozen=True)
class Group:
    """Components under a heading: a project's, or without one the viewer's own."""

    slug: str
    title: MessageLike
    lines: list[Line]


@dataclass(frozen=True)
class Filters:
    """What the address says; ``start`` is ``project/slug`` of the component that the last page ended with."""

    project: str = ""
    text: str = ""
    state: str = ""
    mine: str = ""
    start: str = ""

    @property
    def is_narrowed(self) -> bool:
        """True when something may be hidden."""
        return bool(self.project or self.text or self.state or self.mine)


@dataclass(frozen=True)
class Matrix:
    """Components × environments; ``more`` is where the next page begins, empty at the end."""

    environments: list[Environment]
    groups: list[Group] = field(default_factory=list)
    more: str = ""
    count: int = 0
    """Of all that the filters leave, counted for the first page."""
    columns: list[tuple[Environment, Frozen | None]] = field(default_factory=list)
    """Each environment, with the freeze of the site that is in force there."""

    @property
    def lines(self) -> list[Line]:
        """All of them, as they stand."""
        return [line for group in self.groups for line in group.lines]


def matrix(user: User, rights: Rights, filters: Filters) -> Matrix:
    """Fifty components from ``start`` on, one's own first, with everything that their cells need: five queries, and
    one more each while something is held and while there are freezes."""
    mine = my_components(user)
    rows = filtered_components(user, rights, filters, mine)
    rest = _after(rows.exclude(pk__in=mine), filters.start).order_by("project__slug", "slug")
    wanted = Q(pk__in=rest.values("pk")[: LINES + 1]) if not filters.mine else Q()
    read = rows.filter(wanted if filters.start else wanted | Q(pk__in=mine))
    if not filters.start:
        read = read.annotate(total=Subquery(_counted(rows)))
    is_any = {"is_any_held": Exists(Hold.objects.filter(ended_at=None)), "is_any_frozen": Exists(live_freezes())}
    found = list(read.annotate(**is_any).order_by("project__slug", "slug"))
    own = [] if filters.start else _in_order(found, mine)
    others = [component for component in found if component.pk not in mine][: LINES + 1 - len(own)]
    shown = [*own, *others][:LINES]
    reader = _Reader(user, rights, filters, shown)
    last = shown[-1] if len(own) + len(others) > LINES else None
    groups = _groups(own, [component for component in shown if component not in own], reader)
    more = f"{last.project.slug}/{last.slug}" if last else ""
    return Matrix(reader.environments, groups, more, _total(found), reader.columns)


def _counted(rows: QuerySet[Component]) -> QuerySet[Any, Any]:
    return rows.order_by().annotate(all=Value(1)).values("all").annotate(n=Count("pk", distinct=True)).values("n")


def _total(found: Sequence[Component]) -> int:
    return int(getattr(found[0], "total", 0)) if found else 0


def filtered_components(user: User, rights: Rights, filters: Filters, mine: Sequence[int] = ()) -> QuerySet[Component]:
    """The components that the filters leave, of all people; ``mine`` are the person's own."""
    rows = list_components(user, text=filters.text, rights=rights).filter(project__is_archived=False)
    if filters.project:
        rows = rows.filter(project__slug=filters.project)
    if filters.mine:
        rows = rows.filter(pk__in=mine)
    if filters.state in STATES:
        rows = rows.filter(_in_state(filters.state, rights))
    return rows


def my_components(user: User) -> list[int]:
    """Those that this person ordered or deployed lately, the latest first: one query."""
    ordered = ReleaseOrder.objects.filter(author=user).order_by("-pk").values("pk")[:ORDERS_READ]
    deployed = Deployment.objects.filter(deployed_by=user).order_by("-pk").values("pk")[:ORDERS_READ]
    rows = ReleaseOrder.objects.filter(pk__in=ordered).order_by().values_list("component_id", "created_at")
    acts = Deployment.objects.filter(pk__in=deployed).order_by().values_list("component_id", "created_at")
    found = sorted(rows.union(acts, all=True), key=lambda row: row[1], reverse=True)
    return list(dict.fromkeys(component for component, _at in found))[:MOST_MINE]


def _in_order(rows: Sequence[Component], ids: Sequence[int]) -> list[Component]:
    found = {component.pk: component for component in rows}
    return [found[pk] for pk in ids if pk in found]


def _after(rows: QuerySet[Component], start: str) -> QuerySet[Component]:
    project, _slash, slug = start.partition("/")
    return rows.filter(Q(project__slug__gt=project) | Q(project__slug=project, slug__gt=slug)) if start else rows


def _in_state(state: str, rights: Rights) -> Q:
    seen = visible_to(rights.user, rights=rights, field="space__project_id")
    places = Placement.objects.filter(seen)
    if state == "running":
        running = ReleaseOrder.objects.filter(visible_to(rights.user, rights=rights), state=OrderState.BUILDING)
        return Q(pk__in=places.filter(in_progress__isnull=False).values("component")) | Q(
            pk__in=running.values("component")
        )
    if state == "failed":
        bad = Deployment.objects.filter(seen, last_attempts(), state__in=[RunState.FAILED, RunState.ERRORED])
        return Q(pk__in=bad.values("component")) | Q(pk__in=_last_failed(rights).values("component"))
    if state == "attention":
        unwell = (
            ~Q(drift=[])
            | ~Q(unsettled_reason="")
            | Q(unknown_since__isnull=False)
            | Q(space__observation__contact_lost_since__isnull=False)
            | Q(last_succeeded__isnull=False, ready__lt=F("wanted"))
        )
        return Q(pk__in=places.filter(unwell).values("component"))
    return Q(pk__in=behind_placements().filter(seen).values("component"))


def _last_failed(rights: Rights) -> QuerySet[ReleaseOrder]:
    """Orders that failed to build and were followed by no other of their component."""
    later = ReleaseOrder.objects.filter(component=OuterRef("component"), pk__gt=OuterRef("pk"))
    rows = ReleaseOrder.objects.filter(visible_to(rights.user, rights=rights), state=OrderState.BUILD_FAILED)
    return rows.filter(~Exists(later))


def _groups(own: Sequence[Component], others: Sequence[Component], reader: _Reader) -> list[Group]:
    groups = [Group("", _("Mine, the latest first"), [reader.line(component) for component in own])] if own else []
    for component in others:
        if not groups or groups[-1].slug != component.project.slug:
            groups.append(Group(component.project.slug, str(component.project), []))
        groups[-1].lines.append(reader.line(component))
    return groups


class _Reader:
    """Reads what the cells of these components need, once for all of them."""

    def __init__(self, user: User, rights: Rights, filters: Filters, components: Sequence[Component]) -> None:
        spaces: dict[int, list[Space]] = defaultdict(list)
        for space in rights.spaces:
            if filters.project in ("", space.project.slug):
                spaces[space.project_id].append(space)
        self._there = {pk: {space.environment_id for space in row} for pk, row in spaces.items()}
        self.environments = _columns(spaces)
        self._spaces = {(space.project_id, space.environment_id): space.pk for row in spaces.values() for space in row}
        is_any_frozen = any(getattr(component, "is_any_frozen", False) for component in components)
        found = freezes.read() if is_any_frozen else freezes.Freezes()
        every = [space for row in spaces.values() for space in row]
        self._frozen = {space.pk: found.over(space) for space in every} if found.found else {}
        self.columns = [(one, found.of_site(one)) for one in self.environments]
        is_any_held = any(getattr(component, "is_any_held", False) for component in components)
        self._held = held_in(self._spaces.values() if is_any_held else ())
        self._places = _places(components)
        read_lines(list(self._places.values()))
        orders = _newest_orders(components)
        self._newest = {row.component_id: row for row in orders}
        tried, by_id = read_attempts(self._newest.values(), last_ids(self._places.values()))
        self._attempts = {place.pk: by_id.get(last_id(place)) for place in self._places.values()}
        self._removals = removals_there(self._places.values())
        at = {(place.component_id, place.space_id): place for place in self._places.values()}
        flow = {pk: sorted(row, key=_in_flow) for pk, row in spaces.items()}
        self._states = order_states(self._newest.values(), Known(flow, at, tried, promotions_in(orders)))

    def line(self, component: Component) -> Line:
        """The component with its cells, without further queries."""
        newest = self._newest.get(component.pk)
        cells = [self._cell(component, environment) for environment in self.environments]
        return Line(component, newest, self._states[newest.pk] if newest else None, cells)

    def _cell(self, component: Component, environment: Environment) -> Cell:
        place = self._places.get((component.pk, environment.pk))
        attempt = self._attempts.get(place.pk) if place else None
        if attempt is not None and attempt.state in (RunState.SUCCEEDED, RunState.CANCELLED):
            attempt = None
        unlike = self._unlike(component, environment, place)
        space_id = self._spaces.get((component.project_id, environment.pk), 0)
        return Cell(
            environment=environment,
            exists=environment.pk in self._there.get(component.project_id, ()),
            place=place,
            shown=place_state(place) if place else None,
            attempt=attempt,
            attempt_shown=attempt_state(attempt) if attempt else None,
            behind=getattr(place, "behind", 0) if place and environment.twin_id is None else 0,
            unlike=unlike,
            removed=self._removals.get(place.pk) if place else None,
            lost_since=getattr(place, "lost_since", None),
            line=line_of(place) if place else [],
            frozen=next((one for one in self._frozen.get(space_id, ()) if one.freeze.whose), None),
            hold=self._held.longest(component.pk, space_id),
        )

    def _unlike(self, component: Component, environment: Environment, place: Placement | None) -> Environment | None:
        """A twin is compared with the environment that it stands in for, not with the one that it follows."""
        twin = self._places.get((component.pk, environment.twin_id)) if environment.twin_id else None
        if twin is None or twin.last_succeeded is None:
            return None
        is_same = (
            place is not None
            and place.last_succeeded is not None
            and place.last_succeeded.order_id == twin.last_succeeded.order_id
        )
        return None if is_same else twin.space.environment


def _in_flow(space: Space) -> tuple[int, str]:
    return space.environment.position, space.environment.slug


def _columns(spaces: dict[int, list[Space]]) -> list[Environment]:
    found = {space.environment.pk: space.environment for row in spaces.values() for space in row}
    return sorted(found.values(), key=lambda environment: (environment.position, environment.slug))


def _places(components: Sequence[Component]) -> dict[tuple[int, int], Placement]:
    """By (component, environment), each with the id of its newest deployment in ``last_id``."""
    rows = light_places(component__in=[component.pk for component in components])
    rows = with_behind(with_last_id(rows)).select_related("space__environment")
    return {(row.component_id, row.space.environment_id): row for row in rows}


def _newest_orders(components: Sequence[Component]) -> list[ReleaseOrder]:
    """The newest order of each component, found at the head of an index, once for each promotion that it holds."""
    newest = ReleaseOrder.objects.filter(component=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    ids = Component.objects.filter(pk__in=[component.pk for component in components]).values(newest=Subquery(newest))
    waits = Exists(waiting_turns().order_by().filter(order=OuterRef("pk")))
    return list(with_promotions(ReleaseOrder.objects.filter(pk__in=ids).annotate(is_in_line=waits)))


def chosen_projects(rights: Rights) -> list[tuple[int, str, str]]:
    """(id, slug, name) of the projects that this person sees, archived ones left out."""
    projects = {space.project_id: space.project for space in rights.spaces}
    found = [(pk, project.slug, str(project)) for pk, project in projects.items()]
    return sorted(found, key=lambda row: row[1])
