"""Changing the plain fields of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from django.db import transaction

import audit
from accounts.models import Organisation, User
from accounts.validation import changed, clean_row
from environments.models import Group

M = TypeVar("M", Organisation, User, Group)


def save_changes(actor: User, row: M, verb: str, values: Mapping[str, object]) -> M:
    """The row with the values, locked, checked and audited under the verb where they differ. Raises Invalid."""
    with transaction.atomic():
        locked = type(row)._default_manager.select_for_update().get(pk=row.pk)
        before, after = changed(locked, values)
        if before:
            clean_row(locked)
            locked.save(update_fields=list(before))
            audit.record_act(actor, verb, locked, before=before, after=after)
    return locked
