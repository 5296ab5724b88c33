"""占用: somebody keeps a space, or one component in it, as it is, because they are testing what stands there."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from audit.recording import Subject
from components.models import Component
from environments.models import Space
from foundation.messages import MessageField


class Hold(models.Model):
    """With a reason and an end, a week away at most. Lifted by a person, or over by itself.

    Whether it stands follows from its end and from its holder (:func:`releases.holds.standing`); within seconds of its
    end the engine writes ``ended_at`` and tells it.
    """

    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="holds", db_index=False)
    component = models.ForeignKey(
        Component, on_delete=models.PROTECT, null=True, related_name="holds", db_index=False,
        verbose_name=_("component"),
    )  # fmt: skip
    """None: everything in the space."""
    reason = models.CharField(_("reason"), max_length=500)
    held_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    held_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    """Who lifted it; None where it ended by itself."""
    message = MessageField(blank=True)
    """Why it ended: what its lifter said, or why it was over."""

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="a_hold_ends_after_it_begins", condition=Q(ends_at__gt=F("held_at"))),
            models.CheckConstraint(
                name="a_hold_that_somebody_lifted_has_ended", condition=Q(ended_by=None) | Q(ended_at__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["space", "held_by"], condition=Q(ended_at=None, component=None), name="one_hold_of_a_space_each"
            ),
            models.UniqueConstraint(
                fields=["space", "component", "held_by"],
                condition=Q(ended_at=None, component__isnull=False),
                name="one_hold_of_a_component_each",
            ),
        ]
        indexes = [models.Index(fields=["space"], condition=Q(ended_at=None), name="holds_that_stand")]

    def __str__(self) -> str:
        return f"{self.space_id} {self.component_id} {self.ends_at}"

    @property
    def name(self) -> str:
        """What is held: the component's name, or project and environment."""
        return self.component.name if self.component else str(self.space)

    @property
    def over_at(self) -> datetime:
        """When it ended, or will."""
        return self.ended_at or self.ends_at

    @property
    def audit_subject(self) -> Subject:
        return Subject("hold", self.pk, self.name, self.space.project.slug, self.space.environment.slug)
