"""The stages of a log: lines from the log's own marks, state and duration from what Jenkins says of the stages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from releases.logs.index import LogIndex
from releases.models import Build


@dataclass(frozen=True)
class LogSection:
    """``last`` None: to the end. ``state`` is empty and ``seconds`` None where Jenkins names no such stage."""

    name: str
    first: int
    last: int | None
    errors: int
    warnings: int
    state: str
    seconds: int | None


def sections_of(build: Build) -> list[LogSection]:
    """In the log's order; the second section of a name is the second stage of that name."""
    stages: dict[tuple[str, int], dict[str, object]] = {}
    seen: Counter[str] = Counter()
    for stage in build.stages:
        stages[str(stage["name"]), seen[str(stage["name"])]] = stage
        seen[str(stage["name"])] += 1
    seen.clear()
    found = []
    for section in LogIndex.read(build.log_index).sections:
        stage = stages.get((section.name, seen[section.name]), {})
        seen[section.name] += 1
        lasted = stage.get("duration_ms")
        found.append(
            LogSection(
                section.name, section.first, section.last, section.errors, section.warnings,
                state=str(stage.get("state") or ""),
                seconds=None if lasted is None else -(-int(str(lasted)) // 1000),  # begun seconds, as the strip says
            )
        )  # fmt: skip
    return found
