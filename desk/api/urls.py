"""Addresses of this app under /api/v1/."""

from __future__ import annotations

from django.urls import path

from desk.api import audit, calendar, comparison, explanations, figures, order_sheet, readiness, report, twins, views

urlpatterns = [
    path("audit/events/", audit.Events.as_view()),
    path("audit/exports/", audit.Exports.as_view()),
    path("audit/check/", audit.Check.as_view()),
    path("orders/<str:number>/sheet/", order_sheet.OrderSheet.as_view()),
    path("calendar/", calendar.CalendarMonth.as_view()),
    path("calendar/day/", calendar.CalendarDay.as_view()),
    path("figures/", figures.ShownFigures.as_view()),
    path("explanations/", explanations.Explanations.as_view(), name="api-explanations"),
    path("projects/<slug:slug>/report/", report.ProjectReport.as_view()),
    path("projects/<slug:slug>/comparison/", comparison.Comparison.as_view()),
    path("projects/<slug:slug>/spaces/<slug:environment>/promotions/", comparison.SpacePromotions.as_view()),
    path("twins/", twins.Twins.as_view()),
    path("projects/<slug:slug>/spaces/<slug:environment>/twin/", twins.ProjectTwin.as_view()),
    path("projects/<slug:slug>/spaces/<slug:environment>/alignments/", twins.Alignments.as_view()),
    path("projects/<slug:slug>/spaces/<slug:environment>/readiness/", readiness.SpaceReadiness.as_view()),
    path("health/", views.Health.as_view()),
    path("health/<slug:kind>/<int:pk>/wake/", views.Wake.as_view()),
]
