"""A month of the calendar: its days with what is on each, and one day item by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from desk.calendar import items
from desk.calendar.answers import with_answers
from desk.calendar.items import Item
from desk.calendar.wanted import Wanted
from environments.access import Rights
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.filtering import midnight

MOST_IN_CELL = 3
LINE = 1000
"""Units of the thin line under a day, from its first moment to its last, however many hours it has."""


@dataclass(frozen=True)
class OnDay:
    """An item as one day has it; ``when`` says its clocks on that day."""

    item: Item
    when: MessageLike
    begins: int
    length: int
    """On the day's line."""


@dataclass(frozen=True)
class Day:
    """One day in the reader's zone. ``succeeded`` and ``failed``: deployments that ended on it."""

    date: date
    is_of_month: bool
    is_today: bool
    is_chosen: bool
    items: list[OnDay] = field(default_factory=list)
    succeeded: int = 0
    failed: int = 0
    is_cut: bool = False
    """More ended on it than are among its items."""

    @property
    def plans(self) -> list[OnDay]:
        """All but deployments."""
        return [one for one in self.items if one.item.kind != "deployment"]

    @property
    def deployments(self) -> list[OnDay]:
        """What ended on it, or began and goes on; read for the chosen day alone."""
        return [one for one in self.items if one.item.kind == "deployment"]

    @property
    def labelled(self) -> list[OnDay]:
        """Without what comes again each day."""
        return [one for one in self.items if not one.item.is_daily]

    @property
    def daily(self) -> list[OnDay]:
        """What comes again on many days."""
        return [one for one in self.items if one.item.is_daily]

    @property
    def shown(self) -> list[OnDay]:
        """Those that a cell shows."""
        return self.labelled[:MOST_IN_CELL]

    @property
    def more(self) -> int:
        """How many more there are."""
        return max(0, len(self.labelled) - MOST_IN_CELL)

    @property
    def line(self) -> list[OnDay]:
        """What shuts or opens deploying for a time."""
        return [one for one in self.items if one.item.kind in ("freeze", "window")]

    @property
    def is_bare(self) -> bool:
        """Nothing but what comes again is on it."""
        return not (self.labelled or self.succeeded or self.failed)


@dataclass(frozen=True)
class Month:
    """The days of the weeks that the month touches, each week from Monday."""

    wanted: Wanted
    weeks: list[list[Day]]

    @property
    def chosen(self) -> Day:
        """The day that is looked at, before anything is asked about it."""
        return next(day for week in self.weeks for day in week if day.is_chosen)

    @property
    def days(self) -> list[Day]:
        """Those of the month on which something is, for the list."""
        found = (day for week in self.weeks for day in week)
        return [day for day in found if day.is_of_month and (not day.is_bare or day.is_today)]

    @property
    def is_empty(self) -> bool:
        """Nothing is on any day of it, not even what comes again."""
        return not any(day.items or day.succeeded or day.failed for week in self.weeks for day in week)


def spaces_of(rights: Rights, wanted: Wanted) -> list[Space]:
    """Those that the person sees and that fit."""
    return [
        one for one in rights.spaces
        if wanted.project in ("", one.project.slug) and wanted.environment in ("", one.environment.slug)
    ]  # fmt: skip


def read_month(rights: Rights, wanted: Wanted) -> Month:
    """What this person sees of it: the same queries for any number of projects, orders and days."""
    return Month(wanted, _days(rights, wanted, wanted.weeks))


def read_day(rights: Rights, wanted: Wanted) -> Day:
    """The wanted day alone, as :func:`answered`."""
    ((day,),) = _days(rights, wanted, [[wanted.day]])
    return answered(rights, wanted, day)


def answered(rights: Rights, wanted: Wanted, day: Day) -> Day:
    """The day with what ended on it, and with what the gates say of what is to come: the same queries for any number,
    besides some for each train that goes on, and for each approval that something scheduled waits for."""
    since, until = span_of(day.date)
    plans = with_answers(rights, [one.item for one in day.items])
    ids = [space.pk for space in spaces_of(rights, wanted)]
    ended = items.deployed_items(ids, since, until) if wanted.shows("deployment") else []
    shown = items.in_time([*plans, *ended[: items.MOST_OF_A_DAY]])
    here = [_on_day(item, since, until) for item in shown]
    return replace(day, items=here, is_cut=len(ended) > items.MOST_OF_A_DAY)


def _days(rights: Rights, wanted: Wanted, weeks: list[list[date]]) -> list[list[Day]]:
    spaces, now = spaces_of(rights, wanted), db_now()
    since, _end = span_of(weeks[0][0])
    _begin, until = span_of(weeks[-1][-1])
    found = items.in_time(_lasting(rights, wanted, spaces, since, until, now))
    counts = items.ended_by_day([one.pk for one in spaces], since, until) if wanted.shows("deployment") else {}
    today = timezone.localtime(now).date()
    return [[_day(one, wanted, today, found, counts) for one in week] for week in weeks]


def span_of(day: date) -> tuple[datetime, datetime]:
    """From its first moment to the first of the next one: 23 or 25 hours where clocks change, which times in one zone
    of the reader's would not tell."""
    return midnight(day).astimezone(UTC), midnight(day + timedelta(days=1)).astimezone(UTC)


def _lasting(
    rights: Rights, wanted: Wanted, spaces: Sequence[Space], since: datetime, until: datetime, now: datetime
) -> list[Item]:
    """All but what was deployed."""
    ids = [space.pk for space in spaces]
    found: list[Item] = []
    if wanted.shows("freeze") or wanted.shows("window"):
        narrowed = bool(wanted.project or wanted.environment)
        both = items.frozen_items(rights, spaces, since, until, is_narrowed=narrowed)
        found += [item for item in both if wanted.shows(item.kind)]
    if wanted.shows("hold"):
        found += items.held_items(ids, since, until, now)
    if wanted.shows("break-glass"):
        found += items.opened_items(ids, since, until)
    if wanted.shows("schedule"):
        found += items.scheduled_items(ids, since, until)
    if wanted.shows("train"):
        found += items.train_items(rights, ids, since, until, now)
    return found


def _day(one: date, wanted: Wanted, today: date, found: Sequence[Item], counts: dict[date, tuple[int, int]]) -> Day:
    since, until = span_of(one)
    here = [_on_day(item, since, until) for item in found if item.touches(since, until)]
    return Day(one, one.month == wanted.month.month, one == today, one == wanted.day, here, *counts.get(one, (0, 0)))


def _on_day(item: Item, since: datetime, until: datetime) -> OnDay:
    length = (until - since).total_seconds()
    begins = max(0, round((item.begins_at - since).total_seconds() / length * LINE))
    ends = min(LINE, round((item.ends_at - since).total_seconds() / length * LINE))
    return OnDay(item, _when(item, since, until), begins, max(0, ends - begins))


def _when(item: Item, since: datetime, until: datetime) -> MessageLike:
    begins, ends = (f"{timezone.localtime(at):%H:%M}" for at in (item.begins_at, item.ends_at))
    is_before, is_after = item.begins_at < since, item.ends_at >= until
    if is_before and is_after:
        return _("all day")
    if is_before:
        return _("until %(at)s", at=ends)
    if item.ends_at == item.begins_at:
        return begins
    if is_after:
        return _("all day") if item.begins_at == since else _("from %(at)s", at=begins)
    return f"{begins}–{ends}"
