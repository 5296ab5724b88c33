"""What the engine needs to know of a row, and who is alive to drive it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from foundation import breakers
from foundation.clock import EPOCH, PARKED
from foundation.messages import MessageField, MessageJSONField
from foundation.runs.choices import ACTIVE, TERMINAL, RunState

__all__ = ["EPOCH", "PARKED", "ConnectionTest", "Heartbeat", "Run", "run_indexes"]


def run_indexes(prefix: str) -> list[models.Index]:
    """Indexes for a concrete run: ``indexes = [*run_indexes("build"), …]``; ``prefix`` of at most 20 letters."""
    return [models.Index(fields=["state"], condition=Q(state__in=sorted(ACTIVE)), name=f"{prefix}_active")]


class Run(models.Model):
    """A row that the engine drives: claimed when due, one step at a time, until its state is final.

    Nobody but the engine writes ``next_at``, ``wakes``, ``lease_until``, ``owner``, ``fence``, ``claims`` and
    ``contact_lost_since`` of an existing row; a new row may choose its ``next_at``.
    """

    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.QUEUED)
    phase = models.CharField(max_length=32, default="start")
    reason = models.CharField(max_length=64, blank=True, default="")
    next_at = models.DateTimeField(db_default=Now(), db_index=True, editable=False)
    wakes = models.PositiveIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(default=EPOCH, editable=False)
    owner = models.CharField(max_length=100, blank=True, default="", editable=False)
    fence = models.BigIntegerField(default=0, editable=False)
    claims = models.PositiveSmallIntegerField(default=0, editable=False)
    remote = models.CharField(max_length=64, blank=True, default="", db_index=True)
    contact_lost_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A run that is new to a remote which is silent says so from its first moment: no pass comes to it."""
        if self._state.adding and self.remote and self.is_active:
            self.contact_lost_since = breakers.silent_since(self.remote)
        super().save(*args, **kwargs)

    @property
    def is_terminal(self) -> bool:
        """True when no step will ever touch this row again."""
        return self.state in TERMINAL

    @property
    def is_active(self) -> bool:
        """True while the engine may still take this row."""
        return self.state in ACTIVE


class ConnectionTest(Run):
    """Does another side answer? ``facts`` are what it told, ``message`` is what stands in the way."""

    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    facts = MessageJSONField(default=dict)
    message = MessageField(blank=True)

    class Meta(Run.Meta):
        abstract = True


class Heartbeat(models.Model):
    """The last sign of life of a process that drives runs; the health page reads it."""

    process = models.CharField(max_length=100, unique=True)
    role = models.CharField(max_length=16)
    at = models.DateTimeField(db_default=Now())
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["process"]

    def __str__(self) -> str:
        return f"{self.role} {self.process}"
