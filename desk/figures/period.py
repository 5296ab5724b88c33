"""What the figures are asked about: so many whole weeks up to today, and narrowed to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.filtering import midnight

WEEK = timedelta(days=7)
LONGEST = 130
PERIODS: dict[str, tuple[int, MessageLike]] = {
    "4w": (4, _("4 weeks")),
    "12w": (12, _("12 weeks")),
    "12m": (52, _("12 months")),
}
"""Weeks of each period, and its name."""


@dataclass(frozen=True)
class Wanted:
    """Short names; empty means all. ``component`` is ``project/component``."""

    period: str = "12w"
    project: str = ""
    environment: str = ""
    component: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Wanted:
        """A period that does not exist is the usual one."""
        texts = {name: str(given.get(name, "")).strip().lower()[:LONGEST] for name in cls.__dataclass_fields__}
        return cls(**texts | {"period": texts["period"] if texts["period"] in PERIODS else "12w"})

    @property
    def weeks(self) -> int:
        return PERIODS[self.period][0]


@dataclass(frozen=True)
class Weeks:
    """Weeks in the reader's zone that end with today; ``before`` begins as many weeks earlier, to compare with."""

    before: datetime
    starts: tuple[datetime, ...]
    end: datetime

    @classmethod
    def up_to_today(cls, count: int) -> Weeks:
        tomorrow = timezone.localdate() + timedelta(days=1)
        starts = tuple(midnight(tomorrow - WEEK * n) for n in range(count, 0, -1))
        return cls(midnight(tomorrow - WEEK * 2 * count), starts, midnight(tomorrow))

    @property
    def start(self) -> datetime:
        return self.starts[0]
