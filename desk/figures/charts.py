"""Charts as plain numbers for a template that draws them: bars by week, and lines over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import formats, timezone

from desk.figures.counting import Figures, Week
from environments.models import Environment
from foundation.messages import MessageLike
from foundation.messages import message as _

WIDTH, HEIGHT = 560, 168
LEFT, RIGHT, TOP, BOTTOM = 34, 4, 10, 22
LINES = 4
MOST_LABELS = 4
NICE = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Bar:
    """One piece of a bar; ``shade`` is its series, ``title`` what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    shade: str
    title: str


@dataclass(frozen=True)
class Tick:
    at: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Line:
    points: str
    shade: str


@dataclass(frozen=True)
class Dot:
    """A week's own value: a line alone shows nothing where the weeks beside it have none."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Series:
    """A line of the legend."""

    shade: str
    label: MessageLike
    is_production: bool = False


@dataclass
class Chart:
    """What stands in one card: ``told`` says the same to people who do not see it."""

    title: MessageLike
    definition: MessageLike
    told: MessageLike
    legend: list[Series] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    across: list[Tick] = field(default_factory=list)
    below: list[Tick] = field(default_factory=list)

    width, height, left, right = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT
    base = HEIGHT - BOTTOM


Piece = tuple[str, float, str]
"""Shade, value, title."""


def charts(found: Figures) -> list[Chart]:
    """The four of the page."""
    return [_images(found), _deployments(found), _lead(found), _changes(found)]


def _images(found: Figures) -> Chart:
    told = _("%(n)s images were published in %(weeks)s weeks.", n=found.now.images, weeks=len(found.by_week))
    chart = Chart(
        _("Images published"), _("Builds that ended with a digest in the registry, by the day they ended."), told
    )
    return _drawn(chart, found, lambda week: [("accent", week.images, _day(week.start, week.images))])


def _deployments(found: Figures) -> Chart:
    told = _("%(n)s deployments reached a verdict.", n=found.now.deployments)
    shades = {one.pk: f"shade-{min(number, 3)}" for number, one in enumerate(found.environments)}
    shown = found.shown
    definition = _("Deployments and roll backs that reached a verdict, without restarts and scaling.")
    legend = [Series(shades[one.pk], one.label, one.is_production) for one in shown]
    chart = Chart(_("Deployments per week"), definition, told, legend)

    def pieces(week: Week) -> list[Piece]:
        return [(shades[one.pk], week.deployments.get(one.pk, 0), _named(week, one)) for one in shown]

    return _drawn(chart, found, pieces)


def _named(week: Week, environment: Environment) -> str:
    return f"{environment.label}, {_day(week.start, week.deployments.get(environment.pk, 0))}"


def _changes(found: Figures) -> Chart:
    now = found.now
    rate = "–" if now.failure_rate is None else f"{now.failure_rate} %"
    definition = _(
        "Failed: the deployment failed, or was rolled back within 24 h. %(failed)s of %(changes)s = %(rate)s.",
        failed=now.failed, changes=now.changes, rate=rate,
    )  # fmt: skip
    legend = [Series("calm", _("went well")), Series("failed", _("failed or rolled back"))]
    chart = Chart(_("Production changes"), definition, definition, legend)

    def pieces(week: Week) -> list[Piece]:
        good = week.changes - week.failed
        return [("calm", good, _day(week.start, good)), ("failed", week.failed, _day(week.start, week.failed))]

    return _drawn(chart, found, pieces)


def _lead(found: Figures) -> Chart:
    where = ", ".join(one.label for one in found.production)
    definition = _("From the creation of the order to its first success in %(where)s.", where=where)
    legend = [Series("accent", _("median")), Series("muted", _("9 of 10"))]
    chart = Chart(_("Lead time, hours"), definition, definition, legend)
    rows = [(week.lead.median, week.lead.ninth) for week in found.by_week]
    top = _nice(max([value / 3600 for row in rows for value in row if value is not None], default=0))
    _axes(chart, found, top)
    middles = _middles(len(rows))
    for index, shade in ((1, "muted"), (0, "accent")):
        known = [(x, row[index]) for x, row in zip(middles, rows, strict=True)]
        points = " ".join(f"{x:.1f},{_y(value / 3600, top):.1f}" for x, value in known if value is not None)
        if points:
            chart.lines.append(Line(points, shade))
    for x, week in zip(middles, found.by_week, strict=True):
        if week.lead.median is not None:
            hours = round(week.lead.median / 3600, 1)
            chart.dots.append(Dot(round(x, 1), round(_y(hours, top), 1), _day(week.start, hours)))
    return chart


# ---------------------------------------------------------------- drawing
def _drawn(chart: Chart, found: Figures, pieces: Callable[[Week], Sequence[Piece]]) -> Chart:
    stacks = [pieces(week) for week in found.by_week]
    top = _nice(max([sum(value for _shade, value, _title in stack) for stack in stacks], default=0))
    _axes(chart, found, top)
    step = (WIDTH - LEFT - RIGHT) / len(stacks)
    gap = min(5.0, step * 0.18)
    for number, stack in enumerate(stacks):
        y = float(chart.base)
        for shade, value, title in stack:
            height = (chart.base - TOP) * value / top
            y -= height
            if value:
                x = LEFT + step * number + gap / 2
                chart.bars.append(Bar(round(x, 1), round(y, 1), round(step - gap, 1), round(height, 1), shade, title))
    return chart


def _axes(chart: Chart, found: Figures, top: float) -> None:
    for number in range(LINES + 1):
        value = top * number / LINES
        chart.across.append(Tick(round(_y(value, top), 1), f"{value:g}"))
    starts = [week.start for week in found.by_week]
    middles, every = _middles(len(starts)), max(1, len(starts) // MOST_LABELS)
    for number, start in enumerate(starts):
        if number % every == 0 and number <= len(starts) - every // 2 - 1:
            anchor = "start" if number == 0 and len(starts) > LINES else "middle"
            x = LEFT if anchor == "start" else middles[number]
            chart.below.append(
                Tick(round(x, 1), formats.date_format(timezone.localtime(start), "MONTH_DAY_FORMAT"), anchor)
            )


def _middles(count: int) -> list[float]:
    step = (WIDTH - LEFT - RIGHT) / count
    return [LEFT + step * (number + 0.5) for number in range(count)]


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _nice(highest: float) -> float:
    """The least top of an axis that four lines divide into round numbers."""
    step = max(highest, LINES) / LINES
    power = 10 ** (len(str(int(step))) - 1)
    return float(next(one * power for one in NICE if one * power >= step)) * LINES


def _day(start: datetime, value: float) -> str:
    return f"{formats.date_format(timezone.localtime(start), 'MONTH_DAY_FORMAT')}: {value:g}"
