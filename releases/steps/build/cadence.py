"""How soon a build that runs in Jenkins is asked about again. Pure.

A server gets no more requests than a loop that asks twice a second for each of its builds. Where few of many builds are
watched, these have what the others leave. Not counted is a log that has more than one answer holds: that is read on at
once, in requests of which each brings megabytes.
"""

from __future__ import annotations

from dataclasses import dataclass

BUSY_SECONDS = 0.25
"""While lines come and somebody watches."""
QUIET_SECONDS = 1.0
UNWATCHED_SECONDS = 15.0
GLANCE_SECONDS = 1.0
"""So often the list of the job's builds is looked at for a build that nobody watches: has it ended? One request for
all of them."""
LINES_SECONDS = 10.0
"""Lines come while the last are younger."""
FAST_CHARACTERS = 256 * 1024
"""A log of which so much comes at once is read as if somebody watched: little must be left when the build ends."""
STAGES_SECONDS = 15.0
"""So often stages are asked for where the log does not tell of a new one."""
CALLS = 2.0
"""Requests a build and second."""
_UNWATCHED_CALLS = 2 / UNWATCHED_SECONDS
_SHARED = 0.7
"""The job tree, once a second at most, for all: it costs as much as this share of a build's reads."""


@dataclass(frozen=True)
class Followed:
    """How many builds of one server are followed, and how many of them somebody watches."""

    builds: int = 1
    watched: int = 0


def pause_seconds(followed: Followed, *, lines_age: float | None, is_watched: bool, calls: int = 1) -> float:
    """From one read of the log to the next. ``lines_age``: how old its last lines are; ``calls``: how many requests of
    its own this read took. Without contact the engine decides, see :mod:`foundation.runs.writeback`."""
    if not is_watched:
        return UNWATCHED_SECONDS
    has_lines = lines_age is not None and lines_age < LINES_SECONDS
    return max(BUSY_SECONDS if has_lines else QUIET_SECONDS, calls * seconds_of_a_call(followed))


def next_pass_seconds(pause: float) -> float:
    """From one pass to the next. What is watched is passed over as often as its log is read and no sooner: a pass in
    between would ask again what the pause after two requests had put off."""
    return GLANCE_SECONDS if pause >= UNWATCHED_SECONDS else pause


def seconds_of_a_call(followed: Followed) -> float:
    """How far apart the requests for one watched build lie at least, so that all of them stay below the limit."""
    watched = max(1, followed.watched)
    others = max(0, followed.builds - watched)
    return (watched + _SHARED) / (CALLS * (watched + others) - _UNWATCHED_CALLS * others)
