"""灾备就绪: what a switch to the twin of a space would need, and whether it is there."""

from __future__ import annotations

from django.db import models

from environments.models import Space
from foundation.messages import MessageJSONField
from foundation.runs.models import Run


class Readiness(Run):
    """The run that checks the twin's space each day, soon after what serves has changed, and when somebody asks.

    ``found``: a component that serves in the sibling each, ``{"component", "name", "order", "wave", "items": [{"code",
    "state", "message", "help"}]}``, with the codes of ``releases.readiness.CODES``; ready, missing or unknown.
    """

    space = models.OneToOneField(Space, on_delete=models.CASCADE, related_name="readiness")
    found = MessageJSONField(default=list)
    checked_at = models.DateTimeField(null=True)
    """When ``found`` was complete; null before the first check."""
    serves = models.CharField(max_length=64, blank=True)
    """A digest of what served in both spaces as that check began."""
    asked_at = models.DateTimeField(null=True)
    """When somebody asked for a check last."""
    draft = MessageJSONField(default=dict)
    """Of the check under way: ``{"serves", "since", "left": [placement], "found", "used": {"quota resource": n}}``;
    empty between two."""

    class Meta(Run.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"readiness of {self.space_id}"

    @property
    def is_asked(self) -> bool:
        """Somebody asked, and the answer is not there yet."""
        return self.asked_at is not None and (self.checked_at is None or self.checked_at < self.asked_at)
