"""The states of a run."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class RunState(models.TextChoices):
    """``failed`` is theirs (a compile error, a quota), ``errored`` is ours (a bug, a lost database)."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    ERRORED = "errored", _("Platform error")
    CANCELLED = "cancelled", _("Cancelled")


ACTIVE: frozenset[str] = frozenset({RunState.QUEUED, RunState.RUNNING})
TERMINAL: frozenset[str] = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.ERRORED, RunState.CANCELLED})

ENGINE_REASON = "engine"
"""``reason`` of a run that the engine gave up on after too many passes that never ended."""
