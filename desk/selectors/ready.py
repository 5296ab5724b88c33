"""灾备就绪 on home: a line for each project whose twin this person sees."""

from __future__ import annotations

from dataclasses import dataclass

from desk.comparison import Pair
from desk.twins.pairs import twin_pairs
from environments.access import Rights
from releases.readiness import MISSING, READY, UNKNOWN, Shown, readiness_of

MOST = 6
_FIRST = (MISSING, UNKNOWN)


@dataclass(frozen=True)
class ReadyBand:
    """``shown``: those that lack something first, then by project; at most so many."""

    pairs: int
    shown: list[tuple[Pair, Shown]]


def ready_band(rights: Rights, *, project: str = "") -> ReadyBand:
    """Of all projects, or of one; one query."""
    pairs = [one for one in twin_pairs(rights) if one.project and project in ("", one.project.slug)]
    found = readiness_of([one.right.pk for one in pairs if one.right])
    lines = [(one, found[one.right.pk]) for one in pairs if one.right]
    return ReadyBand(len(lines), sorted(lines, key=lambda line: _rank(line[1].state))[:MOST])


def _rank(state: str) -> int:
    if state in _FIRST:
        return _FIRST.index(state)
    return len(_FIRST) + (state == READY)
