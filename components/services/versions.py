"""Saving a version: the newest row counts, none is ever changed, and nobody overwrites what they did not see."""

from __future__ import annotations

from typing import Protocol

from django.db import IntegrityError, models, transaction

from accounts.models import User
from foundation.problems import Stale
from foundation.sentences import say as _


class Version(Protocol):
    """What every versioned row has."""

    number: int

    @property
    def author(self) -> User | None:
        """Who saved it."""


def check_seen(current: Version | None, seen_number: int | None) -> None:
    """Raises Stale when the form was drawn from another version than the current one; None: the caller did not look."""
    if seen_number is None or seen_number == (current.number if current else 0):
        return
    raise _stale(current)


def insert_version(row: models.Model, current: Version | None) -> None:
    """Inserts the row; raises Stale when somebody took its number between our look and now."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise _stale(current) from None


def _stale(current: Version | None) -> Stale:
    if current is None or current.author is None:
        return Stale(_("Somebody has saved another version: yours was not saved. Look at theirs, then save again."))
    sentence = _("%(who)s has saved version %(number)s: yours was not saved. Look at theirs, then save again.")
    return Stale(sentence % {"who": current.author.shown_name, "number": current.number})
