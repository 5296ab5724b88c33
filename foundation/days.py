"""Days out of addresses and other texts from outside."""

from __future__ import annotations

from datetime import date

from django.utils.dateparse import parse_date


def read_day(text: str) -> date | None:
    """The day; None for anything else."""
    try:
        found = parse_date(text.strip())
    except ValueError:
        return None
    # The days around the ends of the calendar do not exist in every zone.
    return found if found and 1970 <= found.year < 9999 else None
