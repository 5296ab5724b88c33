"""Which month, which day of it, and of which project, environment and kind somebody looks at the calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import pgettext_lazy

from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.pages import query_of
from foundation.problems import Invalid
from releases.day_notes import YEARS

MONTH, LIST = "month", "list"
KINDS: dict[str, MessageLike] = {
    "freeze": pgettext_lazy("calendar", "freeze"),
    "window": pgettext_lazy("calendar", "release window"),
    "hold": pgettext_lazy("calendar", "hold"),
    "schedule": pgettext_lazy("calendar", "scheduled deployment"),
    "train": pgettext_lazy("calendar", "release train"),
    "deployment": pgettext_lazy("calendar", "deployment"),
    "break-glass": pgettext_lazy("calendar", "break-glass"),
}
"""What stands on it."""


@dataclass(frozen=True)
class Wanted:
    """``day`` is one of ``month``, which is the first of its days; empty names mean all."""

    month: date
    day: date
    view: str = MONTH
    project: str = ""
    environment: str = ""
    kind: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str], today: date) -> Wanted:
        """From an address; what it cannot mean is today's month."""
        month = _day_of(given.get("month", "") + "-01") or _day_of(given.get("day", "")) or today
        first = month.replace(day=1)
        day = _day_of(given.get("day", "")) or (today if today.replace(day=1) == first else first)
        view = LIST if given.get("view") == LIST else MONTH
        kind = given.get("kind", "")
        return cls(
            first, day if day.replace(day=1) == first else first, view, given.get("project", "")[:63].lower(),
            given.get("environment", "")[:63].lower(), kind if kind in KINDS else "",
        )  # fmt: skip

    @classmethod
    def read_strictly(cls, given: Mapping[str, str], today: date) -> Wanted:
        """For programs: raises Invalid for a month, a day or a kind that there is not."""
        wrong: dict[str, list[MessageLike]] = {}
        if (text := given.get("month", "")) and _day_of(text + "-01") is None:
            wrong["month"] = [_("Write a month such as 2026-11.")]
        if (text := given.get("day", "")) and _day_of(text) is None:
            wrong["day"] = [_("Write a day such as 2026-11-20.")]
        if given.get("kind", "") not in ("", *KINDS):
            wrong["kind"] = [_("Choose one of %(names)s.", names=list(KINDS))]
        if wrong:
            raise Invalid(wrong)
        return cls.read(given, today)

    def shows(self, kind: str) -> bool:
        """Whether things of this kind are asked for."""
        return self.kind in ("", kind)

    @property
    def weeks(self) -> list[list[date]]:
        """The days of the weeks that the month touches, each from Monday."""
        monday = self.month - timedelta(days=self.month.weekday())
        found = []
        while monday < self.following:
            found.append([monday + timedelta(days=day) for day in range(7)])
            monday += timedelta(days=7)
        return found

    @property
    def following(self) -> date:
        """The first day of the month after it."""
        return (self.month + timedelta(days=31)).replace(day=1)

    @property
    def before(self) -> date:
        """The first day of the month before it."""
        return (self.month - timedelta(days=1)).replace(day=1)

    def query(self, **changes: str) -> str:
        """The address of the same with changes."""
        same = {
            "month": f"{self.month:%Y-%m}", "day": f"{self.day:%Y-%m-%d}",
            "view": self.view if self.view == LIST else "",
            "project": self.project, "environment": self.environment, "kind": self.kind,
        }  # fmt: skip
        return query_of(same | changes)


def _day_of(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in YEARS else None
