"""Reads what was done since the last pass and writes down who is told, each within seconds of its seal.

What was read and what it brought are one transaction: a crash before it leaves both undone, one after it neither twice.
Nothing is added to the path of a build or a deployment: their audit rows are there already. A pass that grows long ends
with what it has told so far, and an event that cannot be told is stepped over: neither holds up what follows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import DataError, Error, IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import User
from environments.access import read_rights
from foundation.clock import db_now
from foundation.messages import as_message, redacted_message
from foundation.runs.choices import TERMINAL
from foundation.runs.lease import Again, Lease, Outcome
from notifications.dispatching import for_webhooks, write_dispatches
from notifications.heard import Heard, Passage, listen
from notifications.mailing import put_into_mails
from notifications.models import Dispatch, Mail, Notice, Telling
from notifications.selectors.preferences import mutes_of, preferences_by_person
from notifications.telling_words import Told
from notifications.told import VERBS, told_by

log = logging.getLogger("notifications")

PAUSE_SECONDS = 2.0
KEPT_DAYS = 90
TIDIED_EACH = timedelta(hours=1)
BITE = 1000
READING_SECONDS = 0.25
RESTS = 3.0
"""A pass asks so long who is told, and rests so many times as long as it took where there is more: what brings many
events at once are many builds and deployments, which need this process themselves."""
MOST_NOTICES = 2000
"""After so many a pass writes, too."""


def step(lease: Lease) -> Outcome:
    """One pass; soon again while more was done than one pass tells."""
    began = time.monotonic()
    row: Telling = lease.read()
    passage = listen(row.told, VERBS)
    brought, up_to = _read(passage)
    if up_to > row.told:
        with transaction.atomic():
            lease.hold()
            _write(brought)
            lease.save(told=up_to)
    if not passage.is_all or up_to < passage.up_to:
        return Again(RESTS * (time.monotonic() - began))
    return _tidy(lease, row)


@dataclass(frozen=True)
class _Brought:
    """What one event brings, not written yet; nothing where it cannot be told."""

    heard: Heard
    notices: list[Notice] = field(default_factory=list)
    dispatches: list[Dispatch] = field(default_factory=list)


def _read(passage: Passage) -> tuple[list[_Brought], int]:
    """As many events as there is time for, one at least, and the link up to which that is."""
    found: list[_Brought] = []
    began = time.monotonic()
    for heard in passage.events:
        is_late = time.monotonic() - began > READING_SECONDS
        if found and (is_late or sum(len(one.notices) for one in found) >= MOST_NOTICES):
            return found, found[-1].heard.link
        found.append(_brought_by(heard))
    return found, passage.up_to


def _brought_by(heard: Heard) -> _Brought:
    with _stepped_over_if_it_fails(heard):
        tellings = [(heard, told) for told in told_by(heard)]
        notices = wanted([notice for _heard, told in tellings for notice in _for_each(heard, told)])
        return _Brought(heard, notices, for_webhooks(tellings))
    return _Brought(heard)


def _write(brought: list[_Brought]) -> None:
    """In the caller's transaction, each event in a savepoint. Open pages of those who are told look once more."""
    people: set[int] = set()
    for one in brought:
        if one.notices or one.dispatches:
            with _stepped_over_if_it_fails(one.heard), transaction.atomic():
                people |= write_down(one.notices)
                write_dispatches(one.dispatches)
    if people:
        User.objects.filter(pk__in=sorted(people)).update(news_at=Now())


@contextmanager
def _stepped_over_if_it_fails(heard: Heard) -> Iterator[None]:
    """What fails for this event each time would stop the telling for ever: nobody is told of it, which the log says.

    A database that is away, or whose tables are not those of this release, fails for all: that is raised.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, Error) and not isinstance(error, DataError | IntegrityError):
            raise
        log.critical("Nobody is told of event %s (%s).", heard.event, heard.verb, exc_info=True)


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


def write_down(notices: list[Notice]) -> set[int]:
    """In the caller's transaction: those that were not told before, and what carries them. Returns who is told.

    The one run that tells is the only one that makes any: what is not there now is not made meanwhile.
    """
    fresh = _not_told_yet(notices)
    if fresh:
        put_into_mails(fresh)
        Notice.objects.bulk_create(fresh)
    return {notice.person_id for notice in fresh}


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
    before = now - timedelta(days=KEPT_DAYS)
    over = {"due_at__lt": before, "state__in": sorted(TERMINAL)}
    for old in (Notice.objects.filter(at__lt=before), Mail.objects.filter(**over), Dispatch.objects.filter(**over)):
        bite = list(old.order_by("pk").values_list("pk", flat=True)[:BITE])
        if bite:
            old.model._default_manager.filter(pk__in=bite).delete()
            return Again(0)
    lease.save(tidied_at=now)
    return Again(PAUSE_SECONDS)
