"""Pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from accounts import views

app_name = "accounts"
urlpatterns: list[URLPattern] = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("switch/", views.switch, name="switch"),
    path("me/", views.own_settings, name="settings"),
    path("me/theme/", views.theme, name="theme"),
    path("me/password/", views.password, name="password"),
    path("me/sessions/", views.own_sessions, name="sessions"),
    path("me/sessions/others/", views.end_other_sessions, name="end-other-sessions"),
    path("me/sessions/<int:number>/", views.end_session, name="end-session"),
    path("me/tokens/", views.tokens, name="tokens"),
    path("me/tokens/<slug:key>/revoke/", views.revoke_token, name="revoke-token"),
]
