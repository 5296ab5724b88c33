"""Links with their events as the tables hold them: tuples of texts, as fast as the database gives them.

No rows of the ORM: a verification reads a million, and must not cost much more than reading and hashing them does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any, NamedTuple

from django.db import connection
from django.utils.dateparse import parse_datetime

from audit.marks import CONTENT, digest_of, digest_of_texts
from audit.models import AuditEvent, AuditLink

_MICROSECONDS = len("2026-11-20 14:06:33.123456")


class StoredLink(NamedTuple):
    """One link, and what is stored of its event; ``id`` is None where the event is gone."""

    sequence: int
    event_id: int
    previous_mac: str
    mac: str
    id: int | None
    mark: str
    digest: str
    """Over the event as it is stored now."""


def read_links(*, after: int, size: int) -> Iterator[tuple[Any, ...]]:
    """So many in order: link, id and mark of the event, and its columns in the order of CONTENT."""
    links, events = AuditLink._meta.db_table, AuditEvent._meta.db_table
    # Names of tables and columns alone.
    statement = f"""
        SELECT link.sequence, link.event_id, link.previous_mac, link.mac, {_columns()}
        FROM {links} link LEFT JOIN {events} event ON event.id = link.event_id
        WHERE link.sequence > %s ORDER BY link.sequence LIMIT %s
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [after, size])
        yield from cursor


def digest_of_stored(content: list[Any]) -> str:
    """Of an event's columns as they are stored, in the order of CONTENT; empty where they are of no such kind."""
    moment = content[0]
    try:
        if not isinstance(moment, str):
            return digest_of(content)
        # SQLite keeps a time as text, nearly the one that is marked; without microseconds where there are none.
        if len(moment) == _MICROSECONDS:
            return digest_of_texts((f"{moment[:10]}T{moment[11:]}+00:00", *content[1:]))
        read = parse_datetime(moment)
        return digest_of((read.replace(tzinfo=read.tzinfo or UTC), *content[1:])) if read else ""
    except (AttributeError, TypeError, ValueError):
        return ""


def _columns() -> str:
    """SQLite's driver would read each time: what is marked is text."""
    at = 'CAST(event."at" AS text)' if connection.vendor == "sqlite" else 'event."at"'
    return ", ".join(['event."id"', 'event."mark"', at, *(f'event."{name}"' for name in CONTENT[1:])])
