"""When is a window open? Spans of time from wall clocks of a time zone, over the changes of daylight saving. Pure.

A window is once (from one moment to another), on days of the week, or on listed dates, each day from one wall clock to
another. Where clocks go forward over such a time it does not exist, and the moment of the change
stands for it; where they go back it comes twice, and a span begins with the first and ends with the second: a freeze is
never shorter than its words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

FAR_AHEAD = timedelta(days=400)
"""So far the next span is looked for."""
DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Span:
    """From a moment until before another."""

    begins_at: datetime
    ends_at: datetime

    def covers(self, moment: datetime) -> bool:
        """Its end is no part of it."""
        return self.begins_at <= moment < self.ends_at


@dataclass(frozen=True)
class Window:
    """Either ``once``, or each day of ``weekdays`` (0 is Monday) or ``dates`` from ``opens`` to ``closes`` in ``zone``.

    A ``closes`` that is not later than ``opens`` is of the next day; the same clock twice is a whole day.
    """

    once: Span | None = None
    zone: str = "UTC"
    opens: time = time()
    closes: time = time()
    weekdays: Collection[int] = field(default_factory=frozenset)
    dates: Collection[date] = field(default_factory=frozenset)

    def spans(self, since: datetime, until: datetime) -> Iterator[Span]:
        """Those that touch the time from ``since`` until before ``until``, in their order."""
        if self.once is not None:
            if self.once.begins_at < until and self.once.ends_at > since:
                yield self.once
            return
        zone = ZoneInfo(self.zone)
        # One that began the day before may still be open.
        day, last = since.astimezone(zone).date() - DAY, until.astimezone(zone).date()
        while day <= last:
            if day.weekday() in self.weekdays or day in self.dates:
                span = self._of_day(day, zone)
                if span.begins_at < until and span.ends_at > since:
                    yield span
            day += DAY

    def _of_day(self, day: date, zone: ZoneInfo) -> Span:
        end = day if self.closes > self.opens else day + DAY
        return Span(
            first_moment(datetime.combine(day, self.opens), zone), last_moment(datetime.combine(end, self.closes), zone)
        )

    def covering(self, moment: datetime) -> Span | None:
        """The span that covers the moment; the one that ends last, where two days overlap."""
        found = [span for span in self.spans(moment, moment + timedelta(microseconds=1)) if span.covers(moment)]
        return max(found, key=lambda span: span.ends_at, default=None)

    def next_after(self, moment: datetime) -> Span | None:
        """The first that begins after the moment, within :data:`FAR_AHEAD`."""
        return next((span for span in self.spans(moment, moment + FAR_AHEAD) if span.begins_at > moment), None)


def first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """When clocks of the zone show this for the first time; where they never do, when they jump over it."""
    early, late = _moments(wall, zone)
    return _change(early, late, zone) if early > late else early


def last_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """When they show it for the last time; where they never do, when they jump over it."""
    early, late = _moments(wall, zone)
    return _change(early, late, zone) if early > late else late


def _moments(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """By the offset before a change of clocks and by the one after it: the same moment on nearly every day."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return before, after


def _change(late: datetime, early: datetime, zone: ZoneInfo) -> datetime:
    """The moment, to the second, at which the offset changes between these two."""
    first = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == first:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def is_zone(name: str) -> bool:
    """Whether it is a time zone by its IANA name."""
    return name in available_timezones()
