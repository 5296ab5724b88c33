"""What a hub tells of the changes that its watches see: how soon, how often, and of whom."""

from __future__ import annotations

from deployer.interfaces import Moved
from releases.steps.pending_moves import LONGEST_APART_SECONDS, SHORTEST_APART_SECONDS, PendingMoves


def moving(number: int = 0) -> Moved:
    return Moved("pod", f"component-{number}")


def test_the_first_change_is_told_at_once_and_a_burst_of_them_once() -> None:
    pending = PendingMoves()
    assert pending.seconds(1.0) is None
    for _ in range(30):
        pending.note(1, moving(), 1.0)
    assert pending.seconds(1.0) == 0 and pending.take(1.0) == {(1, "component-0"): False}
    assert pending.seconds(1.0) is None and pending.take(1.0) == {}


def test_what_goes_on_moving_is_told_again_after_a_moment() -> None:
    pending = PendingMoves()
    pending.note(1, moving(), 1.0)
    pending.take(1.0)
    pending.note(1, moving(), 1.01)
    assert pending.take(1.01) == {}
    wait = pending.seconds(1.01)
    assert wait is not None and 0 < wait <= SHORTEST_APART_SECONDS
    assert pending.take(1.0 + 2 * SHORTEST_APART_SECONDS) == {(1, "component-0"): False}


def test_an_end_is_never_held_back() -> None:
    pending = PendingMoves()
    for number in range(200):
        pending.note(1, moving(number), 1.0)
    pending.take(1.0)
    pending.note(1, moving(7), 1.1)
    assert pending.take(1.1) == {}
    pending.note(1, Moved("web", "component-7", True), 1.2)
    assert pending.take(1.2) == {(1, "component-7"): True}
    assert pending.seconds(1.2) is None, "what was held back of it is told with it"


def test_a_list_is_told_at_once_and_is_about_everything_there() -> None:
    pending = PendingMoves()
    pending.note(1, Moved(), 1.0)
    pending.take(1.0)
    pending.note(1, Moved(), 1.0)
    assert pending.take(1.0) == {(1, ""): False}


def test_passes_over_two_hundred_that_move_all_the_time_stay_bounded() -> None:
    """Every tenth of a second each of them changes, for a minute."""
    pending, told = PendingMoves(), 0
    for tick in range(600):
        now = 100.0 + tick / 10
        for number in range(200):
            pending.note(1, moving(number), now)
        told += len(pending.take(now))
    assert 200 * 60 / LONGEST_APART_SECONDS * 0.8 < told < 200 * 60 / LONGEST_APART_SECONDS * 1.5


def test_who_is_still_does_not_slow_down_the_others() -> None:
    pending = PendingMoves()
    for number in range(200):
        pending.note(1, moving(number), 1.0)
    pending.take(1.0)
    later = 1.0 + 2 * LONGEST_APART_SECONDS
    pending.note(1, moving(), later)
    assert pending.take(later) == {(1, "component-0"): False}
    pending.note(1, moving(), later)
    assert abs((pending.seconds(later) or 0.0) - SHORTEST_APART_SECONDS) < 1e-6
