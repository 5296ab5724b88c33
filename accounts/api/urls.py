"""Addresses of this app under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from accounts.api import schema as _schema  # noqa: F401 (registers itself)
from accounts.api import views

urlpatterns: list[URLPattern] = [
    path("sign-in/", views.SignIn.as_view()),
    path("sign-out/", views.SignOut.as_view()),
    path("me/", views.Me.as_view()),
    path("me/password/", views.OwnPassword.as_view()),
    path("me/sessions/", views.Sessions.as_view()),
    path("me/sessions/<int:number>/", views.OneSession.as_view()),
    path("tokens/", views.Tokens.as_view()),
    path("tokens/<slug:key>/", views.OneToken.as_view()),
]
