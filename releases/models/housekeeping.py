"""The one run that throws away what has a limited life."""

from __future__ import annotations

from django.db import models

from foundation.runs.models import Run


class Housekeeping(Run):
    """Deletes build logs beyond their retention and old answers to repeated requests. Made after migrate, endless."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)
    deleted_chunks = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta(Run.Meta):
        abstract = False
        constraints = [models.CheckConstraint(name="housekeeping_is_one_row", condition=models.Q(singleton=True))]

    def __str__(self) -> str:
        return "housekeeping"


class Expiry(Run):
    """The one run that ends, within seconds, what is over by its time or with somebody's right. Made after migrate,
    endless."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)

    class Meta(Run.Meta):
        abstract = False
        constraints = [models.CheckConstraint(name="expiry_is_one_row", condition=models.Q(singleton=True))]

    def __str__(self) -> str:
        return "expiry"
