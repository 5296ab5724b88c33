"""可发 · 暂缓: what a person says before a release night of an order that is to go to a space."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from environments.models import Space
from releases.choices import GoChoice
from releases.models.orders import ReleaseOrder


class GoWord(models.Model):
    """One person's last word; another one takes its place. No gate reads it."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="go_words", db_index=False)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="+", db_index=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    word = models.CharField(_("word"), max_length=8, choices=GoChoice.choices)
    comment = models.CharField(_("comment"), max_length=500, blank=True)
    said_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["order", "space", "by"], name="one_go_word_each")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.space_id} {self.word}"
