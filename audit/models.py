"""Append-only rows: what was done or refused, and the chain that proves that nothing was changed since.

No foreign keys: ids and names as text, so that proof outlives what it speaks of. Database triggers refuse UPDATE
and DELETE on both tables (:mod:`audit.triggers`).
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from audit.choices import Outcome
from audit.fields import MessageProofField, ProofField
from foundation.messages import MessageLike
from foundation.runs.models import Run, run_indexes


class AuditEvent(models.Model):
    """One act of one actor. ``before`` and ``after`` hold only what changed, never a secret."""

    at = models.DateTimeField()
    """By the database's clock, read before the row is written: the mark covers it."""
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=150)
    verb = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64, blank=True, default="")
    object_name = models.CharField(max_length=255, blank=True, default="")
    project = models.CharField(max_length=100, blank=True, default="")
    environment = models.CharField(max_length=100, blank=True, default="")
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.DONE)
    reason = models.CharField(max_length=500, blank=True, default="")
    reason_message = MessageProofField(null=True, blank=True)
    """The reason in parts where it is a message of the product; ``reason`` has it in English."""
    before = ProofField(null=True, blank=True)
    after = ProofField(null=True, blank=True)
    request_number = models.CharField(max_length=32, blank=True, default="")
    address = models.CharField(max_length=64, blank=True, default="")
    mark = models.CharField(max_length=96, unique=True, editable=False)
    """Made with the key at the moment of recording (:mod:`audit.marks`): what has none that fits was not recorded."""

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="audit_by_project"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_by_object"),
            models.Index(fields=["object_name", "-id"], name="audit_by_name"),
            models.Index(fields=["verb", "-id"], name="audit_by_verb"),
            models.Index(fields=["request_number", "-id"], name="audit_by_request"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.verb} {self.object_type} {self.object_name}"

    @property
    def shown_reason(self) -> MessageLike:
        """Why, for a reader: a message of the product in their language, anybody else's words as they were given."""
        return self.reason_message or self.reason


class AuditLink(models.Model):
    """One link of the chain: ``mac`` = HMAC over the link before and the event (:mod:`audit.chain`)."""

    sequence = models.BigIntegerField(unique=True)
    event_id = models.BigIntegerField(unique=True)
    previous_mac = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"link {self.sequence}"


class SealRun(Run):
    """The one run that seals committed events; its row is made after migrate and never ends."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)
    head_logged_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        indexes = [*run_indexes("audit_seal")]
        constraints = [models.CheckConstraint(name="the_audit_seal_is_one_row", condition=models.Q(singleton=True))]

    def __str__(self) -> str:
        return "audit seal"


class AuditCheck(Run):
    """The one run that verifies the log over and over; what a page shows of it is what its last round found."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)
    checked = models.BigIntegerField(default=0, editable=False)
    mac = models.CharField(max_length=64, blank=True, default="", editable=False)
    """How far the round under way has come."""
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    verified = models.BigIntegerField(default=0, editable=False)
    waiting = models.IntegerField(default=0, editable=False)
    problem = models.TextField(blank=True, default="", editable=False)

    class Meta:
        indexes = [*run_indexes("audit_check")]
        constraints = [models.CheckConstraint(name="the_audit_check_is_one_row", condition=models.Q(singleton=True))]

    def __str__(self) -> str:
        return "audit check"
