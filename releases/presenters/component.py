"""What a component's page tells of its orders: where it runs, its last orders, and which allocations are deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from accounts.models import User
from components.models import Allocation, Component
from components.selectors import current_allocations, current_configs
from components.services.allocations import show_amounts
from deployer.manifests.ways_out import ways_out as names_in_use
from environments.access import Rights
from environments.models import Environment, Space
from environments.selectors.places import spaces_by_project
from foundation import paging
from foundation.runs.choices import RunState
from releases.holds import held_in
from releases.models import Deployment, Hold, Placement, ReleaseOrder
from releases.presenters.list import order_rows, with_names
from releases.presenters.standings import light_places, places_by_space
from releases.presenters.states import Shown, attempt_state, place_state
from releases.selectors import removals_there

LAST_ORDERS = 5
MOST_ORDERS = 50


@dataclass(frozen=True)
class Serving:
    """One environment: what serves there, the attempt under way or failed, and what is set for the next one."""

    space: Space
    place: Placement | None
    shown: Shown
    attempt: Deployment | None
    attempt_shown: Shown | None
    allocation: Allocation | None
    amounts: dict[str, str]
    config_number: int
    removed: Deployment | None
    """The removal after which nothing of it runs there."""
    hold: Hold | None
    """The hold that ends last of those that stand over it."""

    @property
    def environment(self) -> Environment:
        return self.space.environment

    @property
    def is_short(self) -> bool:
        """Fewer pods ready than wanted."""
        return self.place is not None and self.place.ready < self.place.wanted


def running(component: Component, viewer: User) -> dict[str, Any]:
    """Every environment of the project, and the newest orders: twelve queries, however many there are."""
    spaces = spaces_by_project([component.project_id]).get(component.project_id, [])
    places = places_by_space(component.pk)
    attempts = _attempts(component)
    allocations, configs = current_allocations(component), current_configs(component)
    removals = removals_there(places.values())
    held = held_in([space.pk for space in spaces])
    rows = []
    for space in spaces:
        place, attempt = places.get(space.pk), attempts.get(space.pk)
        allocation, config = allocations.get(space.environment_id), configs.get(space.environment_id)
        rows.append(
            Serving(
                space=space,
                place=place,
                shown=place_state(place),
                attempt=attempt,
                attempt_shown=attempt_state(attempt) if attempt else None,
                allocation=allocation,
                amounts=show_amounts(allocation) if allocation else {},
                config_number=config.number if config else 0,
                removed=removals.get(place.pk) if place else None,
                hold=held.longest(component.pk, space.pk),
            )
        )
    return {
        "servings": rows,
        "orders": order_rows(list(_orders(component).order_by("-pk")[:LAST_ORDERS]), Rights(viewer)),
        "topic": f"project:{component.project_id}",
    }


@dataclass(frozen=True)
class Chip:
    """A component in one environment, in a list."""

    space: Space
    shown: Shown
    number: str = ""
    """The short number of the order that succeeded there last; empty where none did."""


def chips(components: Sequence[Component]) -> dict[int, list[Chip]]:
    """By component id, in flow order: two queries for a page of them."""
    spaces = spaces_by_project(row.project_id for row in components)
    places = {(row.component_id, row.space_id): row for row in light_places(component__in=components)}
    return {
        row.pk: [_chip(space, places.get((row.pk, space.pk))) for space in spaces.get(row.project_id, [])]
        for row in components
    }


def _chip(space: Space, place: Placement | None) -> Chip:
    good = place.last_succeeded if place else None
    return Chip(space, place_state(place), good.order.short_name if good else "")


def orders(component: Component, viewer: User) -> dict[str, Any]:
    """The newest orders of the component; the list of orders has the older ones."""
    page = paging.take_page(_orders(component), size=MOST_ORDERS)
    return {
        "orders": order_rows(page.items, Rights(viewer)),
        "has_more": page.next_cursor is not None,
        "topic": f"project:{component.project_id}",
    }


def deployed(component: Component, viewer: User) -> dict[str, Any]:
    """The allocation that the serving deployment took, by environment id."""
    rows = Placement.objects.filter(component=component, last_succeeded__snapshot__allocation__isnull=False)
    rows = rows.select_related("last_succeeded__snapshot__allocation", "space")
    found = {
        row.space.environment_id: row.last_succeeded.snapshot.allocation
        for row in rows
        if row.last_succeeded and row.last_succeeded.snapshot
    }
    return {"allocations": found}


def ways_out(component: Component, viewer: User) -> dict[str, Any]:
    """Who uses which grant in each space of the component's project, by what was applied there last."""
    rows = Placement.objects.filter(space__project=component.project_id, last_applied__snapshot__isnull=False)
    used: dict[int, dict[tuple[str, str], set[str]]] = {}
    rows = rows.exclude(space__grants={}).select_related("last_applied__snapshot", "component")
    for row in rows.defer("pods"):
        assert row.last_applied and row.last_applied.snapshot
        for kind, names in names_in_use(row.last_applied.snapshot.manifests).items():
            for name in names:
                used.setdefault(row.space_id, {}).setdefault((kind, name), set()).add(row.component.name)
    return {"used": {space: {key: ", ".join(sorted(who)) for key, who in ways.items()} for space, ways in used.items()}}


def _orders(component: Component) -> Any:
    rows = ReleaseOrder.objects.filter(component=component).select_related("component", "project", "author")
    return with_names(rows)


def _attempts(component: Component) -> dict[int, Deployment]:
    """The newest deployment by space, where it did not succeed."""
    newest = Deployment.objects.filter(component=component).order_by().values("space_id").annotate(top=Max("pk"))
    rows = Deployment.objects.filter(pk__in=newest.values("top")).select_related("order")
    ended = (RunState.SUCCEEDED, RunState.CANCELLED)
    return {row.space_id: row for row in rows.exclude(state__in=ended)}
