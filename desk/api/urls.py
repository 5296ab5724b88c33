"""Addresses of this app under /api/v1/."""

from __future__ import annotations

from django.urls import path

from desk.api import views

urlpatterns = [
    path("health/", views.Health.as_view()),
    path("health/<slug:kind>/<int:pk>/wake/", views.Wake.as_view()),
]
