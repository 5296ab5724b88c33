"""Tables for tests, made straight from the models: a tenth of the time that migrations take.

They are the same: ``make lint`` holds each migration to its models, and tests/upgrade and every whole product migrate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Read by Django when it makes the tests' database."""
    for connection in connections.all():
        connection.settings_dict["TEST"]["MIGRATE"] = False


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """As pytest-django's, in a database that counts as migrated."""
    with django_db_blocker.unblock():
        for connection in connections.all():
            _record_migrations(connection)


def make_tables(connection: BaseDatabaseWrapper) -> None:
    """All tables, triggers and shipped rows, in the empty database behind the connection."""
    with _without_migrations():
        call_command("migrate", run_syncdb=True, verbosity=0, database=connection.alias)
    _record_migrations(connection)


@contextmanager
def _without_migrations() -> Iterator[None]:
    with override_settings(MIGRATION_MODULES={app.label: None for app in apps.get_app_configs()}):
        yield


def _record_migrations(connection: BaseDatabaseWrapper) -> None:
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    for app, name in MigrationLoader(None).disk_migrations:
        recorder.record_applied(app, name)
