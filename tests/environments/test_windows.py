"""Spans of windows over the changes of daylight saving: never shorter than their words, and in their order."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.windows import Span, Window, is_zone

BERLIN, NEW_YORK, SHANGHAI = "Europe/Berlin", "America/New_York", "Asia/Shanghai"
EVERY_DAY = frozenset(range(7))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(zone: str, opens: str, closes: str) -> Window:
    return Window(zone=zone, opens=time.fromisoformat(opens), closes=time.fromisoformat(closes), weekdays=EVERY_DAY)


@pytest.mark.parametrize(
    ("zone", "opens", "closes", "inside", "begins", "ends"),
    [
        # Clocks jump from 02:00 to 03:00 at 01:00 UTC: 02:30 does not exist, and the change stands for it.
        (BERLIN, "02:30", "05:00", "2026-03-29 02:00", "2026-03-29 01:00", "2026-03-29 03:00"),
        (BERLIN, "01:00", "02:30", "2026-03-29 00:30", "2026-03-29 00:00", "2026-03-29 01:00"),
        # They go back from 03:00 to 02:00 at 01:00 UTC: 02:30 comes at 00:30 and at 01:30 UTC.
        (BERLIN, "02:30", "05:00", "2026-10-25 01:00", "2026-10-25 00:30", "2026-10-25 04:00"),
        (BERLIN, "01:00", "02:30", "2026-10-25 01:15", "2026-10-24 23:00", "2026-10-25 01:30"),
        # 02:00 to 03:00 at 07:00 UTC, and 02:00 to 01:00 at 06:00 UTC.
        (NEW_YORK, "02:30", "04:00", "2026-03-08 07:30", "2026-03-08 07:00", "2026-03-08 08:00"),
        (NEW_YORK, "01:30", "03:00", "2026-11-01 06:00", "2026-11-01 05:30", "2026-11-01 08:00"),
        # A whole day has 23 hours, and 25.
        (BERLIN, "00:00", "00:00", "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00"),
        (BERLIN, "00:00", "00:00", "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00"),
        # Over midnight; and a zone without changes.
        (BERLIN, "22:00", "06:00", "2026-10-25 00:00", "2026-10-24 20:00", "2026-10-25 05:00"),
        (SHANGHAI, "09:00", "15:30", "2026-12-02 03:00", "2026-12-02 01:00", "2026-12-02 07:30"),
    ],
)  # fmt: skip
def test_where_clocks_change(zone: str, opens: str, closes: str, inside: str, begins: str, ends: str) -> None:
    assert daily(zone, opens, closes).covering(at(inside)) == Span(at(begins), at(ends))


def test_its_end_is_no_part_of_it() -> None:
    window = daily(SHANGHAI, "09:00", "15:30")
    assert window.covering(at("2026-12-02 01:00")) and not window.covering(at("2026-12-02 07:30"))
    assert not window.covering(at("2026-12-02 00:59:59"))


def test_the_days_of_a_calendar_and_of_the_week() -> None:
    trading = Window(
        zone=SHANGHAI, opens=time(9), closes=time(15, 30), dates=frozenset({date(2026, 12, 2), date(2026, 12, 7)})
    )
    assert trading.covering(at("2026-12-02 02:00")) and not trading.covering(at("2026-12-03 02:00"))
    following = trading.next_after(at("2026-12-02 02:00"))
    assert following and following.begins_at == at("2026-12-07 01:00")
    assert trading.next_after(at("2026-12-07 02:00")) is None
    fridays = Window(zone=SHANGHAI, opens=time(18), closes=time(22), weekdays=frozenset({4}))
    assert [span.begins_at.day for span in fridays.spans(at("2026-12-01 00:00"), at("2026-12-20 00:00"))] == [4, 11, 18]


def test_once_is_once() -> None:
    span = Span(at("2026-12-01 00:00"), at("2026-12-02 00:00"))
    window = Window(once=span)
    assert window.covering(at("2026-12-01 12:00")) == span and window.covering(at("2026-12-02 00:00")) is None
    assert window.next_after(at("2026-11-30 00:00")) == span and window.next_after(at("2026-12-01 00:00")) is None


def test_names_of_zones() -> None:
    assert is_zone(BERLIN) and not is_zone("Mars/Olympus") and not is_zone("../etc/passwd")


CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))


@given(
    st.sampled_from([BERLIN, NEW_YORK, SHANGHAI, "Australia/Lord_Howe"]), CLOCKS, CLOCKS,
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)  # fmt: skip
def test_it_is_open_whenever_its_words_say_so(zone: str, opens: time, closes: time, moment: datetime) -> None:
    """What the clock on the wall says to be inside is covered, and no span is longer than the longest day."""
    window = Window(zone=zone, opens=opens, closes=closes, weekdays=EVERY_DAY)
    wall = moment.astimezone(ZoneInfo(zone)).time()
    says = opens <= wall < closes if opens < closes else wall >= opens or wall < closes
    span = window.covering(moment)
    if says:
        assert span is not None
    if span is not None:
        assert span.covers(moment) and timedelta(0) < span.ends_at - span.begins_at <= timedelta(hours=25)
    spans = list(window.spans(moment, moment + timedelta(days=4)))
    assert spans == sorted(spans) and len(spans) >= 3
