"""Deployments that wait until the one before them in the same place has ended."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from foundation.messages import MessageField
from releases.choices import TurnState
from releases.models.deployments import Deployment, Placement
from releases.models.orders import ReleaseOrder
from releases.models.reviews import Review, Snapshot


class Turn(models.Model):
    """A place in the line of a placement, with what the person decided on; its deployment is made when its turn comes.

    No run: nothing passes over it. What frees the placement gives the first in line its turn, in the same
    transaction; so the ids of deployments grow in the order in which they were applied.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="turns", db_index=False)
    placement = models.ForeignKey(Placement, on_delete=models.PROTECT, related_name="turns")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    review = models.ForeignKey(Review, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    live_fingerprint = models.CharField(max_length=64, blank=True)
    removals = models.JSONField(default=list)
    """As of :class:`Deployment`."""
    state = models.CharField(max_length=16, choices=TurnState.choices, default=TurnState.WAITING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    message = MessageField(blank=True)
    """Why it ended without its turn."""
    deployment = models.OneToOneField(Deployment, on_delete=models.PROTECT, null=True, related_name="turn")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "placement"], condition=Q(state="waiting"), name="one_waiting_turn_per_order"
            ),
            models.CheckConstraint(
                condition=Q(state="started", deployment__isnull=False)
                | Q(deployment__isnull=True) & ~Q(state="started"),
                name="a_started_turn_has_its_deployment",
            ),
        ]
        indexes = [models.Index(fields=["placement", "id"], condition=Q(ended_at=None), name="turns_that_wait")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.state} {self.pk}"

    @property
    def position(self) -> int | None:
        """Its place in line, from 1; of rows that :func:`releases.turns.in_line` read, None of others."""
        before: int | None = self.__dict__.get("count_before")
        return None if before is None or self.state != TurnState.WAITING else before + 1

    @property
    def behind(self) -> str:
        """Number of the order that comes right before it; empty where nothing is being deployed. Of the same rows."""
        return str(self.__dict__.get("number_before", "")) if self.state == TurnState.WAITING else ""
