"""Reading what one was told. No right is needed for it but to be the person, and nobody else learns of it."""

from __future__ import annotations

from django.db.models.functions import Now

from accounts.models import User
from environments.access import Rights
from notifications.models import Notice
from notifications.selectors.notices import own_notice, own_notices


def mark_read(*, actor: User, rights: Rights, pk: int) -> Notice:
    """It is read; a second time changes nothing. Raises Missing for what is not the person's."""
    row = own_notice(actor, rights, pk)
    Notice.objects.filter(pk=row.pk, read_at=None).update(read_at=Now())
    row.refresh_from_db(fields=["read_at"])
    return row


def mark_all_read(*, actor: User, rights: Rights, up_to: int) -> int:
    """All up to this one are read, what came since is not; returns how many were unread."""
    rows = own_notices(actor, rights, only_unread=True).select_related(None).order_by()
    return rows.filter(pk__lte=up_to).update(read_at=Now())
