"""Mails to people: a run each."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from foundation.messages import MessageField
from foundation.runs.models import Run, run_indexes


class Mail(Run):
    """One mail with one notice, or in the morning with all of a night; ``notices`` name it.

    Queued until it is sent the first time: so long more notices of the night may join it. Succeeded: the mail server
    took it. Failed: given up, ``message`` says why. Cancelled: nothing was left that its receiver may read.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    is_digest = models.BooleanField(default=False)
    number = models.UUIDField(unique=True)
    """In the ``Message-ID``: a mail that was sent a second time has the same."""
    due_at = models.DateTimeField()
    """At once, or at the end of the night; given up a day later."""
    attempts = models.PositiveSmallIntegerField(default=0)
    unanswered = models.PositiveSmallIntegerField(default=0)
    """How often the mail server had its text and gave no answer: it may have taken each of them."""
    message = MessageField(blank=True, default="")
    """What the last attempt came to, where it did not succeed."""

    class Meta(Run.Meta):
        abstract = False
        indexes = [*run_indexes("notice_mail")]

    def __str__(self) -> str:
        return f"mail {self.pk} to {self.person_id}"
