"""Sessions of browsers: each sign-in is a row, so that a person sees and ends theirs, and that a reset ends them all.

A session is over when its row in ``django_session`` is gone: pages ask it at each request, sockets once a second.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

import audit
from accounts.models import BrowserSession, Token, User
from foundation.problems import Missing

SEEN_EVERY_SECONDS = 60.0
"""``seen_at`` is written at most this often by a process, so that reading pages does not write a row each time."""

_noted: dict[str, float] = {}


def remember_session(request: HttpRequest, user: User) -> None:
    """Writes that this browser is signed in as that person, and forgets those of theirs that are over."""
    if not request.session.session_key:
        request.session.save()
    key = str(request.session.session_key)
    BrowserSession.objects.filter(user=user).exclude(session_key__in=_alive()).delete()
    values = {
        "user": user,
        "address": request.META.get("REMOTE_ADDR", "")[:64],
        "browser": request.META.get("HTTP_USER_AGENT", "")[:200],
        "seen_at": timezone.now(),
    }
    BrowserSession.objects.update_or_create(session_key=key, defaults=values)
    _note(key)


def _on_sign_in(sender: Any, request: HttpRequest, user: User, **_more: Any) -> None:
    remember_session(request, user)


user_logged_in.connect(_on_sign_in, dispatch_uid="accounts.sessions")


def note_seen(request: HttpRequest) -> None:
    """Writes now and then that the session is in use; a database that takes no writes does not stop the page."""
    key = request.session.session_key
    if not key or time.monotonic() - _noted.get(key, float("-inf")) < SEEN_EVERY_SECONDS:
        return
    _note(key)
    with contextlib.suppress(DatabaseError):
        BrowserSession.objects.filter(session_key=key).update(seen_at=timezone.now())


def _note(key: str) -> None:
    if len(_noted) > 10_000:
        _noted.clear()
    _noted[key] = time.monotonic()


def _alive() -> QuerySet[Session, Any]:
    return Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")


def own_sessions(user: User) -> QuerySet[BrowserSession]:
    """Where the person is signed in now, the last used first."""
    return BrowserSession.objects.filter(user=user, session_key__in=_alive())


def end_session(*, actor: User, number: int) -> None:
    """Ends one of one's own sessions, this very one too; its sockets close within two seconds. Raises Missing."""
    with transaction.atomic():
        row = own_sessions(actor).filter(pk=number).first()
        if row is None:
            raise Missing
        _end(BrowserSession.objects.filter(pk=row.pk))
        audit.record_act(actor, "session.ended", row, after={"address": row.address})


def end_other_sessions(*, actor: User, keep: str) -> int:
    """Ends all of one's own sessions but the one with that key; returns how many."""
    with transaction.atomic():
        count = end_sessions(actor, keep=keep)
        if count:
            audit.record_act(actor, "session.others_ended", actor, after={"sessions": count})
    return count


def end_sessions(user: User, *, keep: str = "") -> int:
    """Ends the person's sessions, but for the one with the key ``keep``; in the caller's transaction."""
    return _end(BrowserSession.objects.filter(user=user).exclude(session_key=keep))


def end_tokens(user: User) -> int:
    """Ends all tokens of the person, in the caller's transaction; returns how many."""
    count, _by_model = Token.objects.filter(user=user).delete()
    return int(count)


def _end(rows: QuerySet[BrowserSession]) -> int:
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    BrowserSession.objects.filter(session_key__in=keys).delete()
    return len(keys)
