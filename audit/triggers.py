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
_UNIQUE = (("audit_auditevent", "mark"), ("audit_auditlink", "sequence"), ("audit_auditlink", "event_id"))
"""Without them a copy of a row could stand beside it."""
_FUNCTION = "audit_is_append_only"


def _names() -> list[tuple[str, str, str]]:
    """(trigger, table, operation) of every trigger that must exist."""
    return [(f"{table}_no_{operation.lower()}", table, operation) for table in TABLES for operation in OPERATIONS]


def _sqlite_text(trigger: str, table: str, operation: str) -> str:
    return f"{trigger} BEFORE {operation} ON {table} BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END"


def _install_sqlite(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for name in _names():
            cursor.execute(f"CREATE TRIGGER IF NOT EXISTS {_sqlite_text(*name)}")


_BODY = " BEGIN RAISE EXCEPTION 'audit rows are append-only' USING ERRCODE = 'integrity_constraint_violation'; END "


def _install_postgresql(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_BODY}$$")
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


def guard_faults(using: str = "default") -> list[str]:
    """A message for each trigger that is gone, switched off or says something else, and each lost unique index."""
    connection = connections[using]
    standing = _standing_postgresql(using) if connection.vendor == "postgresql" else _standing_sqlite(using)
    wanted = [trigger for trigger, _, _ in _names()]
    if connection.vendor == "postgresql":
        wanted += [f"{table}_no_truncate" for table in TABLES]
    faults = [
        f"The trigger {trigger}, which forbids changes, is missing or was changed: run manage.py migrate."
        for trigger in wanted
        if trigger not in standing
    ]
    return faults + [
        f"The unique index on {column} of {table} is missing: restore it from a backup of the tables."
        for table, column in _UNIQUE
        if not _has_unique_index(using, table, column)
    ]


def _standing_sqlite(using: str) -> set[str]:
    """Triggers whose text is ours to the letter: one of the same name may do nothing."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (%s, %s)"
    with connections[using].cursor() as cursor:
        cursor.execute(query, TABLES)
        texts = {str(name): str(text) for name, text in cursor.fetchall()}
    return {name[0] for name in _names() if texts.get(name[0], "").endswith(" " + _sqlite_text(*name))}


_TYPES = {"UPDATE": 1 + 2 + 16, "DELETE": 1 + 2 + 8}
"""PostgreSQL's ``tgtype``: each row, before, the operation."""


def _standing_postgresql(using: str) -> set[str]:
    """Triggers that fire for everybody, on every row and column, with our own function."""
    query = (
        "SELECT t.tgname, t.tgtype FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_proc p ON p.oid = t.tgfoid WHERE pg_table_is_visible(c.oid) AND c.relname IN (%s, %s) "
        "AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL AND t.tgattr = ''::int2vector AND p.prosrc = %s"
    )
    with connections[using].cursor() as cursor:
        cursor.execute(query, [*TABLES, _BODY])
        types = {str(name): int(kind) for name, kind in cursor.fetchall()}
    wanted = {trigger: _TYPES[operation] for trigger, _, operation in _names()}
    wanted |= {f"{table}_no_truncate": 2 + 32 for table in TABLES}
    return {trigger for trigger, kind in wanted.items() if types.get(trigger) == kind}


def _has_unique_index(using: str, table: str, column: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table).values()
    return any(one["unique"] and one["columns"] == [column] for one in found)


def after_migrate(sender: Any, using: str = "default", **_: Any) -> None:
    """Receiver of post_migrate: installs the triggers and makes the one row of each of the two runs."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    if not tables.issuperset(TABLES):
        return
    install(using)
    for model in ("SealRun", "AuditCheck"):
        sender.get_model(model)._default_manager.using(using).get_or_create(singleton=True)


@contextmanager
def lifted(using: str = "default") -> Iterator[None]:
    """Runs a block without the triggers; for tests that tamper with rows."""
    remove(using)
    try:
        yield
    finally:
        install(using)
