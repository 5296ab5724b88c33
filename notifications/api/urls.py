"""Addresses of this app under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from notifications.api import notices, preferences, webhooks

HOOKS = "projects/<slug:slug>/webhooks/"

urlpatterns: list[URLPattern] = [
    path("notifications/", notices.Notices.as_view()),
    path("notifications/read/", notices.AllRead.as_view()),
    path("notifications/<int:pk>/read/", notices.Read.as_view()),
    path("me/notifications/", preferences.OwnPreferences.as_view()),
    path("me/mutes/", preferences.Mutes.as_view()),
    path("me/watches/", preferences.Watches.as_view()),
    path("orders/<str:number>/mute/", preferences.OrderMute.as_view()),
    path("orders/<str:number>/watch/", preferences.OrderWatch.as_view()),
    path(HOOKS, webhooks.OutgoingWebhooks.as_view()),
    path(HOOKS + "<int:pk>/", webhooks.OneOutgoingWebhook.as_view()),
    path(HOOKS + "<int:pk>/secret/", webhooks.Secret.as_view()),
    path(HOOKS + "<int:pk>/test/", webhooks.Test.as_view()),
    path(HOOKS + "<int:pk>/deliveries/", webhooks.Dispatches.as_view()),
    path(HOOKS + "<int:pk>/deliveries/<int:number>/redelivery/", webhooks.Redelivery.as_view()),
]
