"""Reading where one is named."""

from __future__ import annotations

from django.db.models.functions import Now

from accounts.models import User
from environments.access import require
from releases.models import Mention, ReleaseOrder


def mark_read(*, actor: User, order: ReleaseOrder) -> None:
    """The person has read where they are named in this order; a second time changes nothing."""
    require(actor, "see", project_id=order.project_id)
    Mention.objects.filter(person=actor, order=order, read_at=None).update(read_at=Now())
