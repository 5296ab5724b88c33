"""Pages of this room."""

from __future__ import annotations

from django.urls import path

from desk import deciding, finding, home, style_guide, views

app_name = "desk"
urlpatterns = [
    path("", home.home, name="home"),
    path("approvals/", deciding.approvals, name="approvals"),
    path("approvals/next/", deciding.next_approval, name="approvals-next"),
    path("compare/<slug:project>/<slug:slug>/<slug:environment>/", home.compare, name="compare"),
    path("search/", finding.search, name="search"),
    path("search/palette/", finding.palette, name="palette"),
    path("api-call/", finding.api_call, name="api-call"),
    path("keys/", finding.keys, name="keys"),
    path("_styleguide/", style_guide.style_guide, name="style-guide"),
    path("admin/", views.admin, name="admin"),
    path("health/", views.health, name="health"),
    path("health/<slug:kind>/<int:pk>/wake/", views.wake, name="wake"),
]
