"""Pages of the figures, and the same as a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from components.models import Component
from desk import selectors
from desk.figures import PERIODS, Figures, Wanted, figures
from desk.figures.charts import charts
from desk.figures.exports import as_csv
from desk.figures.totals import totals, week_rows
from foundation import pages
from foundation.clock import db_now
from foundation.pages import read_view
from releases.views.pages import page, rights_of

MOST_COMPONENTS = 50


@read_view
def show(request: HttpRequest) -> HttpResponse:
    """Images, deployments, lead time, failures and builds of a project, or of all that one sees."""
    found = figures(rights_of(request), Wanted.read(request.GET.dict()))
    context = {
        "nav": "figures",
        "found": found,
        "charts": charts(found),
        "totals": totals(found),
        "by_week": week_rows(found),
        "builds": found.builds[:MOST_COMPONENTS],
        "hidden": len(found.builds) - len(found.builds[:MOST_COMPONENTS]),
        # A little more than the longest, so that its mark is not cut.
        "longest": max([row.spread.ninth or 0 for row in found.builds[:MOST_COMPONENTS]], default=0) * 51 // 50 + 1,
        "until": db_now(),
    }
    return page(request, "desk/figures.html", context | _choices(request, found))


def _choices(request: HttpRequest, found: Figures) -> dict[str, Any]:
    wanted = found.wanted
    projects = [(slug, f"{slug.upper()} {name}", slug == wanted.project) for _pk, slug, name in
                selectors.chosen_projects(rights_of(request))]  # fmt: skip
    components = (
        Component.objects.filter(project__in={one.project_id for one in found.spaces}) if wanted.project else []
    )
    names = sorted((f"{wanted.project}/{one.slug}", one.name) for one in components)
    return {
        "projects": projects,
        "environments": [(one.slug, one.label, one.slug == wanted.environment) for one in found.environments],
        "components": [(key, name, key == wanted.component) for key, name in names],
        "periods": [
            (key, label, key == wanted.period, query_of(wanted, period=key)) for key, (_weeks, label) in PERIODS.items()
        ],
        "query": query_of(wanted),
    }


def query_of(wanted: Wanted, **changes: str) -> str:
    """The filters, ready for an address."""
    given = {name: getattr(wanted, name) for name in ("period", "project", "environment", "component")}
    return pages.query_of(given | changes)


@read_view
def export(request: HttpRequest) -> HttpResponse:
    """Every number of the page, a line each."""
    found = figures(rights_of(request), Wanted.read(request.GET.dict()))
    answer = HttpResponse(as_csv(found), content_type="text/csv; charset=utf-8")
    name = "-".join(
        part for part in ("figures", found.wanted.project, f"{timezone.localtime(db_now()):%Y%m%d}") if part
    )
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer
