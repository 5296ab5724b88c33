"""Which holds stand, over what, the gate that they shut, and who may lift them. Reads of rows; nothing here writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils.functional import lazy

from accounts.models import User
from environments.access import Rights, can, names_who_may, visible_to
from environments.models import Space
from foundation.messages import MessageLike, localized_names, localized_time
from foundation.messages import message as _
from foundation.problems import Missing
from releases.gate import Gate
from releases.models import Hold, ReleaseOrder


def standing() -> Q:
    """Of a hold: neither lifted nor over, by the database's clock, and its holder may sign in."""
    return Q(ended_at=None, ends_at__gt=Now(), held_by__is_active=True)


def rows() -> QuerySet[Hold]:
    """With what a page names of each."""
    return Hold.objects.select_related("component", "held_by", "ended_by", "space__environment", "space__project")


def stands_over(*, component: str, space: str) -> Exists:
    """Of an outer row with these columns: somebody holds its place."""
    here = Q(component=None) | Q(component=OuterRef(component))
    return Exists(Hold.objects.filter(standing(), here, space=OuterRef(space)).order_by())


# ---------------------------------------------------------------- read for many places at once
@dataclass(frozen=True)
class Held:
    """What stands in some spaces, the one that ends last first; ``None`` as a component: all of the space."""

    found: dict[tuple[int, int | None], list[Hold]] = field(default_factory=dict)

    def over(self, component_id: int | None, space_id: int) -> list[Hold]:
        """Those of the component there and those of the whole space, the one that ends last first."""
        places = {(space_id, component_id), (space_id, None)}
        return sorted((row for at in places for row in self.found.get(at, [])), key=lambda row: row.ends_at)[::-1]

    def longest(self, component_id: int, space_id: int) -> Hold | None:
        """The one that ends last there."""
        return next(iter(self.over(component_id, space_id)), None)


def held_in(space_ids: Iterable[int]) -> Held:
    """One query, and none for no spaces."""
    found: dict[tuple[int, int | None], list[Hold]] = defaultdict(list)
    ids = list(space_ids)
    for row in rows().filter(standing(), space__in=ids).order_by("-ends_at") if ids else ():
        found[row.space_id, row.component_id].append(row)
    return Held(dict(found))


def keep_ahead(orders: Iterable[ReleaseOrder], held: Held) -> None:
    """For a page: these very objects of orders answer from it. Never on an object that rules act on."""
    for order in orders:
        order.__dict__["_held"] = held


def read_ahead(orders: Sequence[ReleaseOrder], space_ids: Iterable[int]) -> None:
    """The same, read now: one query."""
    keep_ahead(orders, held_in(space_ids) if orders else Held())


def over(order: ReleaseOrder, space: Space) -> list[Hold]:
    """What stands over the order's component there, the one that ends last first."""
    ahead: Held | None = order.__dict__.get("_held")
    held = ahead if ahead is not None else held_in([space.pk])
    return held.over(order.component_id, space.pk)


# ---------------------------------------------------------------- the gate
def hold_gate(order: ReleaseOrder, space: Space) -> Gate:
    """Closed while somebody holds the place; break-glass opens it."""
    return gate_of(over(order, space))


def gate_of(found: Sequence[Hold]) -> Gate:
    """The gate that these shut, the one that ends last first."""
    if not found:
        return Gate("hold", True, _("Nobody holds it."))
    last = found[0]
    return Gate("hold", False, words_of(last, more=len(found) - 1), lifters_when_read(last), last.held_at, is_flow=True)


def words_of(row: Hold, *, more: int = 0) -> MessageLike:
    """Who holds what until when, and why. ``more``: how many others hold it too, none of them longer."""
    values = {
        "who": row.held_by.localized_name, "what": row.name, "place": row.space.environment.label,
        "until": localized_time(row.ends_at), "why": row.reason, "more": more,
    }  # fmt: skip
    if row.component_id is None:
        if more:
            return _("%(who)s and %(more)s more hold %(place)s until %(until)s: %(why)s", **values)
        return _("%(who)s holds %(place)s until %(until)s: %(why)s", **values)
    if more:
        return _("%(who)s and %(more)s more hold %(what)s in %(place)s until %(until)s: %(why)s", **values)
    return _("%(who)s holds %(what)s in %(place)s until %(until)s: %(why)s", **values)


def lifters(row: Hold) -> str:
    """Its holder first, while they may, then who may with a reason."""
    own = [row.held_by.shown_name] if can(row.held_by, "lift_hold", space=row.space, owner_id=row.held_by_id) else []
    return localized_names(dict.fromkeys([*own, *names_who_may("lift_hold", space=row.space)]))


lifters_when_read = lazy(lifters, str)
"""A page has many gates and shows the names of few."""


# ---------------------------------------------------------------- lists
def visible_holds(user: User, *, only_standing: bool = False, rights: Rights | None = None) -> QuerySet[Hold]:
    """Those of the projects that the person sees, newest first."""
    found = rows().filter(visible_to(user, rights=rights, field="space__project_id")).order_by("-pk")
    return found.filter(standing()) if only_standing else found


def find_hold(user: User, pk: int) -> Hold:
    """One of them; raises Missing also where the person may not see it."""
    row = visible_holds(user).filter(pk=pk).first()
    if row is None:
        raise Missing
    return row


def is_standing(row: Hold) -> bool:
    """At this moment, by the database's clock."""
    return Hold.objects.filter(standing(), pk=row.pk).exists()
