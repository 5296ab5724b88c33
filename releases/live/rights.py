"""Who may still watch: one query a second for all sockets of a process, and rights anew only where something moved.

A person's ``rights_epoch`` grows with every change of their rights, in its transaction; a grant ends by itself at a
moment that is known when it is read. Neither asks for the rights of everybody again each second.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib.sessions.models import Session
from django.db.models import CharField, F, IntegerField, Value
from django.db.models.functions import Cast, Now

from accounts.models import User
from environments.access import Rights, read_rights
from foundation.clock import db_now
from releases.live.changes import on_reader_thread
from releases.live.topics import NO_PROJECT, on_thread

REREAD_SECONDS = 30.0
"""Rights are read anew so often in any case: for what was changed past the services, as by a restore."""
_SESSION = -1
"""Stands where a person has an epoch."""

Watcher = tuple[int, str, int]
"""Person, key of the session (may be empty), project."""


@dataclass(frozen=True)
class _Known:
    rights: Rights
    epoch: int
    due_at: float
    """The moment (monotonic) from which on these rights may be less."""


class WatchedRights:
    """The rights of everybody who watches at one process. Only for the reader's thread."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self.signed_out: set[Watcher] = set()
        """Of those asked for last: whose session is over, or who may not sign in any more."""

    def allowed(self, asked: Collection[Watcher]) -> set[Watcher]:
        """Those who still may: active, signed in, and with a role in the project."""
        epochs, sessions = _read_marks(asked)
        self._known = {pk: known for pk, known in self._known.items() if pk in epochs}
        self.signed_out = {one for one in asked if one[0] not in epochs or (one[1] and one[1] not in sessions)}
        now = time.monotonic()
        stale = [pk for pk, epoch in epochs.items() if not self._is_good(pk, epoch, now)]
        if stale:
            self._read(stale, epochs)
        return {
            (user_id, key, project_id)
            for user_id, key, project_id in asked
            if user_id in self._known and (not key or key in sessions) and self._sees(user_id, project_id)
        }

    def _sees(self, user_id: int, project_id: int) -> bool:
        return project_id == NO_PROJECT or self._known[user_id].rights.sees(project_id)

    def _is_good(self, pk: int, epoch: int, now: float) -> bool:
        known = self._known.get(pk)
        return known is not None and known.epoch == epoch and now < known.due_at

    def _read(self, stale: Iterable[int], epochs: dict[int, int]) -> None:
        # The epochs were read before the rights: what changes in between is read again a second later.
        moment, now = db_now(), time.monotonic()
        people = User.objects.filter(pk__in=list(stale), is_active=True)
        for rights, ends_at in read_rights(people):
            left = (ends_at - moment).total_seconds() if ends_at else REREAD_SECONDS
            pk = rights.user.pk
            self._known[pk] = _Known(rights, epochs[pk], now + max(0.0, min(left, REREAD_SECONDS)))


def _read_marks(asked: Collection[Watcher]) -> tuple[dict[int, int], set[str]]:
    """The epochs of those who are active, and the sessions that last, in one query."""
    ids, keys = {user_id for user_id, _key, _project in asked}, {key for _user, key, _project in asked if key}
    people = User.objects.filter(pk__in=ids, is_active=True).order_by()
    people_marks = people.annotate(key=Cast("pk", CharField()), mark=F("rights_epoch")).values_list("key", "mark")
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=Now()).order_by()
    marked = sessions.annotate(key=F("session_key"), mark=Value(_SESSION, IntegerField())).values_list("key", "mark")
    rows = list(people_marks.union(marked, all=True))
    return (
        {int(key): mark for key, mark in rows if mark != _SESSION},
        {key for key, mark in rows if mark == _SESSION},
    )


@on_reader_thread
def read_allowed(rights: WatchedRights, asked: Collection[Watcher]) -> set[Watcher]:
    """``rights.allowed(asked)``, off the event loop."""
    return rights.allowed(asked)


@on_thread
def still_allowed(asked: Collection[Watcher]) -> tuple[set[Watcher], set[Watcher]]:
    """Those who may watch, and those who are signed out, by fresh rows: for a socket that begins to."""
    rights = WatchedRights()
    return rights.allowed(asked), rights.signed_out
