"""What we want to apply (Snapshot: immutable) and what was seen when somebody looked (Review: ages)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from components.models import (
    Allocation,
    Component,
    ComponentSettings,
    ConfigVersion,
    EntryCheck,
    ScalingRule,
    TemplateVersion,
)
from environments.models import Space
from foundation.messages import MessageField, MessageJSONField
from foundation.runs.models import Run
from releases.models.orders import ReleaseOrder


class Snapshot(models.Model):
    """Everything that will be applied, frozen: manifests with the origin of each line, and the versions behind them."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="snapshots", db_index=False)
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="snapshots", db_index=False)
    hash = models.CharField(max_length=64, editable=False)
    digest = models.CharField(max_length=80, editable=False)
    manifests = models.JSONField(editable=False)
    removes = models.JSONField(null=True, editable=False)
    """Of a removal, whose set is empty: ``[{"kind", "name", "uid"}]`` of all that goes. None for any other."""
    origins = models.JSONField(default=list, editable=False)
    """Per manifest a list of ``[line text, template name, template line]``."""
    take_over = models.JSONField(default=dict, editable=False)
    """Fields that somebody else set and its deployment sets anew: ``{"by", "reason", "fields": [{"object", "path",
    "manager", "at"}]}``, with ``is_added`` for what others added and it removes; empty for nearly all. Part of the
    hash, so that an approval is of these fields too."""
    component_settings = models.ForeignKey(
        ComponentSettings, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    deployment_template = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    service_template = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="+", db_index=False)
    config = models.ForeignKey(ConfigVersion, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    scaling_rule = models.ForeignKey(ScalingRule, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    """The rule that its autoscaler is made of; None where the allocation says the number of replicas."""
    entry_check = models.ForeignKey(EntryCheck, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    """What the entry must answer after its rollout; None where ready pods are enough. A roll back asks this again."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)

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
    """What a deployment would do, at one time: renders, checks, dry-runs, sums the quota.

    ``findings``: ``{"diff": [...], "quota": [...], "warnings": [...], "problems": [...], "conflicts": [...],
    "additions": [...]}``.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="reviews")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="reviews")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="reviews", db_index=False)
    wanted_snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    """Set for a roll back to something older that needs approval: this snapshot instead of a new one. It is what asks
    for the approval, too: ``requested_by`` asked."""
    asked_why = models.CharField(max_length=500, blank=True, default="", editable=False)
    """Why it was asked for, in the words of who asked, where it asks for an approval."""
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    """Since when the approval is asked for no more."""
    take_over = models.JSONField(default=dict)
    """What its snapshot is to take over, see Snapshot."""
    is_removal = models.BooleanField(default=False, editable=False)
    """Of everything of the component going from the space, instead of a deployment."""
    findings = MessageJSONField(default=dict)
    live_fingerprint = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField(null=True)
    message = MessageField(blank=True)

    class Meta(Run.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["order", "space", "is_removal"],
                condition=Q(state__in=["queued", "running"], wanted_snapshot=None),
                name="one_active_review_per_order_and_space",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(is_removal=True), name="reviews_of_removals"),
            models.Index(
                fields=["created_at"], condition=Q(wanted_snapshot__isnull=False), name="reviews_of_roll_backs"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} review {self.pk}"
