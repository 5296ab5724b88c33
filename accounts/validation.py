"""Checks a row before it is saved and says what is wrong field by field."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction

from foundation.messages import message as _
from foundation.problems import Invalid, Stale

M = TypeVar("M", bound=models.Model)

ADDRESSES = frozenset({"new"})
"""Words that pages have in the place of a short name: a row of that name could not be opened."""


def clean_row(row: models.Model, *, exclude: Collection[str] = ()) -> None:
    """Runs the model's own checks (validators, choices, uniqueness, constraints); raises Invalid by field name."""
    for field in ("slug", "username"):
        if getattr(row, field, "") in ADDRESSES:
            raise Invalid({field: [_("This word is taken by a page: choose another name.")]})
    try:
        row.full_clean(exclude=set(exclude))
    except ValidationError as error:
        raise Invalid(_by_field(error)) from None


def _by_field(error: ValidationError) -> dict[str, list[str]]:
    """Django's messages by field; those of the whole row under the empty name."""
    return {"" if name == NON_FIELD_ERRORS else name: messages for name, messages in error.message_dict.items()}


def save_clean(row: M, *, exclude: Collection[str] = ()) -> M:
    """Checks and saves; a name that somebody else took between the check and the insert is told as Stale."""
    clean_row(row, exclude=exclude)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        # The check above passed, so another person saved the same unique value a moment ago.
        raise Stale(_("Somebody saved the same name a moment ago: look at the list and try again.")) from None
    return row


def changed(row: models.Model, values: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Sets the values on the row; returns what differs as (before, after), for the audit."""
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for name, value in values.items():
        old = getattr(row, name)
        if old != value:
            before[name], after[name] = _plain(old), _plain(value)
            setattr(row, name, value)
    return before, after


def _plain(value: object) -> object:
    """A value as the audit keeps it: text, number, list or nothing."""
    if value is None or isinstance(value, str | int | float | bool | list | dict):
        return value
    return str(value)
