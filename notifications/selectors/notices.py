"""What one person was told, as far as they may read it now."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import User
from environments.access import Rights
from foundation.clock import now_minus
from foundation.problems import Missing
from notifications.choices import NoticeKind, Way
from notifications.models import Notice
from notifications.selectors.preferences import preferences_of

MOST = 100
"""So many unread ones are counted; where there are more, a page says "100+"."""
FRESH_SECONDS = 600.0
MOST_SHOWN = 5
"""So many are shown by a browser at once, the newest; the list has the others."""


def own_notices(person: User, rights: Rights, *, only_unread: bool = False) -> QuerySet[Notice]:
    """Newest first; those of projects that the person sees no more are left out, as if they had not been told."""
    rows = Notice.objects.filter(person=person).select_related("project").order_by("-pk")
    ids = rights.project_ids()
    if ids is not None:
        # A rule of the site is told to people who have a role there, and see every project.
        rows = rows.filter(project__in=ids)
    elif not rights.can("see_site"):
        rows = rows.filter(Q(project__isnull=False))
    return rows.filter(read_at=None) if only_unread else rows


def own_notice(person: User, rights: Rights, pk: int) -> Notice:
    """One of them; raises Missing, also for another person's."""
    row = own_notices(person, rights).filter(pk=pk).first()
    if row is None:
        raise Missing
    return row


def unread_count(person: User, rights: Rights) -> int:
    """How many are unread; one more than :data:`MOST` where there are more."""
    rows = own_notices(person, rights, only_unread=True).select_related(None).order_by()
    return len(rows.values_list("pk", flat=True)[: MOST + 1])


def for_browser(person: User, rights: Rights, *, after: int) -> list[Notice]:
    """What a browser shows: unread, later than ``after``, of the last minutes, in kinds chosen for it; oldest first.

    What happened while no page was open is in the list; to show it hours later would only startle.
    """
    chosen = preferences_of(person)
    kinds = [kind for kind in NoticeKind.values if Way.BROWSER in chosen.ways_of(kind)]
    rows = own_notices(person, rights, only_unread=True).select_related(None)
    fresh = rows.filter(pk__gt=after, kind__in=kinds, at__gt=now_minus(FRESH_SECONDS))
    return list(reversed(fresh[:MOST_SHOWN]))
