"""Which notices go by mail, and in which one: each in its own at once, those of a night in one at its end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings

from foundation.clock import db_now
from foundation.runs.choices import RunState
from notifications.choices import Way
from notifications.models import Mail, Notice, Preferences
from notifications.night import end_of_night
from notifications.selectors.preferences import preferences_by_person
from notifications.smtp import KEY

NEWS = timedelta(days=1)
"""What happened longer ago is in the list alone: after a long stop nobody's mailbox is filled with what is over."""


def put_into_mails(notices: Iterable[Notice]) -> None:
    """Gives each notice its mail, in the caller's transaction and before they are saved.

    Nobody without an address gets one, nothing that is no news goes into one, and nobody at all gets one where the
    installation has no mail server.
    """
    if not settings.MAIL_HOST:
        return
    now = db_now()
    mailed = [notice for notice in notices if notice.person.email and now - notice.at <= NEWS]
    chosen = preferences_by_person({notice.person_id for notice in mailed})
    for notice in mailed:
        preferences = chosen[notice.person_id]
        if Way.MAIL in preferences.ways_of(notice.kind):
            notice.mail = _mail_for(notice, preferences, now)


def _mail_for(notice: Notice, preferences: Preferences, now: datetime) -> Mail:
    person = notice.person
    night = preferences.night_from, preferences.night_until
    ends = end_of_night(person, now, *night) if preferences.has_digest else None
    if ends is None:
        return Mail.objects.create(person=person, number=uuid4(), due_at=now, remote=KEY)
    # Locked: one that is being sent just now takes nothing more.
    waiting = Mail.objects.select_for_update().filter(
        person=person, is_digest=True, state=RunState.QUEUED, due_at__gt=now
    )
    return waiting.first() or Mail.objects.create(
        person=person, number=uuid4(), is_digest=True, due_at=ends, next_at=ends, remote=KEY
    )
