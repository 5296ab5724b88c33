"""Saying go or no-go, and taking it back. It opens no gate and closes none."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from environments.access import require
from environments.models import Space
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.choices import GoChoice
from releases.events import record_act
from releases.locks import lock_orders
from releases.models import GoWord, ReleaseOrder

LONGEST_TEXT = 500


def say_go(*, actor: User, order: ReleaseOrder, space: Space, word: str, comment: str = "") -> GoWord | None:
    """The person's word of this order there from now on; an empty one takes theirs back, and None is returned.

    Who may comment on the order may say it. Raises Denied, Invalid for another word or a long comment. The same word
    again changes nothing.
    """
    require(actor, "comment", project_id=order.project_id)
    comment = comment.strip()
    if word not in ("", *GoChoice.values):
        raise Invalid({"word": [_("Choose one of %(names)s.", names=GoChoice.values)]})
    if len(comment) > LONGEST_TEXT:
        raise Invalid({"comment": [_("At most %(most)s characters.", most=LONGEST_TEXT)]})
    with transaction.atomic():
        # Two windows of one person: the order's lock lets one after the other write the one row.
        lock_orders(order.pk)
        row = GoWord.objects.filter(order=order, space=space, by=actor).select_related("by", "space").first()
        before = {"word": row.word, "comment": row.comment} if row else None
        if not word:
            _take_back(row, order, space, before)
            return None
        if row is not None and before == {"word": word, "comment": comment}:
            return row
        row, _is_new = GoWord.objects.update_or_create(
            order=order, space=space, by=actor, defaults={"word": word, "comment": comment, "said_at": Now()}
        )
        row.refresh_from_db()
        after = {"word": word, "comment": comment}
        data = {"note": comment}
        record_act(order, f"go_word.{word}", actor, subject=row, space=space, data=data, before=before, after=after)
    return row


def _take_back(row: GoWord | None, order: ReleaseOrder, space: Space, before: dict[str, str] | None) -> None:
    if row is None:
        return
    record_act(order, "go_word.taken_back", row.by, subject=row, space=space, before=before, after={})
    row.delete()
