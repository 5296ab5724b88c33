"""Which break-glass is in force, which gates it opens, and who may review it. Reads of rows; nothing here writes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from environments.access import Rights, can, memberships_that_allow, people_who_may, visible_to
from environments.models import Space
from environments.second_person import share_a_hand
from foundation.clock import db_now
from foundation.messages import MessageLike, localized_names, localized_time
from foundation.messages import message as _
from foundation.problems import Missing
from releases.choices import ClosedReason
from releases.gate import Gate
from releases.models import BreakGlass, Deployment, ReleaseOrder

LONGEST = timedelta(hours=4)


def rows_of(order: ReleaseOrder, space: Space) -> list[BreakGlass]:
    """All of the order there, newest first."""
    ahead: dict[int, list[BreakGlass]] | None = order.__dict__.get("_break_glasses")
    if ahead is not None:
        return ahead.get(space.pk, [])
    return list(_rows().filter(order=order, space=space))


def read_ahead(order: ReleaseOrder) -> None:
    """Read once for a page that shows all environments; never on an object that rules act on."""
    found: dict[int, list[BreakGlass]] = {}
    for row in _rows().filter(order=order):
        found.setdefault(row.space_id, []).append(row)
    order.__dict__["_break_glasses"] = found


def read_ahead_of(wanted: Collection[tuple[ReleaseOrder, int, datetime]]) -> None:
    """The same for many, each an order, the id of a space and a moment: those that are not over by then; one query."""
    found: dict[tuple[int, int], list[BreakGlass]] = {}
    rows = _rows().filter(order__in={order.pk for order, _space, _moment in wanted})
    for row in rows.filter(space__in={space for _order, space, _moment in wanted}):
        found.setdefault((row.order_id, row.space_id), []).append(row)
    for order, space, moment in wanted:
        left = [row for row in found.get((order.pk, space), ()) if row.ends_at > moment]
        order.__dict__["_break_glasses"] = {space: left}


def _rows() -> QuerySet[BreakGlass]:
    return BreakGlass.objects.select_related(
        "order__component", "order__project", "order__author", "space__environment", "space__project", "opened_by",
        "ended_by", "reviewed_by",
    ).order_by("-pk")  # fmt: skip


def is_in_force(row: BreakGlass) -> bool:
    """Neither ended nor over, and its opener still has the right, at this moment by the database's clock."""
    if is_told_over(row) or row.ends_at <= db_now():
        return False
    return can(row.opened_by, "break_glass", space=row.space)


def is_told_over(row: BreakGlass) -> bool:
    """Ended by a person or by the platform: an event of its order says so."""
    return any(at is not None for at in (row.ended_at, row.expired_at, row.reviewed_at))


def why_over(row: BreakGlass) -> MessageLike:
    """Why it is over without a person's act."""
    end = row.expired_at or db_now()
    return _("its time has passed") if row.ends_at <= end else _("its opener has lost the right")


def in_force(order: ReleaseOrder, space: Space) -> BreakGlass | None:
    """The one that opens the flow for the order there now."""
    return _first_in_force(rows_of(order, space))


def _first_in_force(rows: list[BreakGlass]) -> BreakGlass | None:
    return next((row for row in rows if is_in_force(row)), None)


def reopens(order: ReleaseOrder, space: Space) -> bool:
    """A returned order that may be deployed there all the same: then it can be approved, too."""
    return order.closed_reason == ClosedReason.RETURNED and in_force(order, space) is not None


def pass_by(found: list[Gate], order: ReleaseOrder, space: Space) -> list[Gate]:
    """The gates as they stand with break-glass: closed ones of the flow are open while it is in force, and say so.

    Every other gate is returned as it is.
    """
    if not any(_stops_the_flow(gate) for gate in found):
        return found
    rows = rows_of(order, space)
    if not rows:
        return found
    row = _first_in_force(rows)
    tell = partial(_opened, row=row) if row else partial(_told_over, last=rows[0])
    return [tell(gate) if _stops_the_flow(gate) else gate for gate in found]


def _stops_the_flow(gate: Gate) -> bool:
    return gate.is_flow and not gate.is_open


def _opened(gate: Gate, row: BreakGlass) -> Gate:
    message = _(
        "By break-glass of %(who)s until %(until)s. Without it: %(why)s",
        who=row.opened_by.localized_name,
        until=localized_time(row.ends_at),
        why=gate.message,
    )
    return replace(gate, is_open=True, message=message, who="", since=row.opened_at, break_glass_id=row.pk)


