"""The five numbers above the charts, each with what it was in the period before; and the numbers of each week."""

from __future__ import annotations

from dataclasses import dataclass

from desk.figures.counting import Figures, Week
from foundation import durations
from foundation.messages import MessageLike
from foundation.messages import message as _

HOUR = 3600


@dataclass(frozen=True)
class Total:
    """``value`` with its ``unit``; ``before`` is the same of the period before, empty where there was none."""

    title: MessageLike
    value: str
    unit: MessageLike = ""
    before: str = ""


def totals(found: Figures) -> list[Total]:
    now, before, weeks = found.now, found.before, len(found.by_week)
    return [
        Total(_("Images published"), str(now.images), before=str(before.images)),
        Total(_("Deployments a week"), _rate(now.deployments, weeks), before=_rate(before.deployments, weeks)),
        Total(_("Lead time, median"), _hours(now.lead.median), "h", _hours(before.lead.median)),
        Total(_("Change failure rate"), _percent(now.failure_rate), "%", _percent(before.failure_rate)),
        Total(_("Build time, median"), _clock(now.builds.median), before=_clock(before.builds.median)),
    ]


@dataclass(frozen=True)
class WeekRow:
    """One week in words; ``deployments`` by environment."""

    week: Week
    deployments: list[tuple[str, int]]
    median: str
    ninth: str


def week_rows(found: Figures) -> list[WeekRow]:
    """Newest first."""
    return [
        WeekRow(
            week,
            [(one.label, week.deployments.get(one.pk, 0)) for one in found.shown],
            _hours(week.lead.median),
            _hours(week.lead.ninth),
        )
        for week in reversed(found.by_week)
    ]


def _rate(number: int, weeks: int) -> str:
    value = number / weeks
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _hours(seconds: int | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds / HOUR:.0f}" if seconds >= 10 * HOUR else f"{seconds / HOUR:.1f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _clock(seconds: int | None) -> str:
    return "–" if seconds is None else durations.clock(seconds)
