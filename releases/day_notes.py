"""The notes of a day, of projects that somebody sees. Reads of rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from accounts.models import User
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.filtering import read_day
from releases.models import DayNote

MOST = 50
YEARS = range(2000, 3000)
"""Those that the calendar shows: further away the weeks of a month would leave it."""


@dataclass(frozen=True)
class ShownNote:
    """One with those whom it names."""

    row: DayNote
    named: tuple[User, ...]


def given_day(text: str) -> date:
    """The day that a person or a program wrote; raises Invalid for anything else."""
    day = read_day(text)
    if day is None:
        raise Invalid({"day": [_("Write a day such as 2026-11-20.")]})
    return day


def notes_of(project_ids: Collection[int], day: date | None = None) -> QuerySet[DayNote]:
    """Newest first, of one day or of all."""
    rows = DayNote.objects.filter(project__in=project_ids).select_related("author", "project").order_by("-pk")
    return rows if day is None else rows.filter(day=day)


def shown_notes(project_ids: Collection[int], day: date) -> tuple[list[ShownNote], bool]:
    """The last :data:`MOST` of a day, and whether there are more: two queries at most."""
    found = list(notes_of(project_ids, day)[: MOST + 1])
    rows = found[:MOST]
    names = {name for row in rows for name in row.named}
    people = {one.username: one for one in User.objects.filter(username__in=names)} if names else {}
    notes = [ShownNote(row, tuple(people[name] for name in row.named if name in people)) for row in rows]
    return notes, len(found) > MOST
