"""Pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from notifications.views import notices, preferences

app_name = "notifications"
urlpatterns: list[URLPattern] = [
    path("notifications/", notices.list_notices, name="list"),
    path("notifications/read/", notices.read_all, name="read-all"),
    path("notifications/<int:pk>/read/", notices.read, name="read"),
    path("me/notifications/", preferences.preferences, name="preferences"),
    path("orders/<str:number>/mute/", preferences.mute, name="mute"),
]
