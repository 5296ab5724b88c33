"""Dates out of an uploaded file: a CSV with a date in the first column, or an iCalendar with an event a day.

Of iCalendar what such calendars are made of is read: VEVENT with DTSTART and DTEND. An event that repeats is refused
with its line, because a day too few is a freeze too few.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date, timedelta

from foundation.messages import message as _
from foundation.problems import Invalid

MOST_CHARACTERS = 200_000
MOST_DATES = 3000
_COMPACT = re.compile(r"^\d{8}")


def read_dates(text: str) -> list[date]:
    """Sorted, each once. Raises Invalid on ``text`` with the line that does not fit, for none and for too many."""
    if len(text) > MOST_CHARACTERS:
        raise _refused(_("At most %(most)s characters.", most=MOST_CHARACTERS))
    if "\0" in text:
        raise _refused(_("This is no text: a CSV or an iCalendar file is needed."))
    is_calendar = text.lstrip("\ufeff \r\n\t").upper().startswith("BEGIN:VCALENDAR")
    found = sorted(set(_of_calendar(text) if is_calendar else _of_csv(text)))
    if not found:
        raise _refused(_("There is no date in it."))
    if len(found) > MOST_DATES:
        raise _refused(_("At most %(most)s dates.", most=MOST_DATES))
    return found


def _refused(message: object) -> Invalid:
    return Invalid({"text": [message]})  # type: ignore[list-item]  # any text for a person


def _of_csv(text: str) -> Iterator[date]:
    """The first column; a head without a digit is passed over."""
    for number, row in enumerate(csv.reader(text.lstrip("\ufeff").splitlines()), 1):
        cell = row[0].strip() if row else ""
        if not cell or cell.startswith("#") or (number == 1 and not any(sign.isdigit() for sign in cell)):
            continue
        yield _date(cell.replace("/", "-"), number)


def _date(text: str, line: int) -> date:
    try:
        if _COMPACT.match(text) and len(text) == 8:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        year, month, day = text.split("-")
        return date(int(year), int(month), int(day))
    except ValueError:
        raise _refused(_("Line %(line)s has no date such as 2026-12-02.", line=line)) from None


def _of_calendar(text: str) -> Iterator[date]:
    inside, start, end = False, None, None
    for number, line in _unfolded(text):
        name, _colon, value = line.partition(":")
        name = name.partition(";")[0].upper()
        if name == "BEGIN" and value.upper() == "VEVENT":
            inside, start, end = True, None, None
        elif not inside:
            continue
        elif name in ("RRULE", "RDATE"):
            raise _refused(_("Line %(line)s is of an event that repeats: write each day out.", line=number))
        elif name == "DTSTART":
            start = _date(value.strip()[:8], number)
        elif name == "DTEND":
            end = _date(value.strip()[:8], number)
        elif name == "END" and value.upper() == "VEVENT":
            inside = False
            yield from _days(start, end, number)


def _days(start: date | None, end: date | None, line: int) -> Iterator[date]:
    """An all-day event's end is the day after it."""
    if start is None:
        raise _refused(_("The event that ends in line %(line)s has no DTSTART.", line=line))
    last = max(start, (end or start) - timedelta(days=1) if end and end > start else start)
    if (last - start).days > MOST_DATES:
        raise _refused(_("At most %(most)s dates.", most=MOST_DATES))
    day = start
    while day <= last:
        yield day
        day += timedelta(days=1)


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; one that begins with a space goes on with the line before it."""
    kept, at = "", 0
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        if line[:1] in (" ", "\t"):
            kept += line[1:]
            continue
        if kept:
            yield at, kept
        kept, at = line, number
    if kept:
        yield at, kept
