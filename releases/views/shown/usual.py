"""How long things usually take here: medians of the last successes, so that a bar and "about 3 min" mean something."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from django.utils import timezone

from releases import selectors

NEARLY = 95
"""What still goes on is never drawn as done, however late it is."""


@dataclass(frozen=True)
class UsualBuild:
    """Seconds of a whole build and of each stage; None and nothing where none ever succeeded."""

    seconds: int | None = None
    stages: dict[str, int] = field(default_factory=dict)


def usual_build(component_id: int) -> UsualBuild:
    """One query."""
    builds = selectors.recent_builds(component_id)
    stages: dict[str, list[int]] = defaultdict(list)
    for build in builds:
        for stage in build.stages:
            if stage.get("state") == "succeeded":
                stages[str(stage.get("name"))].append(int(stage.get("duration_ms") or 0) // 1000)
    whole = [seconds_between(build.started_at, build.finished_at) for build in builds]
    return UsualBuild(_median(whole), {name: int(median(seconds)) for name, seconds in stages.items()})


def usual_rollout(component_id: int, space_id: int) -> int | None:
    """Seconds from the cluster's yes to the verdict: one query."""
    rows = selectors.recent_rollouts(component_id, space_id)
    return _median([seconds_between(row.applied_at, row.finished_at) for row in rows])


def _median(seconds: list[int | None]) -> int | None:
    known = [one for one in seconds if one is not None]
    return int(median(known)) if known else None


def seconds_between(start: datetime | None, end: datetime | None) -> int | None:
    """Whole seconds, never negative; up to now while it has no end; None before it began."""
    if start is None:
        return None
    return max(0, int(((end or timezone.now()) - start).total_seconds()))


def percent_of(elapsed: int, usual: int | None) -> int:
    """How far a bar is while it goes on; 0 where nobody knows what is usual."""
    return min(NEARLY, elapsed * 100 // max(1, usual)) if usual is not None else 0
