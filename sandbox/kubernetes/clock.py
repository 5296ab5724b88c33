"""Time as Kubernetes writes it: RFC 3339 in UTC, whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime


def moment() -> datetime:
    """Now, with zone."""
    return datetime.now(UTC)


def stamp(at: datetime | None = None) -> str:
    """``2026-11-20T10:00:00Z``; now when ``at`` is None."""
    return (at or moment()).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """The moment of a stamp, with or without a fraction."""
    return datetime.fromisoformat(text)


def seconds_since(text: str) -> float:
    """Seconds from a stamp until now."""
    return (moment() - parse(text)).total_seconds()
