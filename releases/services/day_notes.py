"""Writing a note on a day of the calendar."""

from __future__ import annotations

from datetime import date
from functools import partial

from django.db import transaction
from django.db.models.functions import Now

import audit
from accounts.models import Project, User
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.day_notes import YEARS
from releases.models import DayNote, Placement
from releases.services.mentions import said_and_named


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
        transaction.on_commit(partial(_tell_pages, project.pk))
    return row


def _tell_pages(project_id: int) -> None:
    """One place that changes is enough for the pages that watch the project; without any they are told nothing.

    A calm one where there is one: of another, the moment of its last change says when it has settled.
    """
    place = Placement.objects.filter(space__project=project_id).order_by("unsettled_reason", "pk").values("pk")[:1]
    Placement.objects.filter(pk__in=place).update(changed_at=Now())
