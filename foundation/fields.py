"""Model fields of the platform's own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models

from foundation.clock import db_now

if TYPE_CHECKING:
    _DateTimeField = models.DateTimeField[datetime | str, datetime]
else:
    _DateTimeField = models.DateTimeField


class ChangedAtField(_DateTimeField):
    """When the row was saved last, by the database's clock; indexed, because readers poll for what changed lately.

    ``auto_now`` takes the clock of the host that saves: with a host 20 s slow its changes lie before the window that
    readers look at, and nobody ever sees them. ``QuerySet.update()`` must set it itself, to ``Now()``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(editable=False, blank=True, db_index=True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """As Django's own field: the column is one, and migrations must import nothing of the product."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """The moment of this save, kept on the instance as well: forms carry it as the row's version."""
        moment = db_now()
        setattr(model_instance, self.attname, moment)
        return moment
