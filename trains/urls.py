"""Pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from trains import views

app_name = "trains"
urlpatterns: list[URLPattern] = [
    path("trains/", views.trains, name="list"),
    path("trains/new/", views.new, name="new"),
    path("trains/<int:pk>/", views.train, name="train"),
    path("trains/<int:pk>/start/", views.start, name="start"),
    path("trains/<int:pk>/pause/", views.pause, name="pause"),
    path("trains/<int:pk>/roll-back/", views.roll_back, name="roll-back"),
    path("trains/<int:pk>/orders/", views.add, name="add"),
    path("trains/<int:pk>/orders/<str:number>/skip/", views.skip, name="skip"),
    path("trains/<int:pk>/orders/<str:number>/retry/", views.retry, name="retry"),
    path("trains/<int:pk>/orders/<str:number>/remove/", views.remove, name="remove"),
]
