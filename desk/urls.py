"""Pages of this room."""

from __future__ import annotations

from django.urls import path

from desk import finding, views

app_name = "desk"
urlpatterns = [
    path("", views.home, name="home"),
    path("approvals/", views.approvals, name="approvals"),
    path("search/", finding.search, name="search"),
    path("search/palette/", finding.palette, name="palette"),
    path("keys/", finding.keys, name="keys"),
    path("admin/", views.admin, name="admin"),
    path("health/", views.health, name="health"),
    path("health/<slug:kind>/<int:pk>/wake/", views.wake, name="wake"),
]
