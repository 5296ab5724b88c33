"""紧急放行: for some hours the flow stops no deployment of one order in one space; somebody else looks at it later."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from environments.models import Space
from releases.models.orders import ReleaseOrder


class BreakGlass(models.Model):
    """Opened once with a reason, for four hours at most; over then, ended earlier, or with its opener's right.

    It waits for its review until ``reviewed_at``. Whether it is in force follows from times and rights
    (:func:`releases.break_glass.is_in_force`); within seconds of its end the engine writes ``expired_at`` and tells it.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.PROTECT, related_name="break_glasses")
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="break_glasses")
    reason = models.CharField(_("reason"), max_length=500)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    opened_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    ended_at = models.DateTimeField(null=True)
    """Before its time, by a person."""
    expired_at = models.DateTimeField(null=True)
    """When the platform found its time, or its opener's right, at an end."""
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    reviewed_at = models.DateTimeField(null=True)
    review_comment = models.CharField(_("comment"), max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="a_break_glass_ends_after_it_opens", condition=Q(ends_at__gt=F("opened_at"))),
            models.CheckConstraint(
                name="somebody_ends_a_break_glass_early",
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False, ended_by__isnull=False),
            ),
            models.CheckConstraint(
                name="a_break_glass_ends_by_hand_or_by_itself", condition=Q(ended_at=None) | Q(expired_at=None)
            ),
            models.CheckConstraint(
                name="somebody_else_reviews_a_break_glass",
                condition=Q(reviewed_at=None, reviewed_by=None)
                | (Q(reviewed_at__isnull=False, reviewed_by__isnull=False) & ~Q(reviewed_by=F("opened_by"))),
            ),
        ]
        indexes = [
            models.Index(fields=["space"], condition=Q(reviewed_at=None), name="break_glass_to_review"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.space_id} {self.ends_at}"
