"""Addresses of this app under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from notifications.api import notices, preferences

urlpatterns: list[URLPattern] = [
    path("notifications/", notices.Notices.as_view()),
    path("notifications/read/", notices.AllRead.as_view()),
    path("notifications/<int:pk>/read/", notices.Read.as_view()),
    path("me/notifications/", preferences.OwnPreferences.as_view()),
    path("me/mutes/", preferences.Mutes.as_view()),
    path("orders/<str:number>/mute/", preferences.OrderMute.as_view()),
]
