"""Which components a person has put first."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from components.models.components import Component


class Favourite(models.Model):
    """A component that stands first in a person's lists."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="+")
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["person", "component"], name="a_component_is_a_favourite_once")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.component_id}"
