"""All components that are out of line between an environment and its twin, over all projects, by the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q, QuerySet

from components.naming import short_code
from desk.comparison import KINDS, PAGE, Counts, Pair
from desk.comparison.differing import OUT_OF_LINE, count_by_project, narrowed, side_by_side, with_rank
from desk.comparison.lines import kinds_of
from desk.twins.pairs import twin_pairs
from environments.access import Rights
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.readiness import READY, Shown, readiness_of


@dataclass(frozen=True)
class PairCount:
    """One pair of twins and how many of its components are out of line."""

    pair: Pair
    counts: Counts
    readiness: Shown
    """Of the twin, as it was checked last."""

    @property
    def is_in_line(self) -> bool:
        """Nothing differs but amounts."""
        return not self.counts.out_of_line


@dataclass(frozen=True)
class OutOfLine:
    """One component. Orders are numbers, empty where nothing serves; ``kinds`` of ``comparison.KINDS``."""

    pair: Pair
    slug: str
    code: str
    left: str
    right: str
    kinds: list[str]
    how: MessageLike

    @property
    def words(self) -> list[MessageLike]:
        """The kinds as people read them."""
        return [KINDS[kind] for kind in self.kinds]


@dataclass(frozen=True)
class TwinList:
    """A page; ``more`` is where the next one begins, empty at the end. ``pairs`` has all, also where few are listed."""

    pairs: list[PairCount] = field(default_factory=list)
    lines: list[OutOfLine] = field(default_factory=list)
    more: str = ""

    @property
    def ready(self) -> int:
        """Pairs whose twin could take over."""
        return sum(one.readiness.state == READY for one in self.pairs)

    @property
    def out_of_line(self) -> int:
        """Components, in all projects."""
        return sum(one.counts.out_of_line for one in self.pairs)


def list_twins(rights: Rights, *, project: str = "", kind: str = "", start: str = "") -> TwinList:
    """``project`` and ``kind`` narrow the lines; two queries for each pair of environments, however many projects."""
    pairs = twin_pairs(rights)
    counted = _counted(pairs)
    wanted = [pair for pair in pairs if pair.project and project in ("", pair.project.slug)]
    rows = _page(wanted, kind or OUT_OF_LINE, start)
    by_key = {_key_of(pair): pair for pair in wanted}
    lines = [_line(by_key[row.project_id, row.twin], row) for row in rows[:PAGE]]
    return TwinList(counted, lines, _cursor(rows[PAGE - 1]) if len(rows) > PAGE else "")


def _key_of(pair: Pair) -> tuple[int, int]:
    assert pair.right is not None
    return pair.right.project_id, pair.right.environment_id


def _by_environments(pairs: Sequence[Pair]) -> dict[int, list[Pair]]:
    """By the twin: an installation has one, or very few."""
    found: dict[int, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(_key_of(pair)[1], []).append(pair)
    return found


def _rows(pairs: Sequence[Pair]) -> QuerySet[Any]:
    return side_by_side([one.left for one in pairs if one.left], [one.right for one in pairs if one.right])


def _counted(pairs: Sequence[Pair]) -> list[PairCount]:
    found: dict[tuple[int, int], Counts] = {}
    for twin, group in _by_environments(pairs).items():
        found |= {(project, twin): counts for project, counts in count_by_project(_rows(group)).items()}
    checked = readiness_of([pair.right.pk for pair in pairs if pair.right])
    nothing = Counts({}, 0, 0, 0)
    return [PairCount(one, found.get(_key_of(one), nothing), checked[one.right.pk]) for one in pairs if one.right]


def _page(pairs: Sequence[Pair], kind: str, start: str) -> list[Any]:
    """One more than fits, where more follow: by project, twin, what lies behind first."""
    found: list[Any] = []
    for twin, group in _by_environments(pairs).items():
        rows = narrowed(with_rank(_rows(group)), kind).select_related("project").annotate(
            left_number=F("at_left__last_succeeded__order__number"),
            right_number=F("at_right__last_succeeded__order__number"),
        )  # fmt: skip
        for row in _after(rows, start, twin).order_by("project__slug", "rank", "slug")[: PAGE + 1]:
            row.twin = twin
            found.append(row)
    return sorted(found, key=_place)[: PAGE + 1]


def _place(row: Any) -> tuple[str, int, int, str]:
    return row.project.slug, row.twin, row.rank, row.slug


def _cursor(row: Any) -> str:
    return "/".join(str(part) for part in _place(row))


def _after(rows: QuerySet[Any], start: str, twin: int) -> QuerySet[Any]:
    """What follows the last one of the page before; a start that is none begins at the beginning."""
    parts = start.split("/")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts[1:3]):
        return rows
    project, before, rank, slug = parts[0], int(parts[1]), int(parts[2]), parts[3]
    if twin > before:
        return rows.filter(project__slug__gte=project)
    beyond = Q(project__slug__gt=project)
    if twin == before:
        beyond |= Q(project__slug=project, rank__gt=rank) | Q(project__slug=project, rank=rank, slug__gt=slug)
    return rows.filter(beyond)


def _line(pair: Pair, row: Any) -> OutOfLine:
    code = short_code(row.name, row.project.slug)
    left, right = row.left_number or "", row.right_number or ""
    return OutOfLine(pair, row.slug, code, left, right, kinds_of(row), _how(pair, row, left, right))


def _how(pair: Pair, row: Any, left: str, right: str) -> MessageLike:
    """How the versions differ, in a few words; empty where both serve one order."""
    assert pair.left is not None and pair.right is not None
    if left == right:
        return ""
    if not right:
        return _("nothing serves in %(name)s", name=pair.right.environment.label)
    if not left:
        return _("nothing serves in %(name)s", name=pair.left.environment.label)
    if row.rank == 0:
        return _("%(name)s lies behind", name=pair.right.environment.label)
    return _("%(name)s has the newer order", name=pair.right.environment.label)
