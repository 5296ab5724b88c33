"""Addresses of this app under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from trains.api import views

ORDER = "trains/<int:pk>/orders/<str:number>/"

urlpatterns: list[URLPattern] = [
    path("trains/", views.Trains.as_view()),
    path("projects/<slug:slug>/trains/", views.ProjectTrains.as_view()),
    path("trains/<int:pk>/", views.OneTrain.as_view()),
    path("trains/<int:pk>/start/", views.Start.as_view()),
    path("trains/<int:pk>/pause/", views.Pause.as_view()),
    path("trains/<int:pk>/comments/", views.Comments.as_view()),
    path("trains/<int:pk>/roll-backs/", views.RollBack.as_view()),
    path("trains/<int:pk>/orders/", views.Members.as_view()),
    path(ORDER + "skip/", views.Skip.as_view()),
    path(ORDER + "retry/", views.Retry.as_view()),
    path(ORDER + "remove/", views.Remove.as_view()),
]
