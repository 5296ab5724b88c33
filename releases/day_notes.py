"""The notes of a day, of projects that somebody sees. Reads of rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.db.models import QuerySet

from foundation.days import read_day
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.models import DayNote
from releases.written import ShownText, shown_texts

YEARS = range(2000, 3000)
"""Those that the calendar shows: further away the weeks of a month would leave it."""


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


def shown_notes(project_ids: Collection[int], day: date) -> tuple[list[ShownText], bool]:
    """Those of a day, as :func:`releases.written.shown_texts` has them."""
    return shown_texts(notes_of(project_ids, day))
