"""Reads what was done since the last pass and writes down who is told, each within seconds of its seal.

What was read and what it brought are one transaction: a crash before it leaves both undone, one after it neither twice.
Nothing is added to the path of a build or a deployment: their audit rows are there already.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models.functions import Now

from accounts.models import User
from environments.access import read_rights
from foundation.clock import db_now
from foundation.messages import as_message, redacted_message
from foundation.runs.choices import TERMINAL
from foundation.runs.lease import Again, Lease, Outcome
from notifications.dispatching import for_webhooks, write_dispatches
from notifications.heard import Heard, listen
from notifications.mailing import put_into_mails
from notifications.models import Dispatch, Mail, Notice, Telling
from notifications.selectors.preferences import mutes_of, preferences_by_person
from notifications.told import VERBS, Told, told_by

log = logging.getLogger("notifications")

PAUSE_SECONDS = 2.0
KEPT_DAYS = 90
TIDIED_EACH = timedelta(hours=1)
BITE = 1000


def step(lease: Lease) -> Outcome:
    """One pass; at once again while more was done than one pass tells."""
    row: Telling = lease.read()
    passage = listen(row.told, VERBS)
    if passage.up_to > row.told:
        tellings = [(heard, told) for heard in passage.events for told in _told(heard)]
        notices = wanted([notice for heard, told in tellings for notice in _for_each(heard, told)])
        dispatches = for_webhooks(tellings)
        with transaction.atomic():
            lease.hold()
            write_down(notices)
            write_dispatches(dispatches)
            lease.save(told=passage.up_to)
    if not passage.is_all:
        return Again(0)
    return _tidy(lease, row)


def _told(heard: Heard) -> list[Told]:
    """Of one event. What it cannot make sense of is told to nobody, and must not keep what follows from being told."""
    try:
        return told_by(heard)
    except DatabaseError:
        raise
    except Exception:
        log.exception("Nobody is told of event %s (%s).", heard.event, heard.verb)
        return []


def _for_each(heard: Heard, told: Told) -> Iterator[Notice]:
    people = {person.pk: person for person in told.people if person.is_active}
    if not told.is_own:
        people.pop(heard.actor or 0, None)
    texts: dict[str, Any] = {"message": as_message(told.message), "detail": redacted_message(told.detail)}
    for rights, _ends in read_rights(people.values()):
        if heard.project is None or rights.sees(heard.project.pk):
            yield Notice(
                person=rights.user,
                kind=told.kind,
                key=told.key_of(heard),
                project=heard.project,
                order=heard.order,
                **texts,
                path=told.path,
                at=heard.at,
            )


def wanted(notices: list[Notice]) -> list[Notice]:
    """Those that their receivers want to be told, in two queries: of a kind that they chose, of no order that they
    muted."""
    people = {notice.person_id for notice in notices}
    chosen = preferences_by_person(people)
    muted = mutes_of(people, {notice.order_id for notice in notices if notice.order_id is not None})
    return [
        notice
        for notice in notices
        if chosen[notice.person_id].ways_of(notice.kind) and (notice.person_id, notice.order_id) not in muted
    ]


def write_down(notices: list[Notice]) -> None:
    """In the caller's transaction: those that were not told before, and what carries them. Open pages look once more.

    The one run that tells is the only one that makes any: what is not there now is not made meanwhile.
    """
    fresh = _not_told_yet(notices)
    if fresh:
        put_into_mails(fresh)
        Notice.objects.bulk_create(fresh)
        User.objects.filter(pk__in=sorted({notice.person_id for notice in fresh})).update(news_at=Now())


def _not_told_yet(notices: list[Notice]) -> list[Notice]:
    found = {(notice.person_id, notice.key): notice for notice in reversed(notices)}
    people, keys = {person for person, _key in found}, {key for _person, key in found}
    told = Notice.objects.filter(person__in=people, key__in=keys).values_list("person_id", "key")
    for one in told:
        found.pop(one, None)
    return list(reversed(found.values()))


def _tidy(lease: Lease, row: Telling) -> Outcome:
    """Once an hour, in small bites: old ones go, read or not."""
    now = db_now()
    if row.tidied_at is not None and now - row.tidied_at < TIDIED_EACH:
        return Again(PAUSE_SECONDS)
    old = Notice.objects.filter(at__lt=now - timedelta(days=KEPT_DAYS)).order_by("pk").values_list("pk", flat=True)
    bite = list(old[:BITE])
    if bite:
        Notice.objects.filter(pk__in=bite).delete()
        return Again(0)
    for kept in (Mail, Dispatch):
        kept.objects.filter(due_at__lt=now - timedelta(days=KEPT_DAYS), state__in=sorted(TERMINAL)).delete()
    lease.save(tidied_at=now)
    return Again(PAUSE_SECONDS)
