"""Who is named in a comment and has not read it yet."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from releases.models.orders import Comment, ReleaseOrder


class Mention(models.Model):
    """One person whom a comment named when it was written; it stands in their inbox until they have read it."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="+")
    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="+", db_index=False)
    """The comment's."""
    at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["person", "comment"], name="named_once_in_a_comment")]
        indexes = [
            models.Index(fields=["person", "-id"], name="mentions_of_a_person"),
            models.Index(fields=["person"], condition=Q(read_at=None), name="unread_mentions"),
            models.Index(fields=["order", "person"], name="mentions_of_an_order"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.comment_id}"
