"""Keyset pages: every row once, newest first, never a COUNT."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from foundation.paging import read_cursor, take_page
from foundation.problems import Invalid
from tests.foundation.probe.models import ProbeRun


@pytest.fixture
def rows(db: None) -> list[int]:
    return [ProbeRun.objects.create(value=str(number)).pk for number in range(10)]


def test_paging_down_and_up_again_sees_every_row_once(rows: list[int]) -> None:
    seen, page = [], take_page(ProbeRun.objects.all(), size=4)
    assert page.previous_cursor is None
    while True:
        seen += [row.pk for row in page.items]
        if page.next_cursor is None:
            break
        page = take_page(ProbeRun.objects.all(), before=page.next_cursor, size=4)
    assert seen == rows[::-1]
    up = [page]
    while up[-1].previous_cursor is not None:
        up.append(take_page(ProbeRun.objects.all(), after=up[-1].previous_cursor, size=4))
    assert [row.pk for page in reversed(up) for row in page.items] == rows[::-1]


def test_new_rows_do_not_shift_the_pages(rows: list[int]) -> None:
    first = take_page(ProbeRun.objects.all(), size=4)
    ProbeRun.objects.create()
    second = take_page(ProbeRun.objects.all(), before=first.next_cursor, size=4)
    assert [row.pk for row in second.items] == rows[5:1:-1]


def test_a_page_is_one_query_without_count_or_offset(rows: list[int]) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        take_page(ProbeRun.objects.filter(value__gt="0"), before=rows[-1], size=3)
    (query,) = [entry["sql"].upper() for entry in queries]
    assert "COUNT" not in query and "OFFSET" not in query


@pytest.mark.security("floods")
def test_sizes_are_bounded(rows: list[int]) -> None:
    assert len(take_page(ProbeRun.objects.all(), size=0).items) == 1
    assert len(take_page(ProbeRun.objects.all(), size=10**9).items) == 10


def test_an_empty_page_leads_back(rows: list[int]) -> None:
    page = take_page(ProbeRun.objects.all(), before=rows[0])
    assert page.items == () and page.next_cursor is None and page.previous_cursor is not None
    assert take_page(ProbeRun.objects.all(), after=page.previous_cursor).items[-1].pk == rows[0]
    newest = take_page(ProbeRun.objects.all(), after=rows[-1])
    assert newest.items == () and newest.next_cursor is not None
    assert take_page(ProbeRun.objects.all(), before=newest.next_cursor).items[0].pk == rows[-1]


@pytest.mark.parametrize(("text", "cursor"), [(None, None), ("", None), ("7", 7)])
def test_cursors_are_read(text: str | None, cursor: int | None) -> None:
    assert read_cursor(text) == cursor


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "９", "9" * 30, "1 OR 1=1"])
def test_other_cursors_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_cursor(text, "after")
    assert list(refusal.value.fields) == ["after"]
