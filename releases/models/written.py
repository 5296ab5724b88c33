"""What people write down where others read it later: it never changes, and tells those whom it names."""

from __future__ import annotations

from abc import abstractmethod

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.recording import Subject
from environments.models import Space


class WrittenText(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    text = models.TextField(_("text"), max_length=4000)
    named = models.JSONField(default=list)
    """User names of those whom it named when it was written."""
    written_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
        ordering = ["-id"]

    @property
    @abstractmethod
    def audit_subject(self) -> Subject:
        """What it is of, as the audit names it."""


class SpaceComment(WrittenText):
    """On a space: what who works there next has to know."""

    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="comments", db_index=False)

    class Meta(WrittenText.Meta):
        abstract = False
        indexes = [models.Index(fields=["space", "-id"], name="comments_of_a_space")]

    def __str__(self) -> str:
        return f"{self.author_id} on {self.space_id}"

    @property
    def audit_subject(self) -> Subject:
        space = self.space
        return Subject("spacecomment", self.pk, str(space), space.project.slug, space.environment.slug)
