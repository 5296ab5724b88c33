"""Rows that belong to no other app: the installation, breakers and idempotency keys."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from foundation.encryption import EncryptedTextField
from foundation.messages import MessageField

__all__ = ["EncryptedTextField", "HasSecrets", "Idempotency", "Installation", "Remote"]


class Installation(models.Model):
    """The one row about this database as a whole, made after migrate; the process that sets it up locks it."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)
    is_demo = models.BooleanField(default=False, editable=False)
    """The demo's rows were loaded into it while it was empty: people of a known password may sign in by one click."""
    epoch = models.BigIntegerField(default=0, editable=False)
    """The second in which this database began or was last restored; 0 until it is first asked for."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.CheckConstraint(name="the_installation_is_one_row", condition=models.Q(singleton=True))]

    def __str__(self) -> str:
        return "demo" if self.is_demo else "installation"


class HasSecrets(models.Model):
    """Mixin for rows with encrypted columns: ``secret_id`` ties a ciphertext to its row.

    Not the primary key, because a new row has none before it is inserted.
    """

    secret_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


class Remote(models.Model):
    """The breaker of one other side (``jenkins:3``, ``cluster:7``): open while ``opened_at`` is set."""

    name = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True, blank=True)
    probe_at = models.DateTimeField(null=True, blank=True)
    last_error = MessageField(blank=True, default="")
    last_ok_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """True while only probes go out to this remote."""
        return self.opened_at is not None


class Idempotency(models.Model):
    """One answered (or running: ``status`` 0) request with an Idempotency-Key; forgotten after 24 h."""

    token_key = models.CharField(max_length=128)
    method_route = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    response = models.JSONField(null=True, blank=True)
    rights = models.JSONField(default=list, help_text="what the act asked: asked again before the answer is repeated")
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token_key", "method_route", "key"], name="idempotency_once"),
        ]

    def __str__(self) -> str:
        return f"{self.method_route} {self.key}"
