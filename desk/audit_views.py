"""The audit's page: who did what to what, where, when and from where; its check and its exports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.actor import actor_of
from audit.choices import Outcome
from audit.heads import heads_file
from desk import audit_files
from desk.audit_rows import NOUNS, rows_of
from desk.selectors.audit import (
    AuditFilters,
    filter_events,
    is_stale,
    last_check,
    readable_events,
    readable_projects,
    with_links,
)
from desk.services import ask_for_check, export_audit
from environments.models import Environment
from foundation import paging
from foundation.api.routes import api_route
from foundation.days import read_day
from foundation.messages import message as _
from foundation.pages import act_view, query_of, read_view, redirect_with, render_page
from releases.views.pages import rights_of


@read_view
def events(request: HttpRequest) -> HttpResponse:
    """Newest first, 50 a page, without COUNT, in the same number of queries however many there are."""
    rights = rights_of(request)
    filters = read_filters(request)
    rows = filter_events(readable_events(actor_of(request), rights), filters)
    found = paging.asked_page(with_links(rows), request.GET)
    context: dict[str, Any] = {
        "page": found,
        "rows": rows_of(found.items),
        "given": filters,
        "is_filtered": bool(filters.given),
        "query": query_of(filters.given),
        "reads_all": rights.can("read_audit"),
        **_choices(filters, readable_projects(rights)),
        **_check(),
    }
    return render_page(request, "desk/audit.html", context, nav="audit", is_kept=False)


def read_filters(request: HttpRequest) -> AuditFilters:
    """What the address says; a day or an outcome that is none narrows nothing."""
    given = AuditFilters.read(request.GET)
    for name in ("since", "until"):
        day = read_day(getattr(given, name))
        given = replace(given, **{name: day.isoformat() if day else ""})
    return given if given.outcome in Outcome.values else replace(given, outcome="")


def _choices(filters: AuditFilters, projects: list[str]) -> dict[str, Any]:
    places = Environment.objects.order_by("position").values_list("slug", flat=True)
    return {
        "projects": [(slug, slug.upper(), slug == filters.project) for slug in projects],
        "environments": [(slug, slug.upper(), slug == filters.environment) for slug in places],
        "verbs": [(noun, label, noun == filters.verb) for noun, label in NOUNS.items()],
        "outcomes": [(value, label, value == filters.outcome) for value, label in Outcome.choices],
    }


def _check() -> dict[str, Any]:
    check = last_check()
    return {"check": check, "is_stale": check is None or is_stale(check), "has_heads_file": heads_file() is not None}


@read_view
def export(request: HttpRequest) -> Any:
    """What the filters leave, as a signed file."""
    kind = request.GET.get("kind", "csv")
    pieces = export_audit(actor=actor_of(request), rights=rights_of(request), filters=read_filters(request), kind=kind)
    return audit_files.response(request, pieces, kind)


@api_route("audit_check_create")
@act_view
def check(request: HttpRequest) -> HttpResponse:
    """Verify now."""
    ask_for_check(actor=actor_of(request))
    return redirect_with(
        request, _("The audit is being verified: the result stands here within seconds."), "desk:audit"
    )
