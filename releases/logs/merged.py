"""The logs of all pods of a place as one: in the order of the nodes' own times, with who came and who went."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.interfaces import TimedLog
from releases.logs.patterns import marked_lines

MOST_PODS = 12
"""Pods that one answer has lines of."""
COLOURS = (
    "cyan", "magenta", "green", "yellow", "blue", "bright-cyan", "bright-magenta", "bright-green", "bright-yellow",
    "bright-blue", "white", "bright-black",
)  # fmt: skip
"""As many as pods, by the log viewer's own names. Red is for what failed."""
JOINED, LEFT = "joined", "left"

assert len(COLOURS) == MOST_PODS


@dataclass(frozen=True)
class MergedLine:
    """A line of a pod. ``at`` sorts as text; ``kind`` is ``joined`` or ``left`` where it tells of the pod itself."""

    at: str
    pod: str
    text: str = ""
    level: str = ""
    kind: str = ""


def merged(logs: Mapping[str, TimedLog], said: Iterable[MergedLine] = ()) -> list[MergedLine]:
    """All lines by time; those of one pod stay in their order, and what is told of it stands before its lines."""
    sources = [_lines_of(pod, log) for pod, log in logs.items()]
    return list(heapq.merge(sorted(said, key=_at), *sources, key=_at))


def _at(line: MergedLine) -> str:
    return line.at


def _lines_of(pod: str, log: TimedLog) -> Iterator[MergedLine]:
    levels = dict(marked_lines("\n".join(log.lines)))
    for place, (at, text) in enumerate(zip(log.times, log.lines, strict=True)):
        yield MergedLine(at, pod, text, levels.get(place, ""))


def chosen_pods(pods: Sequence[Mapping[str, Any]], names: Collection[str] = ()) -> tuple[list[Mapping[str, Any]], int]:
    """The pods that are followed, oldest first, and how many are not.

    Of more than can be, those that are not ready come before those that are, and newer ones before older ones.
    """
    asked = [pod for pod in pods if not names or pod["name"] in names]
    by_need = sorted(asked, key=_age, reverse=True)
    by_need.sort(key=lambda pod: bool(pod.get("is_ready")))
    return sorted(by_need[:MOST_PODS], key=_age), max(0, len(asked) - MOST_PODS)


def _age(pod: Mapping[str, Any]) -> tuple[str, str]:
    return str(pod.get("started_at") or ""), str(pod["name"])


def colours_of(pods: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """A colour for each of at most 12 pods, oldest first: a pod that comes takes none that another has."""
    taken: dict[str, str] = {}
    for pod in pods:
        first = zlib.crc32(str(pod["name"]).encode()) % len(COLOURS)
        ring = [*COLOURS[first:], *COLOURS[:first]]
        taken[str(pod["name"])] = next(one for one in ring if one not in taken.values())
    return taken


def stamp(moment: datetime) -> str:
    """A moment of ours as the times of lines are written."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z"
