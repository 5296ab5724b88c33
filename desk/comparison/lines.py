"""One page of a comparison: what serves in both places of each component, how far apart, and whether it may go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from components.models import Component
from components.naming import short_code
from desk.comparison import differing
from desk.comparison.details import Details, details_of, unlike_variables
from desk.comparison.promoting import Onward, onward_of
from desk.comparison.wanted import Pair, Wanted
from environments.access import Rights
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Missing
from foundation.runs.choices import RunState
from releases.models import Deployment, Placement, Snapshot
from releases.presenters.standings import last_id, last_ids, light_places, read_attempts, with_last_id
from releases.presenters.states import Shown, attempt_state, place_state

_BAD = (RunState.FAILED, RunState.ERRORED)


@dataclass(frozen=True)
class Side:
    """One component in one of the two spaces: what serves, and the attempt under way or failed."""

    space: Space
    place: Placement | None = None
    attempt: Deployment | None = None

    @property
    def serves(self) -> Deployment | None:
        """What succeeded there last."""
        return self.place.last_succeeded if self.place else None

    @property
    def unknown_since(self) -> datetime | None:
        """Since when nobody knows what runs there."""
        if self.place is None:
            return None
        lost: datetime | None = getattr(self.place, "lost_since", None)
        return self.place.unknown_since or lost

    @property
    def shown(self) -> Shown:
        """How the place stands."""
        return place_state(self.place)

    @property
    def attempt_shown(self) -> Shown | None:
        """How the attempt stands."""
        return attempt_state(self.attempt) if self.attempt else None


@dataclass(frozen=True)
class Line:
    """One component. ``distance``: orders that one place lies behind; ``is_behind``: that one is the right-hand one."""

    component: Component
    name_zh: str
    left: Side
    right: Side
    distance: int
    is_behind: bool
    kinds: list[str]
    """In what the two differ, of :data:`differing.KINDS`."""
    chips: list[MessageLike]
    """What else differs, in a word or two each."""
    onward: Onward
    toggled: str
    """The query of the page with its differences shown, or hidden again."""
    details: Details | None = None
    """Read where somebody asked for it."""
    snapshots: tuple[Snapshot | None, Snapshot | None] = (None, None)
    """Of what serves left and right."""

    @property
    def sides(self) -> tuple[Side, Side]:
        """Left and right."""
        return self.left, self.right

    @property
    def code(self) -> str:
        """The component as people call it; its project stands above."""
        return short_code(self.component.name, self.component.project.slug)

    @property
    def is_same_order(self) -> bool:
        """Both serve one order."""
        one, other = self.left.serves, self.right.serves
        return one is not None and other is not None and one.order_id == other.order_id


@dataclass(frozen=True)
class Comparison:
    """A page; ``more`` is where the next one begins, empty at the end."""

    counts: differing.Counts
    lines: list[Line] = field(default_factory=list)
    more: str = ""
    same_names: list[str] = field(default_factory=list)
    seen_at: datetime | None = None

    @property
    def can_promote(self) -> bool:
        """At least one of the page may go on."""
        return any(line.onward.may for line in self.lines)


def compare(rights: Rights, pair: Pair, wanted: Wanted) -> Comparison:
    """The page that was asked for: the same number of queries for any number of components."""
    left, right = pair.left, pair.right
    assert left is not None and right is not None
    rows = differing.components_of(left, right)
    counts = differing.count(rows)
    found = differing.page_of(rows, kind=wanted.kind, start=wanted.start)
    page = found[: differing.PAGE]
    more = differing.cursor(page[-1]) if len(found) > len(page) else ""
    names = differing.same_names(rows) if counts.same else []
    return Comparison(counts, _lines(page, left, right, rights, wanted), more, names, db_now())


def compare_one(rights: Rights, pair: Pair, wanted: Wanted, slug: str) -> Line:
    """The same line of one component; raises Missing where the project has no such one."""
    left, right = pair.left, pair.right
    assert left is not None and right is not None
    rows = differing.with_rank(differing.components_of(left, right).filter(slug=slug))
    lines = _lines(list(rows), left, right, rights, wanted)
    if not lines:
        raise Missing()
    return lines[0]


def _lines(page: Sequence[Any], left: Space, right: Space, rights: Rights, wanted: Wanted) -> list[Line]:
    if not page:
        return []
    ids = [row.pk for row in page]
    distances = differing.with_distance(ids, left, right)
    sides = _sides(ids, left, right)
    snapshots = _snapshots(page)
    onward = onward_of(rights, right, [sides[row.pk] for row in page if row.rank == 0])
    lines = []
    for row in page:
        row.project = left.project
        here, there = sides[row.pk]
        one, other = snapshots.get(row.left_snapshot), snapshots.get(row.right_snapshot)
        opened = row.slug == wanted.opened
        distance, name_zh = distances[row.pk]
        lines.append(
            Line(
                row, name_zh, here, there, distance, row.rank == 0, kinds_of(row), _chips(row, one, other),
                onward.get(row.pk) or _nothing(here, there, row), wanted.query(opened="" if opened else row.slug),
                details_of(row, left.environment, right.environment, one, other) if opened else None,
                (one, other),
            )
        )  # fmt: skip
    return lines


def _nothing(here: Side, there: Side, row: Any) -> Onward:
    """Why there is nothing to promote."""
    if here.serves is None:
        why: MessageLike = _("nothing serves in %(name)s", name=here.space.environment.label)
    elif row.unlike_order:
        why = _("%(name)s has the newer order", name=there.space.environment.label)
    else:
        why = ""
    return Onward("none", _("nothing to promote"), why)


def _sides(ids: Sequence[int], left: Space, right: Space) -> dict[int, tuple[Side, Side]]:
    """By component: two queries."""
    read = list(with_last_id(light_places(component__in=ids, space__in=[left.pk, right.pk])))
    _tried, attempts = read_attempts([], last_ids(read))
    by_key = {(place.component_id, place.space_id): place for place in read}
    return {
        pk: (_side(by_key.get((pk, left.pk)), left, attempts), _side(by_key.get((pk, right.pk)), right, attempts))
        for pk in ids
    }


def _side(place: Placement | None, space: Space, attempts: dict[int, Deployment]) -> Side:
    if place is None:
        return Side(space)
    place.space = space
    attempt = attempts.get(last_id(place))
    is_told = attempt is not None and (attempt.is_active or attempt.state in _BAD)
    return Side(space, place, attempt if is_told else None)


def _snapshots(page: Sequence[Any]) -> dict[int | None, Snapshot]:
    """What the places were made of, without manifests and without the texts of files: one query."""
    ids = {pk for row in page for pk in (row.left_snapshot, row.right_snapshot) if pk}
    rows = Snapshot.objects.select_related(
        "allocation", "config", "scaling_rule", "deployment_template__template", "service_template__template"
    ).defer(
        "manifests", "origins", "removes", "take_over", "config__files", "deployment_template__body",
        "service_template__body",
    )  # fmt: skip
    return dict(rows.in_bulk(ids).items())


def kinds_of(row: Any) -> list[str]:
    """In what a row of :func:`differing.side_by_side` differs, of :data:`differing.KINDS`."""
    is_known = bool(row.left_snapshot and row.right_snapshot)
    flags = {
        "version": row.unlike_order,
        "configuration": is_known and (row.unlike_env or row.unlike_files),
        "allocation": is_known and (row.unlike_amounts or row.unlike_rule),
        "template": is_known and row.unlike_templates,
    }
    return [kind for kind, is_unlike in flags.items() if is_unlike]


def _chips(row: Any, one: Snapshot | None, other: Snapshot | None) -> list[MessageLike]:
    if one is None or other is None:
        return []
    chips: list[MessageLike] = []
    if row.unlike_env:
        number = len(unlike_variables(one.config, other.config))
        chips.append(_("configuration %(n)s", n=number) if number else _("order of variables"))
    if row.unlike_files:
        chips.append(_("files"))
    if row.unlike_templates:
        chips.append(_("template"))
    if row.unlike_amounts:
        chips.append(_("allocation"))
    if row.unlike_rule:
        chips.append(_("scaling rule"))
    return chips
