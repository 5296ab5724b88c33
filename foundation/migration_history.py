"""Is the database one that this version of the product can migrate?

A database remembers by name which migrations it has had. A name that this version does not have means that another
version made the tables: to migrate further would run on tables that nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from foundation.messages import Message
from foundation.messages import message as _


def unknown_migrations(connection: BaseDatabaseWrapper) -> list[str]:
    """``app.name`` of what the database has had and this version lacks; reads only, raises DatabaseError."""
    loader = MigrationLoader(connection)
    replaced = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    known = replaced.union(loader.disk_migrations)
    applied = loader.applied_migrations or {}
    return sorted(f"{app}.{name}" for app, name in applied if app in loader.migrated_apps and (app, name) not in known)


def history_refusal(connection: BaseDatabaseWrapper) -> Message | None:
    """Why this database is not migrated or served, and what to do; None when it may be."""
    unknown = unknown_migrations(connection)
    if not unknown:
        return None
    return _(
        "This version does not know the migration %(name)s that the database has had: "
        "run the version that made it, or start with an empty database.",
        name=unknown[-1],
    )


def check_history(*, databases: Sequence[str] | None, **_options: Any) -> list[CheckMessage]:
    """System check of the tag ``database``: ``migrate`` runs it before it changes anything."""
    refusals = [history_refusal(connections[alias]) for alias in databases or ()]
    return [Error(refusal.in_english, id="prism4k.E001") for refusal in refusals if refusal]
