"""The product's rows, read (and now and then set) without the product: SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2


class Rows:
    """One connection a statement; ``%s`` marks parameters on both databases."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        if self._url.startswith("sqlite:///"):
            with closing(sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=20)) as connection:
                yield connection
        else:
            with closing(psycopg2.connect(self._url)) as connection:
                yield connection

    def _run(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._url.startswith("sqlite:///"):
            statement = statement.replace("%s", "?")
        with self._connection() as connection:
            cursor = connection.cursor()
            cursor.execute(statement, values)
            found = cursor.fetchall() if cursor.description else []
            connection.commit()
            return list(found)

    def all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._run(query, values)

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        found = self._run(query, values)
        return found[0][0] if found else None

    def change(self, statement: str, *values: Any) -> None:
        """One statement, committed."""
        self._run(statement, values)


@contextmanager
def database_beside(url: str, name: str, like: str = "template1") -> Iterator[str]:
    """A new PostgreSQL database on the server of ``url``, a copy of ``like``; dropped afterwards."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
        try:
            yield url.rpartition("/")[0] + f"/{name}"
        finally:
            connection.cursor().execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
