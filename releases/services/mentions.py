"""What people say and whom they name, and reading where one is named."""

from __future__ import annotations

from django.db.models.functions import Now

from accounts.models import User
from environments.access import require
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.mentions import people_in
from releases.models import Mention, ReleaseOrder

LONGEST = 4000


def said_and_named(actor: User, project_id: int, text: str) -> tuple[str, list[User]]:
    """The text without what surrounds it, and the others whom it names and who may see the project.

    Raises Denied where the person may not comment there, Invalid without a text or for a long one.
    """
    require(actor, "comment", project_id=project_id)
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise Invalid({"text": [_("Write between 1 and 4000 characters.")]})
    return text, [person for person in people_in(text, project_id) if person.pk != actor.pk]


def mark_read(*, actor: User, order: ReleaseOrder) -> None:
    """The person has read where they are named in this order; a second time changes nothing."""
    require(actor, "see", project_id=order.project_id)
    Mention.objects.filter(person=actor, order=order, read_at=None).update(read_at=Now())
