"""交班记录: what people write down on a day of a project's calendar, for the next shift."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from audit.recording import Subject


class DayNote(models.Model):
    """It never changes, as a comment does not. ``day`` is a day of the calendar, in no time zone of its own."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="day_notes", db_index=False)
    day = models.DateField(_("day"))
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    text = models.TextField(_("text"), max_length=4000)
    named = models.JSONField(default=list)
    """User names of those whom it named when it was written."""
    written_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "day", "-id"], name="notes_of_a_day")]

    def __str__(self) -> str:
        return f"{self.project_id} {self.day}"

    @property
    def audit_subject(self) -> Subject:
        return Subject("daynote", self.pk, self.day.isoformat(), self.project.slug)
