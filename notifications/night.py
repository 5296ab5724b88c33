"""The night of a person: a window of hours in their own time zone, over midnight or not."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.choices import known_zones
from accounts.models import User


def zone_of(person: User) -> ZoneInfo:
    """The person's own zone, or that of the site."""
    return ZoneInfo(person.time_zone if person.time_zone in known_zones() else settings.TIME_ZONE)


def end_of_night(person: User, at: datetime, begins: time, ends: time) -> datetime | None:
    """When the night ends that ``at`` lies in; None by day. A night that begins and ends at one time is none.

    Hours are those of the clock on the wall: where it is changed that night, the night is an hour longer or shorter.
    """
    here = at.astimezone(zone_of(person))
    clock = here.time().replace(tzinfo=None)
    if begins == ends:
        return None
    is_over_midnight = begins > ends
    is_night = (clock >= begins or clock < ends) if is_over_midnight else begins <= clock < ends
    if not is_night:
        return None
    day = here.date() + timedelta(days=1 if is_over_midnight and clock >= begins else 0)
    end = datetime.combine(day, ends, tzinfo=here.tzinfo)
    # Where the clock is set back, an hour comes twice: after the first time the second is meant.
    return end if end.astimezone(UTC) > at else end.replace(fold=1)
