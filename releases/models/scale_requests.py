"""A number of replicas outside the bounds of a space, asked for by one person and approved by another."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from environments.models import Space
from releases.choices import ScaleRequestState
from releases.models.deployments import Deployment, Placement
from releases.models.orders import ReleaseOrder
from releases.models.reviews import Snapshot


class ScaleRequest(models.Model):
    """What its approvals are bound to: this snapshot, standing with ``replicas_before``, with ``replicas`` instead.

    Each approval of it names it beside the snapshot; approvals of the snapshot alone say nothing of it. A success of
    anything else there ends it, and so does a day.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="scale_requests", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="+", db_index=False)
    placement = models.ForeignKey(Placement, on_delete=models.PROTECT, related_name="scale_requests")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+", db_index=False)
    replicas_before = models.PositiveSmallIntegerField()
    replicas = models.PositiveSmallIntegerField(_("replicas"))
    reason = models.CharField(_("reason"), max_length=500)
    state = models.CharField(
        max_length=12, choices=ScaleRequestState.choices, default=ScaleRequestState.WAITING, editable=False
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    deployment = models.OneToOneField(
        Deployment, on_delete=models.PROTECT, null=True, related_name="scale_request", editable=False
    )
    """The scale that was made on its strength."""

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["placement"], condition=Q(state="waiting"), name="one_scale_request_waits_per_placement"
            ),
            models.CheckConstraint(
                name="a_used_scale_request_has_its_deployment",
                condition=Q(state="used", deployment__isnull=False) | ~Q(state="used") & Q(deployment=None),
            ),
            models.CheckConstraint(
                name="only_a_scale_request_that_does_not_wait_has_ended",
                condition=Q(state="waiting", ended_at=None) | ~Q(state="waiting") & Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.replicas_before} → {self.replicas}"

    @property
    def facts(self) -> dict[str, Any]:
        """What event and audit say of it."""
        return {"before": self.replicas_before, "replicas": self.replicas, "snapshot": self.snapshot.short_hash}
