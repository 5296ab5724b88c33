"""部署动态 as a page draws it: by day, with how long each took beside what is usual there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from statistics import median

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from foundation.durations import took
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import Deployment
from releases.presenters.build import USUAL_OF, seconds_between

WHOLE = (DeploymentKind.DEPLOY, DeploymentKind.ROLL_BACK)
"""What takes its usual time: a restart or a scale by one is no measure of it."""
BAR, MARK = 72, 48
"""Units of the bar: all of it, and where the usual time lies."""


@dataclass(frozen=True)
class FeedRow:
    """One deployment. ``seconds`` so far, or until its end; ``usual`` is None where nobody knows."""

    deployment: Deployment
    seconds: int | None
    usual: int | None

    @property
    def length(self) -> int:
        """Of the bar, in units; a bar that is full took half as long again, or longer."""
        if not self.usual or self.seconds is None:
            return 0
        return max(2, min(BAR, self.seconds * MARK // self.usual))


@dataclass(frozen=True)
class FeedDay:
    """The rows of one day in the viewer's zone; ``word`` for today and yesterday."""

    day: date
    word: MessageLike
    is_today: bool
    rows: list[FeedRow]


def feed_days(rows: Sequence[Deployment]) -> list[FeedDay]:
    """The rows of a page, in their order: one query."""
    usual = usual_times(rows)
    shown = [_row(row, usual) for row in rows]
    today = timezone.localdate()
    words = {today: _("Today"), today - timedelta(days=1): _("Yesterday")}
    days = groupby(shown, key=lambda one: timezone.localdate(one.deployment.created_at))
    return [FeedDay(day, words.get(day, ""), day == today, list(found)) for day, found in days]


def _row(row: Deployment, usual: dict[tuple[int, int], int]) -> FeedRow:
    seconds = took(row) if row.finished_at else seconds_between(row.started_at, None)
    return FeedRow(row, seconds, usual.get((row.component_id, row.space_id)) if row.kind in WHOLE else None)


def usual_times(rows: Iterable[Deployment]) -> dict[tuple[int, int], int]:
    """Seconds by (component, space): the median of the last :data:`USUAL_OF` that succeeded; one query."""
    pairs = {(row.component_id, row.space_id) for row in rows if row.kind in WHOLE}
    if not pairs:
        return {}
    place = [F("component"), F("space")]
    good = Deployment.objects.filter(
        component__in={component for component, _space in pairs}, space__in={space for _component, space in pairs},
        state=RunState.SUCCEEDED, kind__in=WHOLE, finished_at__isnull=False,
    )  # fmt: skip
    newest = good.order_by().annotate(place=Window(RowNumber(), partition_by=place, order_by=F("pk").desc()))
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in newest.filter(place__lte=USUAL_OF).only("component", "space", "created_at", "started_at", "finished_at"):
        found[row.component_id, row.space_id].append(took(row) or 0)
    # Less than a second says nothing of how long the next one takes.
    return {pair: int(median(seconds)) for pair, seconds in found.items() if median(seconds) >= 1}
