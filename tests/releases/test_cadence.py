"""How often Jenkins is asked: closely where somebody watches lines come, and never more than a loop of two calls."""

from __future__ import annotations

import heapq

import pytest

from releases.steps.build.cadence import (
    BUSY_SECONDS,
    QUIET_SECONDS,
    UNWATCHED_SECONDS,
    Followed,
    next_pass_seconds,
    pause_seconds,
)

FEW_OF_MANY = Followed(builds=40, watched=2)


def test_lines_that_come_while_somebody_watches_are_read_four_times_a_second() -> None:
    assert pause_seconds(FEW_OF_MANY, lines_age=0.3, is_watched=True) == BUSY_SECONDS == 0.25


@pytest.mark.parametrize("age", [None, 11.0])
def test_a_log_without_new_lines_is_read_each_second(age: float | None) -> None:
    assert pause_seconds(FEW_OF_MANY, lines_age=age, is_watched=True) == QUIET_SECONDS == 1.0


def test_a_log_that_nobody_watches_is_read_each_15_seconds() -> None:
    assert pause_seconds(FEW_OF_MANY, lines_age=0.3, is_watched=False) == UNWATCHED_SECONDS == 15.0


def test_stages_that_were_asked_for_make_the_next_read_later() -> None:
    all_watched = Followed(builds=100, watched=100)
    once = pause_seconds(all_watched, lines_age=0.3, is_watched=True)
    assert pause_seconds(all_watched, lines_age=0.3, is_watched=True, calls=2) == pytest.approx(2 * once)


@pytest.mark.parametrize("builds", [1, 2, 3, 5, 20, 100])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("stages", [1, 4])
def test_no_server_gets_more_than_two_requests_a_build_and_second(builds: int, share: float, stages: int) -> None:
    """Passes and looks at the shared job tree, counted over ten minutes in which lines never end."""
    seconds, followed = 600.0, Followed(builds, round(builds * share))
    assert requests(followed, seconds, stages) <= 2 * builds * seconds + 2 * builds


def requests(followed: Followed, seconds: float, stages: int) -> int:
    """So many are sent; each read in ``stages`` asks for the stages too (1: each one)."""
    due = [(index / 1000, index) for index in range(followed.builds)]
    read_at, count, tree_at = {}, 0, -10.0
    reads: dict[int, int] = {}
    while due[0][0] < seconds:
        now, index = heapq.heappop(due)
        is_watched = index < followed.watched
        if now - tree_at > 1.0:
            tree_at, count = now, count + 1
        calls, pause = 0, pause_seconds(followed, lines_age=0.0, is_watched=is_watched)
        if now - read_at.get(index, -100.0) >= pause - 0.001:
            reads[index] = reads.get(index, 0) + 1
            calls = 2 if reads[index] % stages == 0 else 1
            read_at[index], count = now, count + calls
            pause = pause_seconds(followed, lines_age=0.0, is_watched=is_watched, calls=calls)
        heapq.heappush(due, (now + next_pass_seconds(pause), index))
    return count
