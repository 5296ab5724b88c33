"""What we want to apply (Snapshot: immutable) and what was seen when somebody looked (Review: ages)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from components.models import Allocation, Component, ComponentSettings, ConfigVersion, TemplateVersion
from environments.models import Space
from foundation.runs.models import Run
from foundation.sentences import SaidField, SaidJSONField
from releases.models.orders import ReleaseOrder


class Snapshot(models.Model):
    """Everything that will be applied, frozen: manifests with the origin of each line, and the versions behind them."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="snapshots")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+")
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="snapshots")
    hash = models.CharField(max_length=64, editable=False)
    digest = models.CharField(max_length=80, editable=False)
    manifests = models.JSONField(editable=False)
    origins = models.JSONField(default=list, editable=False)
    """Per manifest a list of ``[line text, template name, template line]``."""
    settings = models.ForeignKey(ComponentSettings, on_delete=models.PROTECT, related_name="+")
    deployment_template = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="+")
    service_template = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="+")
    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="+")
    config = models.ForeignKey(ConfigVersion, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["order", "space", "hash"], name="one_snapshot_per_hash")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.hash[:12]}"

    @property
    def short_hash(self) -> str:
        """Twelve digits, for people."""
        return self.hash[:12]


class Review(Run):
    """One look at what a deployment would do: renders, checks, dry-runs, sums the quota.

    ``findings``: ``{"diff": [...], "quota": [...], "warnings": [...], "problems": [...], "conflicts": [...]}``.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="reviews")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+")
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="reviews")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="reviews")
    wanted_snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="+")
    """Set for a roll back: look at this snapshot instead of rendering a new one."""
    findings = SaidJSONField(default=dict)
    live_fingerprint = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField(null=True)
    message = SaidField(blank=True)

    class Meta(Run.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["order", "space"],
                condition=Q(state__in=["queued", "running"], wanted_snapshot=None),
                name="one_active_review_per_order_and_space",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} review {self.pk}"
