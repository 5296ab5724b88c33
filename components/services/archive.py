"""The archive: rows that are taken out of lists and choices, and brought back."""

from __future__ import annotations

from typing import TypeVar

import audit
from accounts.models import User
from components.models import BaseImage, Component, GitServer, ImageRegistry, JenkinsServer, Template

R = TypeVar("R", BaseImage, Component, GitServer, ImageRegistry, JenkinsServer, Template)


def set_archived(actor: User, row: R, noun: str, *, is_archived: bool) -> R:
    """Takes the row into the archive or out of it, inside the caller's transaction.

    The audit tells it as ``archive_NOUN`` or ``restore_NOUN``; a row that is there already is left as it is.
    """
    if row.is_archived != is_archived:
        row.is_archived = is_archived
        row.save(update_fields=["is_archived"])
        audit.record_act(actor, f"archive_{noun}" if is_archived else f"restore_{noun}", row)
    return row
