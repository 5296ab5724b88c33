"""交班记录: what people write down on a day of a project's calendar, for the next shift."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from audit.recording import Subject
from releases.models.written import WrittenText


class DayNote(WrittenText):
    """``day`` is a day of the calendar, in no time zone of its own."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="day_notes", db_index=False)
    day = models.DateField(_("day"))

    class Meta(WrittenText.Meta):
        abstract = False
        indexes = [models.Index(fields=["project", "day", "-id"], name="notes_of_a_day")]

    def __str__(self) -> str:
        return f"{self.project_id} {self.day}"

    @property
    def audit_subject(self) -> Subject:
        return Subject("daynote", self.pk, self.day.isoformat(), self.project.slug)
