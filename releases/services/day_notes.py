"""Writing a note on a day of the calendar."""

from __future__ import annotations

from datetime import date

from django.db import transaction

import audit
from accounts.models import Project, User
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.day_notes import YEARS
from releases.models import DayNote
from releases.services.mentions import said_and_named
from releases.services.page_news import tell_pages


def write_note(*, actor: User, project: Project, day: date, text: str) -> DayNote:
    """For who may comment on the project's orders; those whom it names are told, if they may see the project.

    Raises Denied, Invalid without a text, for a long one, or for a day that the calendar never shows.
    """
    text, people = said_and_named(actor, project.pk, text)
    if day.year not in YEARS:
        raise Invalid({"day": [_("Write a day such as 2026-11-20.")]})
    named = [person.username for person in people]
    with transaction.atomic():
        row = DayNote.objects.create(project=project, day=day, author=actor, text=text, named=named)
        audit.record_act(actor, "day_note.mentioned" if named else "day_note.written", row, after={"named": named})
        tell_pages(project.pk)
    return row
