"""The order's log: numbered without gaps however many write, and complete for readers by number."""

from __future__ import annotations

import random
import threading
import time

import pytest
from django.db import connections, transaction

from components.models import Component
from releases.events import append_event
from releases.models import OrderEvent, ReleaseOrder
from tests.cast import World
from tests.releases import rows
from tests.releases.concurrency.crowd import at_once

WRITERS, EACH = 8, 20


class RolledBack(Exception):
    """A transaction that comes to nothing."""


def write(order: ReleaseOrder, writer: int) -> list[int]:
    """Slow transactions of one writer, a part of which roll back; the numbers that were committed."""
    chance, kept = random.Random(writer), []
    for entry in range(EACH):
        try:
            with transaction.atomic():
                seq = append_event(order.pk, "comment", data={"writer": writer, "entry": entry})
                time.sleep(chance.uniform(0, 0.015))  # slow transactions overlap
                if chance.random() < 0.2:
                    raise RolledBack
        except RolledBack:
            continue
        kept.append(seq)
    return kept


def tail(order: ReleaseOrder, ended: threading.Event, seen: list[int]) -> None:
    """Reads what is new by number, as a browser's cursor does, until the writers have ended."""
    try:
        while True:
            was_over = ended.wait(0.002)
            after = seen[-1] if seen else 0
            seen += OrderEvent.objects.filter(order=order, seq__gt=after).order_by("seq").values_list("seq", flat=True)
            if was_over:
                return
    finally:
        connections.close_all()


@pytest.mark.slow
def test_eight_slow_writers_leave_no_gap_and_a_reader_misses_nothing(world: World, component: Component) -> None:
    order = rows.make_order(component, world.dana)
    first = OrderEvent.objects.filter(order=order).count()
    ended, seen = threading.Event(), list[int]()
    reader = threading.Thread(target=tail, args=(order, ended, seen))
    reader.start()
    written = at_once([lambda writer=writer: write(order, writer) for writer in range(WRITERS)])
    ended.set()
    reader.join()
    total = first + sum(len(numbers) for numbers in written)
    assert total > WRITERS * EACH // 2
    assert sorted(number for numbers in written for number in numbers) == list(range(first + 1, total + 1))
    assert seen == list(range(1, total + 1)), "what a reader by number saw"
    order.refresh_from_db()
    assert order.last_seq == total
