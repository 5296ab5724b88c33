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
    shown: list[tuple[Pair, Shown | None]]
    is_asked: bool = True
    """False: their names alone, without a query; the page asks for the rest."""


def ready_band(rights: Rights, *, project: str = "") -> ReadyBand:
    """Of all projects, or of one; one query."""
    lines = _pairs(rights, project)
    found = readiness_of([space for _pair, space in lines])
    shown = sorted(((pair, found[space]) for pair, space in lines), key=lambda line: _rank(line[1].state))
    return ReadyBand(len(lines), [*shown[:MOST]])


def named_band(rights: Rights, *, project: str = "") -> ReadyBand:
    """As many lines, before anybody asked how ready they are: home has no query left for that."""
    lines = _pairs(rights, project)
    return ReadyBand(len(lines), [(pair, None) for pair, _space in lines[:MOST]], is_asked=False)


def _pairs(rights: Rights, project: str) -> list[tuple[Pair, int]]:
    found = [one for one in twin_pairs(rights) if one.project and project in ("", one.project.slug)]
    return [(one, one.right.pk) for one in found if one.right]


def _rank(state: str) -> int:
    if state in _FIRST:
        return _FIRST.index(state)
    return len(_FIRST) + (state == READY)
