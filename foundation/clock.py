"""Database time: several hosts share one database, and only its clock decides who holds a lease."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A moment that has always passed: a lease that nobody holds."""

PARKED = datetime(9999, 1, 1, tzinfo=UTC)
"""A moment that never comes: a run that only a waker makes due (1 January, so that no time zone overflows)."""


def now_plus(seconds: float) -> Combinable:
    """SQL expression: the database's now plus so many seconds."""
    if seconds == 0:
        return Now()
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def now_minus(seconds: float) -> Combinable:
    """SQL expression: the database's now less so many seconds."""
    return now_plus(-seconds)


def db_now() -> datetime:
    """The database's clock as a value, in UTC. SQLite has no clock of its own: it reads this machine's."""
    if connection.vendor == "sqlite":
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT STATEMENT_TIMESTAMP()")
        moment: datetime = cursor.fetchone()[0]
    return moment
