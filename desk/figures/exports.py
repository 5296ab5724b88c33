"""The figures as a table: a line for each number, with its week and what it is of."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain

from audit.exports import safe_cell
from desk.figures.counting import Builds, Figures, Week

HEAD = ("figure", "week", "of", "value", "unit")
Row = tuple[str, str, str, str, str]


def as_csv(found: Figures) -> str:
    """UTF-8 text with a head line."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEAD)
    rows = [*chain(*(_week(found, week) for week in found.by_week)), *chain(*map(_project, found.projects)),
            *chain(*map(_component, found.builds))]  # fmt: skip
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _project(row: Builds) -> Iterator[Row]:
    yield "images_published", "", row.project, str(row.images), "images"


def _component(row: Builds) -> Iterator[Row]:
    name = f"{row.project}/{row.component}"
    yield "images_published", "", name, str(row.images), "images"
    yield "builds", "", name, str(row.ended), "builds"
    yield "build_success", "", name, str(row.success), "percent"
    for figure, value in (("build_median", row.spread.median), ("build_9_of_10", row.spread.ninth)):
        yield figure, "", name, "" if value is None else str(value), "seconds"


def _week(found: Figures, week: Week) -> Iterator[Row]:
    start = week.start.date().isoformat()
    yield "images_published", start, "", str(week.images), "images"
    for one in found.environments:
        yield "deployments", start, one.slug, str(week.deployments.get(one.pk, 0)), "deployments"
    for figure, value in (("lead_time_median", week.lead.median), ("lead_time_9_of_10", week.lead.ninth)):
        yield figure, start, "", "" if value is None else str(value), "seconds"
    yield "production_changes", start, "", str(week.changes), "deployments"
    yield "production_changes_failed", start, "", str(week.failed), "deployments"
