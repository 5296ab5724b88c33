"""Pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from notifications.views import notices, preferences, webhooks

HOOKS = "projects/<slug:slug>/webhooks/"

app_name = "notifications"
urlpatterns: list[URLPattern] = [
    path("notifications/", notices.list_notices, name="list"),
    path("notifications/browser/", notices.for_browser, name="for-browser"),
    path("notifications/read/", notices.read_all, name="read-all"),
    path("notifications/<int:pk>/read/", notices.read, name="read"),
    path("me/notifications/", preferences.preferences, name="preferences"),
    path("orders/<str:number>/mute/", preferences.mute, name="mute"),
    path("orders/<str:number>/watch/", preferences.watch, name="watch"),
    path(HOOKS, webhooks.webhooks, name="webhooks"),
    path(HOOKS + "<int:pk>/", webhooks.webhook, name="webhook"),
    path(HOOKS + "<int:pk>/secret/", webhooks.renew_secret, name="webhook-secret"),
    path(HOOKS + "<int:pk>/test/", webhooks.try_webhook, name="webhook-test"),
    path(HOOKS + "<int:pk>/remove/", webhooks.remove, name="webhook-remove"),
    path(HOOKS + "<int:pk>/deliveries/<int:number>/redeliver/", webhooks.redeliver, name="redeliver"),
]
