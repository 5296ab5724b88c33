"""Rows that belong to no room: breakers and idempotency keys."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from foundation.encryption import EncryptedTextField
from foundation.sentences import SaidField

__all__ = ["EncryptedTextField", "HasSecrets", "Idempotency", "Remote"]


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
    last_error = SaidField(blank=True, default="")
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
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token_key", "method_route", "key"], name="idempotency_once"),
        ]

    def __str__(self) -> str:
        return f"{self.method_route} {self.key}"
