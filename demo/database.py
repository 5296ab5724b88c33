"""Whose database is it? The demo's rows bring a known administrator, so they go into an empty one or into their own."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from foundation.models import Installation

_FILLED_BY_PEOPLE = ("accounts.User", "accounts.Organisation", "audit.AuditEvent")
"""Nothing can be set up without a row of these: no sign-in, no project, no trace of an act."""


class ForeignDatabase(Exception):
    """The demo's rows must not go there; ``str()`` says why and what to do."""


def require_demo_or_empty() -> None:
    """Raises ForeignDatabase. Reads only, so that it may be asked before ``migrate``."""
    tables = set(connection.introspection.table_names())
    if _has_marker(tables):
        return
    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    strange = tables - known - {MigrationRecorder.Migration._meta.db_table}
    if strange:
        raise ForeignDatabase(_refusal(f"has tables of another program, such as {min(strange)}"))
    for label in _FILLED_BY_PEOPLE:
        model = apps.get_model(label)
        if model._meta.db_table in tables and model._default_manager.exists():
            raise ForeignDatabase(_refusal(f"has {model._meta.verbose_name_plural} that the demo did not make"))


def mark_as_demo() -> None:
    """Writes the marker; call it in the transaction that loads the rows. Raises ForeignDatabase.

    The lock lets one of two that load at once wait, and ask again once the other has committed.
    """
    Installation.objects.get_or_create(singleton=True)
    row = Installation.objects.select_for_update().get()
    require_demo_or_empty()
    if not row.is_demo:
        row.is_demo = True
        row.save(update_fields=["is_demo"])


def _has_marker(tables: set[str]) -> bool:
    return Installation._meta.db_table in tables and Installation.objects.filter(is_demo=True).exists()


def _refusal(what: str) -> str:
    if Path(str(connection.settings_dict["NAME"])).is_relative_to(settings.DATA_DIR):
        remedy = "make reset throws it away; PRISM4K_DATA_DIR=<folder> takes another one"
    else:
        remedy = "unset DATABASE_URL, or name an empty database in it"
    return f"The demo's data goes into an empty database only. This one {what}; nothing was changed. Instead: {remedy}."
