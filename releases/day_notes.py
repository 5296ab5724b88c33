"""The notes of a day, of projects that somebody sees. Reads of rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from accounts.models import User
from releases.models import DayNote

MOST = 50


@dataclass(frozen=True)
class ShownNote:
    """One with those whom it names."""

    row: DayNote
    named: tuple[User, ...]


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
