"""Saving a version: the newest row counts, none is ever changed, and nobody overwrites what they did not see."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from components.models.versions import Version
from foundation.messages import message as _
from foundation.problems import Invalid, Stale


def check_seen(current: Version | None, seen_number: int | None) -> None:
    """Raises Stale when the form was drawn from another version than the current one; None: the caller did not say."""
    if seen_number is None or seen_number == (current.number if current else 0):
        return
    raise _stale(current)


def insert_version(row: Version, current: Version | None) -> None:
    """Inserts the row; raises Stale when somebody took its number between our read and now."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise _stale(current) from None


def ensure_reason(note: str, current: Version | None) -> None:
    """A person who changes what a component may use says why; the first version needs no reason. Raises Invalid."""
    if current is not None and not note:
        raise Invalid({"note": [_("Say what changed and why: the reviewers of the next deployment read it.")]})


def _stale(current: Version | None) -> Stale:
    if current is None or current.author is None:
        return Stale(_("Somebody has saved another version: yours was not saved. Look at theirs, then save again."))
    message = _(
        "%(who)s has saved version %(number)s: yours was not saved. Look at theirs, then save again.",
        who=current.author.shown_name,
        number=current.number,
    )
    return Stale(message)