def _told_over(gate: Gate, last: BreakGlass) -> Gate:
    """Who counted on it reads that it is over."""
    message = _("%(why)s The break-glass of %(who)s is over.", why=gate.message, who=last.opened_by.localized_name)
    return replace(gate, message=message)


def used_by(found: list[Gate]) -> int | None:
    """The id of the break-glass that opened one of these gates."""
    return next((gate.break_glass_id for gate in found if gate.break_glass_id is not None), None)


# ---------------------------------------------------------------- who reviews it
def whose_own(person: User, row: BreakGlass) -> MessageLike:
    """Empty, or what this person did themselves: then the review is not theirs, and never will be."""
    if person.pk == row.opened_by_id:
        return _("You opened it: somebody else reviews it.")
    if row.pk and deployments_under(row).filter(deployed_by=person, is_automatic=False).exists():
        return _("You deployed under it: somebody else reviews it.")
    return ""


def why_not_reviewer(person: User, row: BreakGlass) -> MessageLike:
    """Why this person, who has the right, is not the one to review it now; empty when they are."""
    if own := whose_own(person, row):
        return own
    opens = memberships_that_allow("break_glass", space=row.space)
    reviews = memberships_that_allow("review_break_glass", space=row.space)
    if share_a_hand((person.pk, reviews), (row.opened_by_id, opens)):
        return _(
            "Role or password of you or %(name)s is less than a day from one hand: somebody else has to review it.",
            name=row.opened_by.localized_name,
        )
    return ""


def reviewers(row: BreakGlass) -> list[User]:
    """Everybody who could review it now; while roles and passwords are too new for all of them, who will be able to.

    They are told of it at once, by the list of :func:`waits_for`.
    """
    people = people_who_may("review_break_glass", space=row.space)
    told = [person for person in people if not whose_own(person, row)]
    return [person for person in told if not why_not_reviewer(person, row)] or told


def who_reviews(row: BreakGlass) -> str:
    """Three names of them and how many more."""
    return localized_names(person.shown_name for person in reviewers(row))


def deployments_under(row: BreakGlass) -> QuerySet[Deployment]:
    """What was deployed on its strength, newest first."""
    rows = Deployment.objects.filter(break_glass=row).order_by("-pk")
    return rows.select_related("order", "deployed_by", "space__environment")


# ---------------------------------------------------------------- lists
def visible_rows(user: User, *, only_waiting: bool = False, rights: Rights | None = None) -> QuerySet[BreakGlass]:
    """Those of the projects that the person sees, newest first; ``only_waiting`` for a review.

    ``rights``: the person's, where they were read already.
    """
    rows = _rows().filter(visible_to(user, rights=rights, field="order__project_id"))
    return rows.filter(reviewed_at=None) if only_waiting else rows


def with_uses(rows: QuerySet[BreakGlass]) -> QuerySet[BreakGlass]:
    """With ``deployed``: how many deployments each one opened the flow for."""
    under = Deployment.objects.filter(break_glass=OuterRef("pk")).order_by()
    count = under.values("break_glass").annotate(n=Count("pk")).values("n")
    return rows.annotate(deployed=Coalesce(Subquery(count), 0))


def find(user: User, pk: int) -> BreakGlass:
    """One of them; raises Missing also where the person may not see it."""
    row = visible_rows(user).filter(pk=pk).first()
    if row is None:
        raise Missing
    return row


def by_id(pk: int) -> BreakGlass:
    """The row as it is now, for who holds its order's lock."""
    return _rows().get(pk=pk)


def waits_for(user: User, rights: Rights) -> list[BreakGlass]:
    """What waits for this person's review, or will once it is over; oldest first."""
    seen = visible_rows(user, only_waiting=True, rights=rights)
    rows = [row for row in seen if rights.can("review_break_glass", space=row.space)]
    return [row for row in reversed(rows) if not whose_own(user, row)]


def untold() -> list[BreakGlass]:
    """Those of which no event says yet that they are over: the engine looks whether they are."""
    return list(_rows().filter(reviewed_at=None, ended_at=None, expired_at=None).order_by("pk"))


def unreviewed_in(space: Space) -> list[BreakGlass]:
    """In force or waiting for their review there, newest first."""
    return list(_rows().filter(space=space, reviewed_at=None))
