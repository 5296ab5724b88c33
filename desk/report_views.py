"""The report of a project: a page made to be printed, and the same as a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.actor import actor_of
from desk.audit_rows import rows_of
from desk.report import Period, Report, read_report
from desk.report.exports import as_csv
from desk.report.period import usual_periods
from environments.selectors.people import find_project
from foundation.clock import db_now
from foundation.pages import query_of, read_view
from releases.choices import ClosedReason
from releases.views.pages import page, rights_of


def _read(request: HttpRequest, slug: str) -> Report:
    project = find_project(actor_of(request), slug)
    return read_report(rights_of(request), project, Period.read(request.GET.dict()))


@read_view
def show(request: HttpRequest, project: str) -> HttpResponse:
    """Orders, rules, exceptions and consents of a period; last month unless days are given."""
    report = _read(request, project)
    context: dict[str, Any] = {
        "nav": "audit",
        "report": report,
        "project": report.project,
        "rules": rows_of(report.rules.items),
        "forced": rows_of(report.forced.items),
        "periods": [
            (label, query_of(period.query), period == report.period)
            for label, period in usual_periods(timezone.localtime(db_now()).date())
        ],
        "closed": [(ClosedReason(reason).label, count) for reason, count in sorted(report.totals.closed.items())],
        "query": query_of(report.period.query),
    }
    return page(request, "desk/report.html", context)


@read_view
def export(request: HttpRequest, project: str) -> HttpResponse:
    """Every number and every line of the page."""
    report = _read(request, project)
    answer = HttpResponse(as_csv(report), content_type="text/csv; charset=utf-8")
    days = f"{report.period.first:%Y%m%d}-{report.period.last:%Y%m%d}"
    answer["Content-Disposition"] = f'attachment; filename="report-{report.project.slug}-{days}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer
