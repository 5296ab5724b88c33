"""Writing down what others read later."""

from __future__ import annotations

from django.db import transaction

import audit
from accounts.models import User
from environments.models import Space
from releases.models import SpaceComment
from releases.models.written import WrittenText
from releases.services.mentions import said_and_named
from releases.services.page_news import tell_pages


def write_down(row: WrittenText, verb: str, *, actor: User, project_id: int, text: str) -> None:
    """Saves the row, for who may comment in the project; those whom it names are told, if they may see the project.

    ``verb``: how its acts begin in the audit. Raises Denied, Invalid without a text or for a long one.
    """
    text, people = said_and_named(actor, project_id, text)
    row.author, row.text, row.named = actor, text, [person.username for person in people]
    with transaction.atomic():
        row.save()
        audit.record_act(actor, f"{verb}.{'mentioned' if row.named else 'written'}", row, after={"named": row.named})
        tell_pages(project_id)


def comment_on_space(*, actor: User, space: Space, text: str) -> SpaceComment:
    """What who works there next has to know. Raises as :func:`write_down`."""
    row = SpaceComment(space=space)
    write_down(row, "space_comment", actor=actor, project_id=space.project_id, text=text)
    return row
