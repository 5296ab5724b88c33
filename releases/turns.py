"""The line of a placement: who waits there, in which place, behind whom. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, F, OuterRef, Prefetch, QuerySet, Subquery, Value, prefetch_related_objects
from django.db.models.functions import Coalesce

from releases.choices import TurnState
from releases.models import Placement, ReleaseOrder, Turn

LINE = "line"
"""The attribute of a placement that a page has read ahead."""


def waiting_turns() -> QuerySet[Turn]:
    """Those that wait, first come first."""
    return Turn.objects.filter(state=TurnState.WAITING, ended_at=None).order_by("pk")


def in_line() -> QuerySet[Turn]:
    """The same with ``position`` and ``behind``, and with who asked for what."""
    return with_position(waiting_turns().select_related("order", "asked_by", "placement__space__environment"))


def with_position(rows: QuerySet[Turn]) -> QuerySet[Turn]:
    """What ``position`` and ``behind`` are told from."""
    earlier = waiting_turns().filter(placement=OuterRef("placement"), pk__lt=OuterRef("pk"))
    count = earlier.order_by().values("placement").annotate(n=Count("pk")).values("n")
    before = earlier.order_by("-pk").values("order__number")[:1]
    return rows.annotate(
        count_before=Coalesce(Subquery(count), 0),
        number_before=Coalesce(Subquery(before), F("placement__in_progress__order__number"), Value("")),
    )


def line_of(place: Placement) -> list[Turn]:
    """Who waits there, from the read ahead where there is one; nobody waits for a free place that is known."""
    if place.in_progress_id is None and place.unknown_since is None:
        return []
    ahead: list[Turn] | None = place.__dict__.get(LINE)
    return list(in_line().filter(placement=place.pk)) if ahead is None else ahead


def own_turn(line: Sequence[Turn], order: ReleaseOrder) -> Turn | None:
    """The order's own turn in a line, if it waits there."""
    return next((turn for turn in line if turn.order_id == order.pk), None)


def turn_in(place: Placement | None, order: ReleaseOrder) -> Turn | None:
    """The same in the line of a place; None where there is no such place yet."""
    return own_turn(line_of(place), order) if place else None


def read_lines(places: Sequence[Placement]) -> None:
    """Read the lines of these placements at once, for a page that shows them all."""
    prefetch_related_objects([one for one in places if one.in_progress_id or one.unknown_since], line_ahead())


def line_ahead() -> Prefetch[str]:
    """For a query of placements whose lines are asked for."""
    return Prefetch("turns", queryset=in_line(), to_attr=LINE)
