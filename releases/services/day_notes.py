"""Writing a note on a day of the calendar."""

from __future__ import annotations

from datetime import date

from accounts.models import Project, User
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.day_notes import YEARS
from releases.models import DayNote
from releases.services.mentions import said_and_named
from releases.services.written import write_down


def write_note(*, actor: User, project: Project, day: date, text: str) -> DayNote:
    """As :func:`releases.services.written.write_down`; Invalid too for a day that the calendar never shows."""
    if day.year not in YEARS:
        # Whether the person may write there at all is said first.
        said_and_named(actor, project.pk, text)
        raise Invalid({"day": [_("Write a day such as 2026-11-20.")]})
    row = DayNote(project=project, day=day)
    write_down(row, "day_note", actor=actor, project_id=project.pk, text=text)
    return row
