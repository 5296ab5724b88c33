"""What one person is told, and how far the telling has come."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Project
from foundation.messages import MessageField
from foundation.runs.models import Run
from notifications.choices import NoticeKind
from notifications.models.mails import Mail
from releases.models import ReleaseOrder


class Notice(models.Model):
    """One thing that one person is told of. Its reader is asked for their rights at that moment."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    key = models.CharField(max_length=80)
    """What it is of: nobody is told of it twice, whichever events say it again."""
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")
    """Whose members may read it; None for a rule of the site."""
    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, null=True, related_name="+")
    message = MessageField()
    detail = MessageField(blank=True, default="")
    """Why, in the words of who did it or of the platform."""
    path = models.CharField(max_length=200)
    """The page where it is to be seen, below PLATFORM_URL."""
    mail = models.ForeignKey(Mail, on_delete=models.SET_NULL, null=True, related_name="notices", editable=False)
    """What carries it to the person's mailbox, where they chose that."""
    at = models.DateTimeField()
    """When it happened, by the database's clock."""
    read_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="nobody_is_told_twice")]
        indexes = [
            models.Index(fields=["person", "-id"], name="notices_of_a_person"),
            models.Index(fields=["person"], condition=Q(read_at=None), name="unread_notices"),
            models.Index(fields=["at"], name="notices_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.key}"


class Telling(Run):
    """The one run that reads what was done, in the order of its seal, and writes down who is told. Made after migrate,
    endless."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)
    told = models.BigIntegerField(default=0, editable=False)
    """The last link of the audit that was read: moved in the transaction that writes what it brought."""
    tidied_at = models.DateTimeField(null=True, editable=False)

    class Meta(Run.Meta):
        abstract = False
        constraints = [models.CheckConstraint(name="the_telling_is_one_row", condition=Q(singleton=True))]

    def __str__(self) -> str:
        return "telling"
