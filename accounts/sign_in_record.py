"""Failed sign-ins, lock-outs and sign-outs go into the audit, whichever page or operation they came by."""

from __future__ import annotations

import contextlib
from typing import Any

import axes.signals
from django.conf import settings
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.db import DatabaseError

import audit
from accounts.models import User
from audit.choices import Outcome


class Nobody:
    """Who tried to sign in: nobody knows who it was."""

    id = ""
    name = "–"


def connect() -> None:
    """Once, when the product starts."""
    user_login_failed.connect(record_failed_sign_in, dispatch_uid="accounts.failed")
    axes.signals.user_locked_out.connect(record_lock_out, dispatch_uid="accounts.locked")
    user_logged_out.connect(record_sign_out, dispatch_uid="accounts.signed_out")


def record_failed_sign_in(sender: Any, credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    """Not the attempts after a lock-out: a program that goes on trying would fill the table."""
    if not (getattr(request, "axes_locked_out", False) and _failures(request) != settings.AXES_FAILURE_LIMIT):
        _record("user.sign_in_failed", credentials.get("username"))


def record_lock_out(sender: Any, username: str | None = None, request: Any = None, **_: Any) -> None:
    """Only the attempt that locks; axes tells of each later one too."""
    if _failures(request) == settings.AXES_FAILURE_LIMIT:
        record_locked(username, settings.AXES_FAILURE_LIMIT)


def record_locked(username: str | None, failures: int) -> None:
    """So many wrong passwords shut a name, an address, or one at the other."""
    _record("user.locked_out", username, after={"failures": failures})


def record_sign_out(sender: Any, user: Any = None, **_: Any) -> None:
    """Somebody who was signed in left."""
    if isinstance(user, User):
        audit.record_act(user, "user.signed_out", user)


def _failures(request: Any) -> int | None:
    """How many failures axes has counted with this attempt; None where it counted none because of a lock."""
    return getattr(request, "axes_failures_since_start", None)


def _record(verb: str, username: str | None, after: dict[str, Any] | None = None) -> None:
    name = str(username or "").replace("\0", "\N{REPLACEMENT CHARACTER}")
    with contextlib.suppress(DatabaseError):
        # What nobody is called may be a password in the wrong field, and nothing leaves the audit again.
        known = User.objects.filter(username=name[:150]).first()
        audit.record(
            Nobody(), verb, object_type="user", object_id=known.pk if known else "",
            object_name=known.username if known else "",
            outcome=Outcome.REFUSED, after=after,
        )  # fmt: skip
