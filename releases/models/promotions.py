"""The right to be deployed somewhere, and the second person's approval."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from components.models import Component
from environments.models import Space
from foundation.outbound import is_link
from releases.choices import ApprovalState, PromotionState, TestVerdict
from releases.models.orders import ReleaseOrder
from releases.models.reviews import Snapshot


class Promotion(models.Model):
    """An order may be deployed in a space; one is current per component and space."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="promotions", db_index=False)
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="promotions")
    state = models.CharField(max_length=20, choices=PromotionState.choices, default=PromotionState.CURRENT)
    promoted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    test_verdict = models.CharField(_("the test verdict"), max_length=20, choices=TestVerdict.choices, blank=True)
    note = models.TextField(_("note"), blank=True, max_length=2000)
    report_url = models.URLField(_("link to the report"), blank=True, max_length=500)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True)
    deployed_at = models.DateTimeField(null=True, editable=False)
    """When somebody began to deploy on its strength; None while it waits for approvals or for that."""

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["component", "space"], condition=Q(state="current"), name="one_current_promotion"
            ),
            models.CheckConstraint(
                name="only_a_promotion_that_is_not_current_has_ended",
                condition=Q(state="current", ended_at=None) | ~Q(state="current") & Q(ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["order", "space"], name="promotions_of_an_order"),
            # Conditions without values: SQLite takes such an index only where the query has the condition literally.
            models.Index(
                fields=["space", "created_at"],
                condition=Q(ended_at=None, deployed_at=None),
                name="promotions_to_deploy",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} → {self.space_id} {self.state}"

    @property
    def report_link(self) -> str:
        """The report's address where a page may link to it; empty for any other, which came here past the service."""
        return self.report_url if is_link(self.report_url) else ""


class Approval(models.Model):
    """A named person's yes or no to one snapshot, or to one scale of it."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="approvals")
    scale_request = models.ForeignKey(
        "releases.ScaleRequest", on_delete=models.PROTECT, null=True, related_name="approvals", editable=False
    )
    """Of another number of replicas for the snapshot, and not of deploying it."""
    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="approvals")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="approvals_given", db_index=False)
    state = models.CharField(max_length=20, choices=ApprovalState.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    comment = models.TextField(_("comment"), blank=True, max_length=2000)
    is_after_reset = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["snapshot", "by"],
                condition=Q(state__in=["given", "rejected"], scale_request=None),
                name="one_decision_per_person_and_snapshot",
            ),
            models.UniqueConstraint(
                fields=["scale_request", "by"],
                condition=Q(state__in=["given", "rejected"], scale_request__isnull=False),
                name="one_decision_per_person_and_scale",
            ),
            models.CheckConstraint(
                name="only_an_approval_that_does_not_stand_has_ended",
                condition=Q(state__in=["given", "rejected"], ended_at=None)
                | Q(state__in=["withdrawn", "void"], ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.snapshot_id} {self.state}"
