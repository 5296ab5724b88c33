"""Database triggers that refuse UPDATE and DELETE on the audit tables: the app's only SQL.

Installed after every migrate, because SQLite drops a table's triggers when a migration rebuilds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("audit_auditevent", "audit_auditlink")
OPERATIONS = ("UPDATE", "DELETE")
_FUNCTION = "audit_is_append_only"


def _names() -> list[tuple[str, str, str]]:
    """(trigger, table, operation) of every trigger that must exist."""
    return [(f"{table}_no_{operation.lower()}", table, operation) for table in TABLES for operation in OPERATIONS]


def _install_sqlite(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for trigger, table, operation in _names():
            cursor.execute(
                f"CREATE TRIGGER IF NOT EXISTS {trigger} BEFORE {operation} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END"
            )


def _install_postgresql(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'audit rows are append-only' USING ERRCODE = 'integrity_constraint_violation'; "
            f"END $$"
        )
        for trigger, table, operation in _names():
            cursor.execute(
                f"CREATE OR REPLACE TRIGGER {trigger} BEFORE {operation} ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION {_FUNCTION}()"
            )
        for table in TABLES:
            cursor.execute(
                f"CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()"
            )


def install(using: str = "default") -> None:
    """Creates the triggers where they are missing; needs the right to create triggers."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        _install_postgresql(connection)
    else:
        _install_sqlite(connection)


def remove(using: str = "default") -> None:
    """Drops the triggers. Only tests call this (:mod:`audit.testing`): their databases are emptied between cases."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for trigger, table in _present(using):
            suffix = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}{suffix}")


def _present(using: str) -> list[tuple[str, str]]:
    """(trigger, table) of those installed."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        query = (
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND pg_table_is_visible(c.oid) AND c.relname IN (%s, %s)"
        )
    else:
        query = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (%s, %s)"
    with connection.cursor() as cursor:
        cursor.execute(query, TABLES)
        return [(str(name), str(table)) for name, table in cursor.fetchall()]


def triggers_present(using: str = "default") -> bool:
    """True when every trigger is in place; ``/readyz`` asks this."""
    present = {trigger for trigger, _ in _present(using)}
    return all(trigger in present for trigger, _, _ in _names())


def after_migrate(sender: Any, using: str = "default", **_: Any) -> None:
    """Receiver of post_migrate: installs the triggers and makes the one row of the sealing run."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    if not tables.issuperset(TABLES):
        return
    install(using)
    sender.get_model("SealRun")._default_manager.using(using).get_or_create(singleton=True)


@contextmanager
def lifted(using: str = "default") -> Iterator[None]:
    """Runs a block without the triggers; for tests that tamper with rows."""
    remove(using)
    try:
        yield
    finally:
        install(using)
