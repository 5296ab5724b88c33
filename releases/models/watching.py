"""Which orders a person follows."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from releases.models.orders import ReleaseOrder


class Watch(models.Model):
    """A person is told what happens to this order as its author is."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="+")
    watched_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["person", "order"], name="an_order_is_watched_once")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.order_id}"
