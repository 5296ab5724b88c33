"""Dates of an uploaded CSV or iCalendar: what fits is read, and all else is refused with its line."""

from __future__ import annotations

from datetime import date

import pytest

from environments.day_files import MOST_CHARACTERS, MOST_DATES, read_dates
from foundation.problems import Invalid

DAYS = [date(2026, 12, 2), date(2026, 12, 3), date(2026, 12, 7)]
ICS = """BEGIN:VCALENDAR\r
VERSION:2.0\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20261202\r
DTEND;VALUE=DATE:20261204\r
SUMMARY:Trading day with a name that is\r
  folded over two lines\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART:20261207T013000Z\r
DTEND:20261207T073000Z\r
END:VEVENT\r
END:VCALENDAR\r
"""


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-02\n2026-12-03\n2026-12-07\n",
        "\ufeffdate,note\r\n2026/12/07,c\r\n2026/12/2,a\r\n2026-12-03\r\n2026-12-03\r\n",
        "# trading days\n20261202\n\n20261203\n20261207",
        ICS,
    ],
)
def test_what_fits_is_read(text: str) -> None:
    assert read_dates(text) == DAYS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There is no date"),
        ("date\n", "There is no date"),
        ("2026-12-02\nsoon\n", "Line 2 has no date"),
        ("2026-02-30\n", "Line 1 has no date"),
        ("PK\x03\x04\0\0", "This is no text"),
        ("x" * (MOST_CHARACTERS + 1), "At most"),
        ("\n".join(f"{2000 + n // 336}-{n // 28 % 12 + 1}-{n % 28 + 1}" for n in range(MOST_DATES + 1)), "At most"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261202\nRRULE:FREQ=DAILY\nEND:VEVENT", "Line 4 is of an event"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR", "has no DTSTART"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:tomorrow\nEND:VEVENT\nEND:VCALENDAR", "Line 3 has no date"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\nDTEND:99991231\nEND:VEVENT\nEND:VCALENDAR", "At most"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_dates(text)
    assert said in str(refusal.value.fields["text"][0])
