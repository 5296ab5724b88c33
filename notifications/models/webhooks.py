"""Webhooks out: where a project tells other systems of itself, and each delivery."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Project
from audit.recording import Subject
from foundation.encryption import EncryptedTextField
from foundation.messages import MessageField
from foundation.models import HasSecrets
from foundation.runs.models import Run, run_indexes
from notifications.choices import BodyForm


class OutgoingWebhook(HasSecrets):
    """One address that a project's notices of some kinds are sent to. Chat addresses are secrets themselves."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    form = models.CharField(max_length=12, choices=BodyForm.choices, default=BodyForm.SIGNED)
    url = EncryptedTextField()
    host = models.CharField(max_length=255)
    """All that is shown of the address."""
    secret = EncryptedTextField()
    """Ours, that signs what is sent; or that of the chat, where it asks for one."""
    kinds = models.JSONField(default=list)
    language = models.CharField(max_length=10, choices=settings.LANGUAGES, default="zh-hans")
    is_on = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False, editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="webhooks_have_names_of_their_own")]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_subject(self) -> Subject:
        return Subject("outgoing_webhook", self.pk, self.name, self.project.slug)

    @property
    def key(self) -> str:
        """Its remote: one that is silent holds up nobody but itself."""
        return f"hook:{self.pk}"


class Dispatch(Run):
    """One delivery to one webhook, with what is told; sent again by the engine until it was taken, for a day at most.

    ``number`` is the same each time that it is sent, by hand too, so that a receiver may drop what it has.
    """

    webhook = models.ForeignKey(OutgoingWebhook, on_delete=models.CASCADE, related_name="dispatches", db_index=False)
    number = models.UUIDField()
    key = models.CharField(max_length=100)
    """What it is of, as a notice's: no webhook is told of it twice but by hand."""
    repeat_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    repeated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=20)
    text = MessageField()
    detail = MessageField(blank=True, default="")
    path = models.CharField(max_length=200)
    order_number = models.CharField(max_length=20, blank=True)
    component = models.CharField(max_length=100, blank=True)
    environment = models.CharField(max_length=63, blank=True)
    at = models.DateTimeField()
    due_at = models.DateTimeField(db_default=Now())
    """From when on it is late: when it happened; of what a person has sent, when they said so."""
    attempts = models.PositiveSmallIntegerField(default=0)
    unanswered = models.PositiveSmallIntegerField(default=0)
    """How many of them were sent and had no answer: each may have been taken."""
    status = models.PositiveSmallIntegerField(null=True)
    """The last answer's, of HTTP."""
    message = MessageField(blank=True, default="")
    """What the last attempt came to, where it did not succeed."""

    class Meta(Run.Meta):
        abstract = False
        indexes = [
            *run_indexes("webhook_dispatch"),
            models.Index(fields=["webhook", "-id"], name="dispatches_of_a_webhook"),
            # What is too old is found by it, and the repeats that go with each.
            models.Index(fields=["due_at"], name="dispatches_by_age"),
            models.Index(fields=["repeat_of"], condition=Q(repeat_of__isnull=False), name="repeats_of_a_dispatch"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "key"], condition=Q(repeat_of=None), name="no_webhook_is_told_twice"
            )
        ]

    def __str__(self) -> str:
        return f"{self.webhook_id} {self.key}"
