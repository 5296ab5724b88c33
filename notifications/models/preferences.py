"""What a person wants to be told, and what of it not."""

from __future__ import annotations

from datetime import time

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from notifications.choices import ways_by_default
from releases.models import ReleaseOrder


class Preferences(models.Model):
    """One person's; who has no row has chosen nothing. ``ways``: by kind the ways by which it is told; a kind that is
    not in it, as one that is new, is told as by default."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="notification_preferences"
    )
    ways = models.JSONField(default=dict)
    has_digest = models.BooleanField(default=False)
    """Off unless chosen: releases happen at night, and who is asked for an approval then must hear of it."""
    night_from = models.TimeField(default=time(22, 0))
    night_until = models.TimeField(default=time(7, 0))

    def __str__(self) -> str:
        return f"preferences of {self.person_id}"

    def ways_of(self, kind: str) -> list[str]:
        """By which ways this kind is told."""
        return list(self.ways.get(kind, ways_by_default(kind)))


class Mute(models.Model):
    """A person is told nothing of this order."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="+")
    muted_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["person", "order"], name="an_order_is_muted_once")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.order_id}"
