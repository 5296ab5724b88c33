"""The row about this database as a whole: made after migrate, holds its epoch and whether it holds demo data."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.models import Manager

from foundation.clock import db_now


def is_demo() -> bool:
    """Serves as the demo, and its database was made by the demo. One query, and none where DEMO is off."""
    return bool(settings.DEMO) and _rows().filter(is_demo=True).exists()


def current_epoch() -> int:
    """Which of its lives, between restores from backups, this database is in; begins the first one when asked."""
    row, _is_new = _rows().get_or_create(singleton=True)
    if not row.epoch:
        _rows().filter(epoch=0).update(epoch=_seconds())
        row.refresh_from_db()
    epoch: int = row.epoch
    return epoch


def begin_epoch() -> int:
    """A new epoch, later than every one that any copy of this database has had; returns it. In a transaction."""
    before = current_epoch()
    epoch = max(before + 1, _seconds())
    _rows().update(epoch=epoch)
    return epoch


def _seconds() -> int:
    # Of the clock, not a counter: the same backup, restored twice, would count to the same number twice.
    return int(db_now().timestamp())


def after_migrate(sender: Any, using: str = "default", **_: Any) -> None:
    """Receiver of post_migrate: makes the row. A migrate that stops before the table exists makes none."""
    model = sender.get_model("Installation")
    if model._meta.db_table in connections[using].introspection.table_names():
        model._default_manager.using(using).get_or_create(singleton=True)


def _rows() -> Manager[Any]:
    # By name: the app's configuration imports this module before models can be loaded.
    return apps.get_model("foundation", "Installation")._default_manager
