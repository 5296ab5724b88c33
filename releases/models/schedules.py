"""Deployments that begin by themselves at a time that a person chose."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from environments.models import Space
from foundation.messages import MessageField
from foundation.runs.choices import RunState
from foundation.runs.models import Run, run_indexes
from releases.models.deployments import Deployment
from releases.models.orders import ReleaseOrder
from releases.models.reviews import Snapshot
from releases.models.turns import Turn


class Schedule(Run):
    """At ``due_at`` it does what a click of ``asked_by`` would, or says why not; it is never made up for.

    ``queued`` until then; ``succeeded`` once its deployment began or waits its turn, ``failed`` where it was missed,
    ``cancelled`` where somebody withdrew it.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="schedules")
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="schedules")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    """What the person saw; None where the space asks for no review."""
    live_fingerprint = models.CharField(max_length=64, blank=True)
    removals = models.JSONField(default=list)
    """As of :class:`Deployment`."""
    due_at = models.DateTimeField(db_index=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    message = MessageField(blank=True)
    """Why nothing was deployed by it."""
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    """Its place in line, where another order was being deployed there at its time."""

    class Meta(Run.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["order", "space"], condition=Q(state__in=["queued", "running"]), name="one_schedule_per_order"
            ),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(deployment__isnull=False) | Q(turn__isnull=False),
                name="a_schedule_that_began_has_its_deployment",
            ),
        ]
        indexes = [*run_indexes("schedule")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.state} {self.due_at:%Y-%m-%d %H:%M}"

    @property
    def is_waiting(self) -> bool:
        """Its time has not come yet."""
        return self.state == RunState.QUEUED
