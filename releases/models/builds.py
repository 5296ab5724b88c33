"""Builds (attempts) and their logs."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from components.models import ImageRegistry, JenkinsServer
from foundation.messages import MessageField, MessageJSONField
from foundation.runs.models import Run
from releases.models.orders import ReleaseOrder


class Build(Run):
    """One attempt to build an order in Jenkins.

    Phases: start (adopt or prepare) → triggering (the POST may be out) → queued → building → finalizing.
    ``trigger_id`` is how a Jenkins run is known to be ours, independent of numbers and queue ids.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="builds", db_index=False)
    attempt = models.PositiveIntegerField()
    trigger_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    server = models.ForeignKey(JenkinsServer, on_delete=models.PROTECT, related_name="builds", db_index=False)
    registry = models.ForeignKey(ImageRegistry, on_delete=models.PROTECT, related_name="+", db_index=False)
    job = models.CharField(max_length=200)
    parameters = models.JSONField(default=dict)
    baseline_number = models.PositiveIntegerField(default=0)
    posted_at = models.DateTimeField(null=True)
    posts = models.PositiveSmallIntegerField(default=0)
    queue_id = models.PositiveBigIntegerField(null=True)
    queue_why = models.CharField(max_length=300, blank=True)
    """What it waits for in Jenkins' own words: to leave the queue, or, once it runs, for an agent."""
    queue_since = models.DateTimeField(null=True)
    """Since when, by Jenkins' clock."""
    session = models.CharField(max_length=32, blank=True)
    """The start of the controller in which the build was last known to be ours (``X-Jenkins-Session``)."""
    absent_since = models.DateTimeField(null=True)
    """Since when Jenkins, while it was well, has not had it; null while it has."""
    absent_in = models.CharField(max_length=32, blank=True)
    absences = models.PositiveSmallIntegerField(default=0)
    """How many times it was looked for since then, all in the controller's session ``absent_in``."""
    seen_at = models.DateTimeField(null=True)
    phase_seconds = models.FloatField(default=0)
    """How long it has been in its phase, up to ``seen_at``, as far as we had contact: what deadlines count."""
    build_number = models.PositiveIntegerField(null=True)
    result = models.CharField(max_length=20, blank=True)
    message = MessageField(blank=True)
    stages = MessageJSONField(default=list)
    """``[{"name", "state", "started_ms", "duration_ms", "message"}]`` as last seen."""
    stop_requested_at = models.DateTimeField(null=True)
    stop_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    stop_reason = models.CharField(max_length=64, blank=True)
    """Why it is stopped, where no person asked for it: ``queue_deadline``, ``build_deadline``."""
    stop_level = models.CharField(max_length=8, blank=True)
    stop_sent_at = models.DateTimeField(null=True)
    log_offset = models.PositiveBigIntegerField(default=0)
    """Where to read on in Jenkins' log."""
    log_size = models.PositiveBigIntegerField(default=0)
    """Characters stored in chunks."""
    log_lines = models.PositiveIntegerField(default=0)
    watched_until = models.DateTimeField(null=True)
    """Until then somebody has its order's page open; written when a browser subscribes, and while it stays."""
    lines_at = models.DateTimeField(null=True)
    """When its log last had more lines."""
    read_at = models.DateTimeField(null=True)
    """When its log was last asked for."""
    stages_at = models.DateTimeField(null=True)
    """When its stages were last asked for."""
    log_is_complete = models.BooleanField(default=False)
    log_index = models.JSONField(default=dict)
    """What :class:`releases.logs.index.LogIndex` knows of the log so far."""
    log_reader = models.JSONField(default=dict)
    """What :class:`releases.logs.truth.LogReader` needs to read on: checksums, what is masked across pieces."""
    log_version = models.PositiveIntegerField(default=0)
    """Counts how often the stored log was replaced: lines of another version are others."""
    reported_digest = models.CharField(max_length=80, blank=True)
    digest = models.CharField(max_length=80, blank=True)

    class Meta(Run.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["order", "attempt"], name="one_build_per_attempt"),
            models.CheckConstraint(name="attempts_are_counted_from_1", condition=models.Q(attempt__gte=1)),
            models.UniqueConstraint(
                fields=["order"], condition=models.Q(state__in=["queued", "running"]), name="one_active_build_per_order"
            ),
        ]
        indexes = [models.Index(fields=["state", "finished_at"], name="builds_by_end")]

    def __str__(self) -> str:
        return f"{self.order_id} build {self.attempt}"

    @property
    def other_side(self) -> str:
        """Whom it asked last, and who therefore is away while contact is lost: Git, the registry or Jenkins."""
        sides = {"git": "Git", "registry": self.registry.name}
        return sides.get(self.remote.partition(":")[0], "Jenkins")


class LateImage(Run):
    """Looks for the image of an attempt that ended without one, when somebody says that it came; else it rests."""

    build = models.OneToOneField(Build, on_delete=models.CASCADE, related_name="late_image")
    asked_at = models.DateTimeField(null=True)
    digest = models.CharField(max_length=80, blank=True)
    """What was found last; it is told once."""

    class Meta(Run.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"late image of {self.build_id}"


class LogCheck(Run):
    """Compares a long log with what Jenkins has, once its build has ended."""

    build = models.OneToOneField(Build, on_delete=models.CASCADE, related_name="log_check")

    class Meta(Run.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"log check of {self.build_id}"


class LogChunk(models.Model):
    """A piece of a build's log: numbered by character offset, stored before anybody is told.

    ``first_line`` is the line in which its first character lies; ``errors`` and ``warnings`` are lines marked so;
    ``at`` is when it was received (null: before that was kept).
    """

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    offset = models.PositiveBigIntegerField()
    first_line = models.PositiveIntegerField()
    text = models.TextField()
    errors = models.PositiveIntegerField(default=0)
    warnings = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["build", "offset"]
        constraints = [models.UniqueConstraint(fields=["build", "offset"], name="one_chunk_per_offset")]
        # All that finds a chunk lies in an index: reading the columns behind a long text reads the text.
        indexes = [
            models.Index(fields=["build", "first_line", "offset"], name="log_chunk_by_line"),
            models.Index(
                fields=["build", "offset", "errors"], condition=models.Q(errors__gt=0), name="log_chunk_errors"
            ),
            models.Index(
                fields=["build", "offset", "warnings"], condition=models.Q(warnings__gt=0), name="log_chunk_warnings"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.build_id}@{self.offset}"
