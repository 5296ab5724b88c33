"""The days that a report is about: two days that both count, in the reader's time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

from foundation.days import read_day
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.filtering import midnight

LONGEST_DAYS = 400
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """From the beginning of ``first`` to the end of ``last``."""

    first: date
    last: date

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Period:
        """``since`` and ``until``; without both the last whole month. Raises Invalid by their names."""
        texts = {name: str(given.get(name, "")).strip()[:40] for name in ("since", "until")}
        if not any(texts.values()):
            return last_month(timezone.localdate())
        days = {name: read_day(text) for name, text in texts.items()}
        if wrong := {name: [_("Write a day such as 2026-11-30.")] for name, day in days.items() if day is None}:
            raise Invalid(wrong)
        first, last = days["since"], days["until"]
        assert first is not None and last is not None
        if last < first:
            raise Invalid({"until": [_("The last day comes before the first.")]})
        if last - first >= LONGEST_DAYS * DAY:
            raise Invalid({"until": [_("A report covers %(days)s days at most.", days=LONGEST_DAYS)]})
        return cls(first, last)

    @property
    def start(self) -> datetime:
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment that does not count any more."""
        return midnight(self.last + DAY)

    @property
    def query(self) -> dict[str, str]:
        """As an address says it."""
        return {"since": self.first.isoformat(), "until": self.last.isoformat()}


def last_month(today: date) -> Period:
    """The whole month before this one."""
    last = today.replace(day=1) - DAY
    return Period(last.replace(day=1), last)


def usual_periods(today: date) -> list[tuple[MessageLike, Period]]:
    """What is asked for most, each with its name; one that has not ended yet ends today."""
    month = today.replace(day=1)
    quarter = month.replace(month=month.month - (month.month - 1) % 3)
    before = quarter - DAY
    last_quarter = before.replace(day=1).replace(month=before.month - (before.month - 1) % 3)
    return [
        (_("Last month"), last_month(today)),
        (_("This month"), Period(month, today)),
        (_("Last quarter"), Period(last_quarter, before)),
        (_("This year"), Period(today.replace(month=1, day=1), today)),
    ]
