"""Pages of this app."""

from __future__ import annotations

from django.urls import path

from desk import (
    audit_views,
    calendar_views,
    compare_views,
    explain_views,
    figure_views,
    report_views,
    sheet_views,
    style_guide,
    twin_views,
    views,
)

app_name = "desk"
urlpatterns = [
    path("", views.home, name="home"),
    path("approvals/", views.approvals, name="approvals"),
    path("approvals/next/", views.next_approval, name="approvals-next"),
    path("compare/", compare_views.environments, name="compare-environments"),
    path("promote/<slug:project>/<slug:environment>/", compare_views.promote, name="promote"),
    path("twins/", twin_views.twins, name="twins"),
    path("twins/<slug:project>/<slug:environment>/", twin_views.twin, name="twin"),
    path("twins/<slug:project>/<slug:environment>/align/", twin_views.align_twin, name="twin-align"),
    path("twins/<slug:project>/<slug:environment>/readiness/", twin_views.check_readiness, name="readiness"),
    path("search/", views.search, name="search"),
    path("search/palette/", views.palette, name="palette"),
    path("api-call/", views.api_call, name="api-call"),
    path("keys/", views.keys, name="keys"),
    path("_styleguide/", style_guide.style_guide, name="style-guide"),
    path("audit/", audit_views.events, name="audit"),
    path("audit/export/", audit_views.export, name="audit-export"),
    path("audit/check/", audit_views.check, name="audit-check"),
    path("orders/<str:number>/sheet/", sheet_views.order_sheet, name="order-sheet"),
    path("calendar/", calendar_views.show, name="calendar"),
    path("calendar/notes/", calendar_views.write, name="calendar-note"),
    path("figures/", figure_views.show, name="figures"),
    path("figures/export/", figure_views.export, name="figures-export"),
    path("report/<slug:project>/", report_views.show, name="report"),
    path("report/<slug:project>/export/", report_views.export, name="report-export"),
    path("explain/", explain_views.explain_page, name="explain"),
    path("admin/", views.admin, name="admin"),
    path("health/", views.health, name="health"),
    path("health/<slug:kind>/<int:pk>/wake/", views.wake, name="wake"),
]
